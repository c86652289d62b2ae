"""Dot plot of a finding as SVG text: one dot per seed, the interval of the mean, and the range of the rule.

Colours are CSS variables of the report, so that the picture suits light and dark themes.
"""

import math
from html import escape

from bnviz.experiments import Finding

WIDTH, HEIGHT, EDGE = 260, 46, 12  # in CSS pixels
MIDDLE = 16
SCATTER = (0, -6, 6, -3, 3)
"""Vertical offsets in pixels, used in turn, so that dots of similar values do not hide each other."""


def dot_plot(finding: Finding, ratio: bool) -> str:
    """Return the SVG; a ratio has a logarithmic axis. Values that are not finite are only in the description."""
    required = _required_range(finding, ratio)
    values = [*finding.values, finding.low, finding.high, *required]
    visible = [value for value in values if math.isfinite(value) and (value > 0 or not ratio)]
    axis = _Axis(visible, ratio)
    parts = [
        f'<rect class="wanted" x="{axis.position(required[0]):.1f}" y="2" '
        f'width="{axis.position(required[1]) - axis.position(required[0]):.1f}" height="{HEIGHT - 18}"/>'
    ]
    for bound in required:
        if bound in visible:
            parts.append(
                _line("bound", axis.position(bound), 2, axis.position(bound), HEIGHT - 16) + _label(axis, bound)
            )
    if math.isfinite(finding.low) and math.isfinite(finding.high):
        parts.append(_line("interval", axis.position(finding.low), MIDDLE, axis.position(finding.high), MIDDLE))
        parts += [
            _line("interval", x, MIDDLE - 5, x, MIDDLE + 5) for x in map(axis.position, (finding.low, finding.high))
        ]
    for place, value in enumerate(finding.values):
        if value in visible:
            height = MIDDLE + SCATTER[place % len(SCATTER)]
            parts.append(f'<circle class="seed" cx="{axis.position(value):.1f}" cy="{height}" r="2.6"/>')
    description = escape(_description(finding))
    return (
        f'<svg role="img" aria-label="{description}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f"<title>{description}</title>{''.join(parts)}</svg>"
    )


class _Axis:
    """Map values to pixels; values outside of the axis, infinity included, are put on its edge."""

    def __init__(self, values: list[float], ratio: bool) -> None:
        self.ratio = ratio
        positions = [self._place(value) for value in values]
        low, high = min(positions), max(positions)
        margin = 0.08 * (high - low) or 0.5
        self.low, self.high = low - margin, high + margin

    def position(self, value: float) -> float:
        share = (self._place(value) - self.low) / (self.high - self.low)
        return EDGE + min(max(share, 0.0), 1.0) * (WIDTH - 2 * EDGE)

    def _place(self, value: float) -> float:
        if not self.ratio:
            return value
        return math.log(value) if value > 0 else -math.inf


def _required_range(finding: Finding, ratio: bool) -> tuple[float, float]:
    """Both ends of the range in which the interval has to lie."""
    bound = finding.bound
    if finding.kind == "above":
        return bound, math.inf
    if finding.kind == "below":
        return (0.0 if ratio else -math.inf), bound
    return (1 / bound if ratio else -bound), bound


def _description(finding: Finding) -> str:
    values = ", ".join(f"{value:.3g}" for value in finding.values if math.isfinite(value)) or "none"
    undefined = sum(not math.isfinite(value) for value in finding.values)
    undefined_seeds = f"; undefined in {undefined} of {len(finding.values)} seeds" if undefined else ""
    return f"{finding.claim}: values by seed {values}{undefined_seeds}; {finding.kind} {finding.bound:.3g} is required"


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(axis: _Axis, value: float) -> str:
    x = axis.position(value)
    anchor = "start" if x < 40 else "end" if x > WIDTH - 40 else "middle"
    return f'<text x="{x:.1f}" y="{HEIGHT - 3}" text-anchor="{anchor}">{value:.3g}</text>'
