"""HTML report of an experiment, written by `python -m bnviz experiment NAME --out FOLDER`.

The page is self-contained: it has no script and loads no font or picture.
"""

import math
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version

from bnviz.cli.dot_plot import dot_plot
from bnviz.cli.report import link
from bnviz.cli.verdict_table import exclusion_text, meaning_text, rule_text, verdict_text
from bnviz.core import registry
from bnviz.core.config import MEASURING_VERSION
from bnviz.core.measurement_schedule import PHASES
from bnviz.experiments import DEFAULT_SETTING, FEWEST_SEEDS, Claim, ClaimResult, Experiment, Finding
from bnviz.figures.phase_curve import phase_curve

SIGNS = {"supported": "✓", "contradicted": "✗", "changes": "↔", "inconclusive": "?"}
STYLE = """
:root { color-scheme: light dark; --ink: #1d2530; --quiet: #5b6673; --ground: #fff; --raised: #f5f7f9; --edge: #d9dfe5;
  --supported: #00684a; --contradicted: #a53f00; --inconclusive: #5b6673; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaef; --quiet: #a3adb8; --ground: #12171d; --raised: #1b222a;
  --edge: #333d48; --supported: #4fc79c; --contradicted: #f0a069; --inconclusive: #a3adb8; --accent: #6cb8e6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 72rem; color: var(--ink); background: var(--ground);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 2rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.25rem; }
p, ul { max-width: 46rem; }
code { padding: .1em .3em; border-radius: 4px; background: var(--raised); font-size: .875em; overflow-wrap: anywhere; }
.quiet, small { color: var(--quiet); }
.scroll { overflow-x: auto; border: 1px solid var(--edge); border-radius: 10px; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
th, td { padding: .65rem .8rem; text-align: left; vertical-align: top; }
tr + tr > *, tbody tr > * { border-top: 1px solid var(--edge); }
thead th { background: var(--raised); font-weight: 600; white-space: nowrap; }
tbody th { min-width: 17rem; font-weight: 400; }
.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
.verdict { font-weight: 600; white-space: nowrap; }
.supported { color: var(--supported); } .contradicted { color: var(--contradicted); }
.inconclusive { color: var(--inconclusive); } .changes { color: var(--accent); }
.curves { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; } figure { margin: 0; }
details { margin: .75rem 0; color: var(--quiet); }
svg { display: block; } svg text { fill: var(--quiet); font-size: 11px; }
.wanted { fill: var(--supported); opacity: .12; } .bound { stroke: var(--quiet); stroke-dasharray: 3 2; }
.interval { stroke: var(--ink); stroke-width: 1.5; } .seed { fill: var(--accent); opacity: .85; }
"""


def report(name: str, experiment: Experiment, results: Sequence[ClaimResult]) -> str:
    """Return the page of experiment `name`, with settings in the order of the results; every text is escaped."""
    settings = dict.fromkeys(result.first.setting for result in results)
    first = results[0].first
    label = registry.describe("experiments", name).label
    seeds = len(first.seeds) + len(first.left_out)
    sections = [
        f"<h1>{escape(experiment.question)}</h1>",
        f'<p class="quiet">{escape(label)}: {escape(experiment.source)}. Data set: {escape(first.dataset)}, '
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}.</p>",
        _flips(results),
        _rules(),
        *(
            _setting(experiment, setting, [result for result in results if result.first.setting == setting])
            for setting in settings
        ),
        _repeat(name, experiment, first, seeds, list(settings)),
    ]
    head = f'<meta name="viewport" content="width=device-width"><title>{escape(experiment.question)}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{head}<style>{STYLE}</style></head>\n'
        f"<body>\n{chr(10).join(sections)}\n</body></html>\n"
    )


def _flips(results: Sequence[ClaimResult]) -> str:
    """The settings in which a verdict differs from the default one."""
    usual = {result.first.claim: result for result in results if result.first.setting == DEFAULT_SETTING}
    flipped = [
        result
        for result in results
        if result.first.claim in usual and result.outcome != usual[result.first.claim].outcome
    ]
    if len({result.first.setting for result in results}) == 1:
        return "<p>Tested in one setting only; <code>--sweep</code> tests the others, in which a verdict may flip.</p>"
    if not flipped:
        return "<p>No verdict flips: all settings agree with the default one.</p>"
    lines = [
        f"<li>{escape(result.first.claim)}: {_outcome(usual[result.first.claim])} {escape(DEFAULT_SETTING)}, "
        f"{_outcome(result)} in <strong>{escape(result.first.setting)}</strong></li>"
        for result in flipped
    ]
    return f"<h2>Where verdicts flip</h2>\n<ul>{''.join(lines)}</ul>"


