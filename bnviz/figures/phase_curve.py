"""A statistic over the updates with the phases of training, as a small SVG beside its verdict.

It has the colour of the surrounding text, so that it suits light and dark themes and print.
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
    """Return an SVG: mean over seeds (line), its 95 % interval (band), the rule's bound (dashed) and shaded phases.

    Args:
        finding: its curve is drawn; with fewer than two steps the text is empty.
        ratio: draw a logarithmic axis.
        updates: length of the whole run.
    """
    curve = finding.curve
    steps, mean = np.array(curve.steps, float), _axis_values(curve.mean, ratio)
    valid = np.isfinite(mean)
    if valid.sum() < 2:
        return ""
    low, high = (
        np.where(np.isfinite(end), end, mean)
        for end in (_axis_values(curve.low, ratio), _axis_values(curve.high, ratio))
    )
    bounds = [bound for bound in _axis_values(_bounds(finding, ratio), ratio) if math.isfinite(bound)]
    least, most = min(*low[valid], *bounds), max(*high[valid], *bounds)
    span = (most - least) or 1.0

    def across(step: float) -> float:
        return LEFT + step / updates * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return TOP + (most - value) / span * (HEIGHT - TOP - BOTTOM)

    def points(values: np.ndarray, places: np.ndarray) -> str:
        return " ".join(f"{across(step):.1f},{up(value):.1f}" for step, value in zip(places, values, strict=True))

    band = f"{points(low[valid], steps[valid])} {points(high[valid][::-1], steps[valid][::-1])}"
    description = escape(_description(finding, *np.flatnonzero(valid)[[0, -1]]))
    parts = [
        *(_phase(name, across(start * updates), across(end * updates)) for name, (start, end) in PHASES.items()),
        f'<polygon points="{band}" fill="currentColor" opacity="0.2"/>',
        *(_dashed(up(bound)) for bound in bounds),
        f'<polyline points="{points(mean[valid], steps[valid])}" fill="none" stroke="currentColor" stroke-width="2"/>',
        *(
            _label(up(value), value, ratio)
            for value in {least, most, *bounds[:1]}
            if _has_room(value, least, most, span)
        ),
        *(_step_label(across(step), step) for step in np.linspace(0, updates, STEP_TICKS)),
    ]
    return (
        f'<svg role="img" aria-label="{description}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-size="10" fill="currentColor"><title>{description}</title>{"".join(parts)}</svg>'
    )


def _axis_values(values: tuple[float, ...], ratio: bool) -> np.ndarray:
    numbers = np.array(values, float)
    with np.errstate(all="ignore"):
        return np.where(numbers > 0, np.log(numbers), np.nan) if ratio else numbers


def _bounds(finding: Finding, ratio: bool) -> tuple[float, ...]:
    if finding.kind != "within":
        return (finding.bound,)
    return (1 / finding.bound if ratio else -finding.bound, finding.bound)


def _description(finding: Finding, first: int, last: int) -> str:
    """Describe the curve from its first to its last finite point, given by their places."""
    curve = finding.curve
    return (
        f"{finding.claim} over the updates: {digits(curve.mean[first], 2)} at update {curve.steps[first]}, "
        f"{digits(curve.mean[last], 2)} at update {curve.steps[last]}; {finding.kind} {finding.bound:.3g} is required"
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


def _has_room(value: float, least: float, most: float, span: float) -> bool:
    """Whether a label at this value does not overlap the labels at both ends."""
    return value in (least, most) or min(value - least, most - value) > 0.15 * span


def _label(y: float, value: float, ratio: bool) -> str:
    text = digits(math.exp(value) if ratio else value, 2)
    return f'<text x="{LEFT - 4}" y="{y + 3.5:.1f}" text-anchor="end">{text}</text>'


def _step_label(x: float, step: float) -> str:
    anchor = "start" if x < LEFT + 1 else "end" if x > WIDTH - RIGHT - 1 else "middle"
    unit = " updates" if anchor == "end" else ""
    return f'<text x="{x:.1f}" y="{HEIGHT - 5}" text-anchor="{anchor}">{step:.0f}{unit}</text>'
