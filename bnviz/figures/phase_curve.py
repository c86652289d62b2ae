"""The course of a statistic over the updates, phase by phase, as a small SVG beside its verdict.

Drawn in the colour of the text around it, so that one picture serves light, dark and print.
"""

import math
from html import escape

import numpy as np

from bnviz.core.measurement_schedule import PHASES
from bnviz.core.number_format import digits
from bnviz.experiments import Finding

WIDTH, HEIGHT = 320, 96  # in CSS pixels
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 6, 18
STEP_TICKS = 3


def phase_curve(finding: Finding, ratio: bool, updates: int) -> str:
    """The mean over seeds as a line, its 95 % interval as a band, the rule's bound as a dashed line; phases alternate.

    Args:
        finding: whose curve is drawn; without one of two steps or more, the text is empty.
        ratio: the axis is logarithmic.
        updates: of the whole run.
    """
    curve = finding.curve
    steps, mean = np.array(curve.steps, float), _placed(curve.mean, ratio)
    seen = np.isfinite(mean)
    if seen.sum() < 2:
        return ""
    low, high = (
        np.where(np.isfinite(end), end, mean) for end in (_placed(curve.low, ratio), _placed(curve.high, ratio))
    )
    bounds = [bound for bound in _placed(_bounds(finding, ratio), ratio) if math.isfinite(bound)]
    least, most = min(*low[seen], *bounds), max(*high[seen], *bounds)
    span = (most - least) or 1.0

    def across(step: float) -> float:
        return LEFT + step / updates * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return TOP + (most - value) / span * (HEIGHT - TOP - BOTTOM)

    def points(values: np.ndarray, places: np.ndarray) -> str:
        return " ".join(f"{across(step):.1f},{up(value):.1f}" for step, value in zip(places, values, strict=True))

    band = f"{points(low[seen], steps[seen])} {points(high[seen][::-1], steps[seen][::-1])}"
    told = escape(_told(finding, *np.flatnonzero(seen)[[0, -1]]))
    parts = [
        *(_phase(name, across(start * updates), across(end * updates)) for name, (start, end) in PHASES.items()),
        f'<polygon points="{band}" fill="currentColor" opacity="0.2"/>',
        *(_dashed(up(bound)) for bound in bounds),
        f'<polyline points="{points(mean[seen], steps[seen])}" fill="none" stroke="currentColor" stroke-width="2"/>',
        *(_label(up(value), value, ratio) for value in {least, most, *bounds[:1]} if _apart(value, least, most, span)),
        *(_step_label(across(step), step) for step in np.linspace(0, updates, STEP_TICKS)),
    ]
    return (
        f'<svg role="img" aria-label="{told}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-size="10" fill="currentColor"><title>{told}</title>{"".join(parts)}</svg>'
    )


def _placed(values: tuple[float, ...], ratio: bool) -> np.ndarray:
    numbers = np.array(values, float)
    with np.errstate(all="ignore"):
        return np.where(numbers > 0, np.log(numbers), np.nan) if ratio else numbers


def _bounds(finding: Finding, ratio: bool) -> tuple[float, ...]:
    if finding.kind != "within":
        return (finding.bound,)
    return (1 / finding.bound if ratio else -finding.bound, finding.bound)


def _told(finding: Finding, first: int, last: int) -> str:
    """In words, from the first place of the curve that is seen to the last."""
    curve = finding.curve
    return (
        f"{finding.claim} over the updates: {digits(curve.mean[first], 2)} at update {curve.steps[first]}, "
        f"{digits(curve.mean[last], 2)} at update {curve.steps[last]}; {finding.kind} {finding.bound:.3g} is asked for"
    )


def _phase(name: str, left: float, right: float) -> str:
    shade = 0.0 if name == "middle" else 0.06
    return (
        f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT - TOP - BOTTOM}" '
        f'opacity="{shade}"><title>{name}</title></rect>'
    )


def _dashed(y: float) -> str:
    return (
        f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="currentColor" '
        'stroke-dasharray="4 3" opacity="0.7"/>'
    )


def _apart(value: float, least: float, most: float, span: float) -> bool:
    """Whether a label of this value does not lie over those of both ends."""
    return value in (least, most) or min(value - least, most - value) > 0.15 * span


def _label(y: float, value: float, ratio: bool) -> str:
    text = digits(math.exp(value) if ratio else value, 2)
    return f'<text x="{LEFT - 4}" y="{y + 3.5:.1f}" text-anchor="end">{text}</text>'


def _step_label(x: float, step: float) -> str:
    anchor = "start" if x < LEFT + 1 else "end" if x > WIDTH - RIGHT - 1 else "middle"
    unit = " updates" if anchor == "end" else ""
    return f'<text x="{x:.1f}" y="{HEIGHT - 5}" text-anchor="{anchor}">{step:.0f}{unit}</text>'
