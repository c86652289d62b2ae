"""What an experiment found, as one HTML page: `python -m bnviz experiment NAME --out FOLDER` writes it.

It needs nothing but a browser: no script, no font, no picture from elsewhere. What is claimed and how it was judged is
read off the experiment and its findings; nothing is judged here.
"""

import math
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version

from bnviz import registry
from bnviz.cli.dot_plot import dot_plot
from bnviz.cli.experiment import rule_text
from bnviz.cli.report import link
from bnviz.config import MEASURING_VERSION
from bnviz.experiments import DEFAULT_SETTING, FEWEST_SEEDS, Claim, Experiment, Finding

SIGNS = {"supported": "✓", "contradicted": "✗", "inconclusive": "?"}
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
.inconclusive { color: var(--inconclusive); }
details { margin: .75rem 0; color: var(--quiet); }
svg { display: block; } svg text { fill: var(--quiet); font-size: 11px; }
.wanted { fill: var(--supported); opacity: .12; } .bound { stroke: var(--quiet); stroke-dasharray: 3 2; }
.interval { stroke: var(--ink); stroke-width: 1.5; } .seed { fill: var(--accent); opacity: .85; }
"""


def report(name: str, chosen: Experiment, findings: Sequence[Finding]) -> str:
    """The page of experiment `name`: settings in the order of the findings, every text escaped."""
    settings = dict.fromkeys(one.setting for one in findings)
    first = findings[0]
    label = registry.describe("experiments", name).label
    sections = [
        f"<h1>{escape(chosen.question)}</h1>",
        f'<p class="quiet">{escape(label)}: {escape(chosen.source)}. Data set: {escape(first.dataset)}, '
        f"{len(first.seeds)} {'seed' if len(first.seeds) == 1 else 'seeds'}.</p>",
        _flips(findings),
        _rules(),
        *(_setting(chosen, setting, [one for one in findings if one.setting == setting]) for setting in settings),
        _repeat(name, chosen, first, list(settings)),
    ]
    head = f'<meta name="viewport" content="width=device-width"><title>{escape(chosen.question)}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{head}<style>{STYLE}</style></head>\n'
        f"<body>\n{chr(10).join(sections)}\n</body></html>\n"
    )


def _flips(findings: Sequence[Finding]) -> str:
    """The settings in which a verdict is another than by default."""
    usual = {one.claim: one for one in findings if one.setting == DEFAULT_SETTING}
    flipped = [one for one in findings if one.claim in usual and one.verdict != usual[one.claim].verdict]
    if len({one.setting for one in findings}) == 1:
        return "<p>Tested in one setting only; <code>--sweep</code> tests the others, in which a verdict may flip.</p>"
    if not flipped:
        return "<p>No verdict flips: all settings agree with the default one.</p>"
    lines = [
        f"<li>{escape(one.claim)}: {_verdict(usual[one.claim])} {escape(DEFAULT_SETTING)}, "
        f"{_verdict(one)} in <strong>{escape(one.setting)}</strong></li>"
        for one in flipped
    ]
    return f"<h2>Where verdicts flip</h2>\n<ul>{''.join(lines)}</ul>"


def _rules() -> str:
    return (
        "<h2>How verdicts are made</h2>\n<p>Statistic and rule of each claim were declared before anything was run. "
        "The arms of one seed share initial weights, data order and noise, so they are compared in pairs: one value a "
        "seed. A claim is supported if the whole 95 % interval of the mean (Student's t) lies where the rule asks, "
        "contradicted if all of it lies elsewhere, inconclusive otherwise, and also where a value is undefined. "
        f"With fewer than {FEWEST_SEEDS} seeds a verdict is provisional.</p>\n"
        '<p class="quiet">In the pictures a dot is a seed, the bar is the interval, and the tinted part is where it '
        "has to lie. The mean of ratios is the geometric one, and their axis is logarithmic.</p>"
    )


def _setting(chosen: Experiment, setting: str, findings: Sequence[Finding]) -> str:
    claims = {claim.name: claim for claim in chosen.claims}
    rows = "\n".join(_row(claims[one.claim], one) for one in findings)
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in ("claim", "verdict", "asked for", "seeds", "mean", "95 % interval")
    )
    arms = "".join(
        f"<li>{escape(arm)}: <code>{escape(link(config))}</code></li>"
        for arm, config in chosen.configs(findings[0].seeds[0], setting, findings[0].dataset).items()
    )
    return (
        f'<h2>{escape(setting[:1].upper() + setting[1:])}</h2>\n<div class="scroll"><table><thead><tr>{heads}</tr>'
        f"</thead>\n<tbody>{rows}</tbody></table></div>\n<details><summary>The arms' links</summary><ul>{arms}</ul>"
        "<p>Each works with <code>python -m bnviz run --link</code>; other seeds add <code>seed=</code>.</p></details>"
    )


def _row(claim: Claim, one: Finding) -> str:
    return (
        f'<tr><th scope="row">{escape(claim.statement)}<br><small>{escape(claim.source)}<br>'
        f"<code>{escape(claim.name)}</code>: {escape(claim.measured)}</small></th>"
        f'<td class="verdict">{_verdict(one)}</td><td>{escape(rule_text(one))}</td>'
        f"<td>{dot_plot(one, claim.ratio)}</td>"
        f'<td class="number">{_number(one.mean)}</td><td class="number">{_interval(one)}</td></tr>'
    )


def _interval(one: Finding) -> str:
    return f"{_number(one.low)} to {_number(one.high)}" if math.isfinite(one.low) else "undefined"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−") if math.isfinite(value) else "undefined"


def _verdict(one: Finding) -> str:
    provisional = " (provisional)" if one.provisional else ""
    return f'<span class="{one.verdict}">{SIGNS[one.verdict]} {one.verdict}{provisional}</span>'


def _repeat(name: str, chosen: Experiment, first: Finding, settings: Sequence[str]) -> str:
    dataset = "" if first.dataset == chosen.datasets[0] else f" --dataset {first.dataset}"
    sweep = " --sweep" if len(settings) > 1 else ""
    command = f"python -m bnviz experiment {name} --seeds {len(first.seeds)}{dataset}{sweep}"
    return (
        f"<h2>To repeat it</h2>\n<p><code>{escape(command)}</code></p>\n"
        f'<p class="quiet">Measuring version {MEASURING_VERSION}, torch {escape(version("torch"))}, '
        f"Python {platform.python_version()}, {datetime.now(UTC).date().isoformat()}. Each run on one thread of the "
        "CPU.</p>"
    )
