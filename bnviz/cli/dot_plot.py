"""A small picture of one finding, as SVG text: a dot a seed, the interval of the mean, and where it has to lie.

Colours are CSS variables of the page it is put into, so that one picture serves light and dark. It does not know what
was measured, nor how it was judged.
"""

import math
from html import escape

from bnviz.experiments import Finding

WIDTH, HEIGHT, EDGE = 260, 46, 12  # in CSS pixels
MIDDLE = 16
SCATTER = (0, -6, 6, -3, 3)
"""Dots of seeds that agree would hide each other: each is moved up or down by the next of these."""


def dot_plot(finding: Finding, ratio: bool) -> str:
    """The picture; a ratio has a logarithmic axis. Values that are not finite are counted in words, not drawn."""
    wanted = _wanted(finding, ratio)
    seen = [*finding.values, finding.low, finding.high, *wanted]
    shown = [value for value in seen if math.isfinite(value) and (value > 0 or not ratio)]
    axis = _Axis(shown, ratio)
    parts = [
        f'<rect class="wanted" x="{axis.at(wanted[0]):.1f}" y="2" '
        f'width="{axis.at(wanted[1]) - axis.at(wanted[0]):.1f}" height="{HEIGHT - 18}"/>'
    ]
    for bound in wanted:
        if bound in shown:
            parts.append(_line("bound", axis.at(bound), 2, axis.at(bound), HEIGHT - 16) + _label(axis, bound))
    if math.isfinite(finding.low) and math.isfinite(finding.high):
        parts.append(_line("interval", axis.at(finding.low), MIDDLE, axis.at(finding.high), MIDDLE))
        parts += [_line("interval", x, MIDDLE - 5, x, MIDDLE + 5) for x in map(axis.at, (finding.low, finding.high))]
    for place, value in enumerate(finding.values):
        if value in shown:
            height = MIDDLE + SCATTER[place % len(SCATTER)]
            parts.append(f'<circle class="seed" cx="{axis.at(value):.1f}" cy="{height}" r="2.6"/>')
    told = escape(_told(finding))
    return (
        f'<svg role="img" aria-label="{told}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f"<title>{told}</title>{''.join(parts)}</svg>"
    )


class _Axis:
    """From values to pixels; what lies outside, infinity included, is put to the edge."""

    def __init__(self, shown: list[float], ratio: bool) -> None:
        self.ratio = ratio
        places = [self._place(value) for value in shown]
        low, high = min(places), max(places)
        margin = 0.08 * (high - low) or 0.5
        self.low, self.high = low - margin, high + margin

    def at(self, value: float) -> float:
        share = (self._place(value) - self.low) / (self.high - self.low)
        return EDGE + min(max(share, 0.0), 1.0) * (WIDTH - 2 * EDGE)

    def _place(self, value: float) -> float:
        if not self.ratio:
            return value
        return math.log(value) if value > 0 else -math.inf


def _wanted(finding: Finding, ratio: bool) -> tuple[float, float]:
    """Between which values the interval has to lie."""
    bound = finding.bound
    if finding.kind == "above":
        return bound, math.inf
    if finding.kind == "below":
        return (0.0 if ratio else -math.inf), bound
    return (1 / bound if ratio else -bound), bound


def _told(finding: Finding) -> str:
    values = ", ".join(f"{value:.3g}" for value in finding.values if math.isfinite(value)) or "none"
    undefined = sum(not math.isfinite(value) for value in finding.values)
    lost = f"; undefined in {undefined} of {len(finding.values)} seeds" if undefined else ""
    return f"{finding.claim}: values by seed {values}{lost}; {finding.kind} {finding.bound:.3g} is required"


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(axis: _Axis, value: float) -> str:
    place = axis.at(value)
    anchor = "start" if place < 40 else "end" if place > WIDTH - 40 else "middle"
    return f'<text x="{place:.1f}" y="{HEIGHT - 3}" text-anchor="{anchor}">{value:.3g}</text>'