def _rules() -> str:
    phases = ", ".join(f"{name} ({start:.0%} to {end:.0%} of the updates)" for name, (start, end) in PHASES.items())
    return (
        "<h2>How verdicts are made</h2>\n<p>Statistic and rule of each claim were declared before anything was run. "
        "The arms of one seed share initial weights, data order and noise, so they are compared in pairs: one value a "
        "seed. A claim is supported if two 95 % intervals, of the mean (Student's t) and of the median (ranks), lie "
        "wholly where the rule asks, contradicted if both lie wholly elsewhere, inconclusive otherwise and also "
        f"where a value is undefined. A verdict needs {FEWEST_SEEDS} seeds.</p>\n"
        f"<p>What is measured over time is judged over the whole run and in each phase: {phases}. Every update weighs "
        "the same, however the measured steps are spaced. A claim that one phase supports and another contradicts "
        "<em>changes</em> over training.</p>\n"
        '<p class="quiet">In the pictures a dot is a seed, the bar is the interval of the mean, and the tinted part is '
        "where it has to lie. The mean of ratios is the geometric one, and their axis is logarithmic. A curve is the "
        "statistic over the updates: mean over seeds, 95 % interval (band), the rule's bound (dashed).</p>"
    )


def _setting(experiment: Experiment, setting: str, results: Sequence[ClaimResult]) -> str:
    configs = experiment.configs(
        results[0].first.seeds[0] if results[0].first.seeds else 0, setting, results[0].first.dataset
    )
    rows = "\n".join(_rows(experiment.claim(result.first.claim), result) for result in results)
    heads = "".join(
        f'<th scope="col">{head}</th>'
        for head in ("claim", "phase", "verdict", "rule", "seeds", "mean", "95 % (t)", "95 % (ranks)")
    )
    arms = "".join(f"<li>{escape(arm)}: <code>{escape(link(config))}</code></li>" for arm, config in configs.items())
    updates = max(config.steps for config in configs.values())
    curves = "".join(_curve(experiment.claim(result.first.claim), result, updates) for result in results)
    return (
        f'<h2>{escape(setting[:1].upper() + setting[1:])}</h2>\n<div class="scroll"><table><thead><tr>{heads}</tr>'
        f'</thead>\n<tbody>{rows}</tbody></table></div>\n<div class="curves">{curves}</div>'
        f"<details><summary>The arms' links</summary><ul>{arms}</ul>"
        "<p>Each works with <code>python -m bnviz run --link</code>; other seeds add <code>seed=</code>.</p></details>"
    )


def _rows(claim: Claim, result: ClaimResult) -> str:
    """A row for each condition and phase, after a cell with the claim that spans them."""
    left_out = f"<br>{escape(exclusion_text(result.first))}" if result.first.left_out else ""
    head = (
        f'<th scope="rowgroup" rowspan="{len(result.findings)}">{escape(claim.statement)}<br><small>'
        f"{escape(claim.source)}<br><code>{escape(claim.name)}</code>: {escape(meaning_text(claim))}{left_out}"
        "</small></th>"
    )
    rows = []
    for finding in result.findings:
        ratio = claim.conditions[finding.condition].ratio
        rows.append(
            f"<tr>{head if finding is result.first else ''}<td>{escape(finding.phase)}</td>"
            f'<td class="verdict">{_verdict(finding, claim.check)}</td><td>{escape(rule_text(finding))}</td>'
            f'<td>{dot_plot(finding, ratio)}</td><td class="number">{_number(finding.mean)}</td>'
            f'<td class="number">{_interval(finding.low, finding.high)}</td>'
            f'<td class="number">{_interval(finding.rank_low, finding.rank_high)}</td></tr>'
        )
    return "".join(rows)


def _curve(claim: Claim, result: ClaimResult, updates: int) -> str:
    svg = phase_curve(result.first, claim.conditions[0].ratio, updates)
    return f"<figure><figcaption><code>{escape(claim.name)}</code></figcaption>{svg}</figure>" if svg else ""


def _interval(low: float, high: float) -> str:
    return f"{_number(low)} to {_number(high)}" if math.isfinite(low) and math.isfinite(high) else "undefined"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−") if math.isfinite(value) else "undefined"


def _verdict(finding: Finding, check: bool) -> str:
    sign = "?" if finding.has_too_few_seeds else SIGNS[finding.verdict]
    return f'<span class="{finding.verdict}">{sign} {verdict_text(finding, check)}</span>'


def _outcome(result: ClaimResult) -> str:
    return f'<span class="{result.outcome}">{SIGNS[result.outcome]} {result.outcome}</span>'


def _repeat(name: str, experiment: Experiment, first: Finding, seeds: int, settings: Sequence[str]) -> str:
    dataset = "" if first.dataset == experiment.datasets[0] else f" --dataset {first.dataset}"
    sweep = " --sweep" if len(settings) > 1 else ""
    command = f"python -m bnviz experiment {name} --seeds {seeds}{dataset}{sweep}"
    return (
        f"<h2>To repeat it</h2>\n<p><code>{escape(command)}</code></p>\n"
        f'<p class="quiet">Measuring version {MEASURING_VERSION}, torch {escape(version("torch"))}, '
        f"Python {platform.python_version()}, {datetime.now(UTC).date().isoformat()}. Each run on one thread of the "
        "CPU.</p>"
    )
