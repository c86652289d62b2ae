"""`python -m bnviz experiment NAME`: run an experiment over several seeds, and print what it says of each claim.

What is claimed and how it is judged is declared in `bnviz.experiments`; here the runs are trained, the table is printed
and the files are written. The exit status tells only whether it ran: a contradicted claim is a result.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import click
import pandas as pd

from bnviz import experiments
from bnviz.analysis.csv_tables import as_csv, units_of
from bnviz.analysis.statistics import CONFIDENCE
from bnviz.cli.options import Refusal
from bnviz.cli.parallel_runs import train_all
from bnviz.cli.report import table
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.datasets import DatasetError
from bnviz.experiments import DEFAULT_SETTING, DIVERGED, Claim, ClaimResult, Experiment, Finding

Planned = dict[tuple[str, int], dict[str, RunConfig]]
"""The arms' configurations by setting and seed."""
CHECKED = {"supported": "holds", "contradicted": "fails", "inconclusive": "inconclusive"}


DEFAULT_SEEDS = 10


@click.command(short_help="Test the claims of a paper.")
@click.argument("name", metavar="NAME")
@click.option(
    "--seeds", type=click.IntRange(1, 1000), default=DEFAULT_SEEDS, show_default=True, help="How many: 0, 1, 2 ..."
)
@click.option("--dataset", metavar="NAME", help="Instead of the one it is shown with.")
@click.option("--sweep", is_flag=True, help="In its other settings, too: where a verdict may flip.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many train at once.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the records (netCDF-3), the tables (CSV) and a report (HTML) to this folder; records that are there "
    "already are not trained again.",
)
@click.option("--quiet", is_flag=True, help="No progress, only what came out.")
def experiment(
    name: str, seeds: int, dataset: str | None, sweep: bool, processes: int, out: Path | None, quiet: bool
) -> None:
    """Run the experiment NAME and print its verdicts; `python -m bnviz list experiments` names them all.

    A verdict needs 6 seeds; with fewer, intervals are printed without one.
    """
    chosen = _load(name)
    if dataset is not None and dataset not in chosen.datasets:
        raise Refusal(f"--dataset = {dataset}: {name} makes sense on {', '.join(chosen.datasets)}.")
    folder = None if out is None else out / "records"
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(f"--out = {out}: this folder cannot be made ({error.strerror}).") from error
    planned = plan(chosen, range(seeds), [DEFAULT_SETTING, *(chosen.settings if sweep else ())], dataset)
    try:
        records = train_planned(planned, processes, name, quiet, folder)
    except DatasetError as error:
        raise click.ClickException(str(error)) from error
    found = judge_planned(name, chosen, planned, records)
    click.echo(f"{chosen.question}  ({chosen.source})\n")
    for setting in dict.fromkeys(one.first.setting for one in found):
        click.echo(verdict_table(chosen, [one for one in found if one.first.setting == setting]) + "\n")
    if out is not None:
        _write(out, name, chosen, planned, records, found)
        click.echo(f"written to {out}: report.html, findings.csv, runs.csv and {len(records)} records")


def plan(chosen: Experiment, seeds: Sequence[int], settings: Sequence[str], dataset: str | None) -> Planned:
    """Every arm's configuration in every setting and for every seed."""
    return {(setting, seed): chosen.configs(seed, setting, dataset) for setting in settings for seed in seeds}


def train_planned(
    planned: Planned, processes: int, name: str, quiet: bool, folder: Path | None = None
) -> dict[str, Record]:
    """Train all that is planned, saying on stderr how far it is; records by run key. `folder` is as for `train_all`."""
    configs = [config for arms in planned.values() for config in arms.values()]
    total = len({config.key for config in configs})
    came = 0

    def done(_: Record) -> None:
        nonlocal came
        came += 1
        if not quiet:
            end = "\r" if sys.stderr.isatty() and came < total else "\n"
            click.echo(f"{name}: {came} of {total} runs{end}", nl=False, err=True)

    return train_all(configs, processes, done, folder)


def judge_planned(name: str, chosen: Experiment, planned: Planned, records: dict[str, Record]) -> list[ClaimResult]:
    """Every claim in every setting that was planned."""
    found = []
    for setting in dict.fromkeys(setting for setting, _ in planned):
        by_seed = {
            seed: {arm: records[config.key] for arm, config in arms.items()}
            for (where, seed), arms in planned.items()
            if where == setting
        }
        claims = [claim for claim in chosen.claims if setting not in claim.not_in]
        found += [experiments.judge(name, claim, by_seed, setting) for claim in claims]
    return found


def verdict_table(chosen: Experiment, judged: Sequence[ClaimResult]) -> str:
    """A row for each claim, condition and phase: its verdict, its rule, the mean, and both intervals."""
    first = judged[0].first
    rows = [[f"{first.dataset}, {first.setting}", "phase", "verdict", "rule", "mean", "95 % (t)", "95 % (ranks)"]]
    evidence = [one for one in judged if not chosen.claim(one.first.claim).check]
    standing = experiments.significant_verdicts(evidence)
    for one in judged:
        check = chosen.claim(one.first.claim).check
        for finding in one.findings:
            phase = finding.phase or one.phases[0]
            decides = finding.verdict == one.verdict_in(phase) != "inconclusive"
            stands = decides and (finding.experiment, finding.claim, phase) in standing
            rows.append(
                [
                    finding.claim if finding is one.first else "",
                    finding.phase,
                    verdict_text(finding, check) + (" *" if stands else ""),
                    rule_text(finding),
                    f"{finding.mean:.3g}" if math.isfinite(finding.mean) else "undefined",
                    interval_text(finding.low, finding.high),
                    interval_text(finding.rank_low, finding.rank_high),
                ]
            )
    notes = [f"  {claim.name}: {meaning_text(claim)}" for claim in chosen.claims]
    tests = sum(len(one.phases) for one in evidence)
    by_chance = (1 - CONFIDENCE) * tests
    notes.append(
        f"  *: stands after Holm's correction over these {tests} verdicts, of which {by_chance:.1f} would look"
    )
    notes[-1] += " decided by chance alone"
    notes += [f"  {one.first.claim}: {left_out_text(one.first)}" for one in judged if one.first.left_out]
    return "\n".join([table(rows), *notes])


def verdict_text(finding: Finding, check: bool) -> str:
    """The verdict in a word or two; an identity that is checked holds or fails."""
    if not finding.seeds:
        return "not comparable"
    if finding.has_too_few_seeds:
        return "too few seeds"
    return CHECKED[finding.verdict] if check else finding.verdict


def meaning_text(claim: Claim) -> str:
    """What is measured, by all conditions, and what a diverged network counts as."""
    measured = "; and: ".join(condition.measured for condition in claim.conditions)
    diverged = "; ".join(dict.fromkeys(DIVERGED[condition.diverged] for condition in claim.conditions))
    return f"{measured} ({diverged})"


def left_out_text(finding: Finding) -> str:
    """How many seeds are left out, and why."""
    total = len(finding.seeds) + len(finding.left_out)
    return f"{len(finding.left_out)} of {total} seeds are left out: {finding.why_left_out}"


def interval_text(low: float, high: float) -> str:
    """Both ends, or that there is none."""
    return f"{low:.3g} to {high:.3g}" if math.isfinite(low) and math.isfinite(high) else "none"


def rule_text(finding: Finding) -> str:
    """What the interval has to keep to, in a few words."""
    if finding.kind != "within":
        return f"{finding.kind} {finding.bound:g}"
    condition = experiments.load(finding.experiment).claim(finding.claim).conditions[finding.condition]
    return f"within a factor of {finding.bound:.3g}" if condition.ratio else f"within ±{finding.bound:g}"


def _load(name: str) -> Experiment:
    try:
        return experiments.load(name)
    except registry.UnknownPluginError as error:
        raise Refusal(f"{error}.") from error


def _write(
    out: Path,
    name: str,
    chosen: Experiment,
    planned: Planned,
    records: dict[str, Record],
    judged: Sequence[ClaimResult],
) -> None:
    from bnviz.cli.experiment_report import report

    runs = []
    for (setting, seed), arms in planned.items():
        for arm, config in arms.items():
            record = records[config.key]
            runs.append(
                {"setting": setting, "seed": seed, "arm": arm, "run_key": config.key, "outcome": record.outcome}
                | {curve: record.final(curve) for curve in ("final_test_accuracy", "final_test_loss", "train_loss")}
            )
    (out / "runs.csv").write_bytes(as_csv(pd.DataFrame(runs), units_of(records.values())))
    rows = []
    for finding in (finding for one in judged for finding in one.findings):
        claim = chosen.claim(finding.claim)
        row = {field.name: getattr(finding, field.name) for field in fields(finding)}
        values = row.pop("values")
        del row["curve"]
        row["seeds"], row["left_out"] = len(finding.seeds), len(finding.left_out)
        row |= {"statement": claim.statement, "measured": claim.conditions[finding.condition].measured}
        rows.append(row | {f"seed_{seed}": value for seed, value in zip(finding.seeds, values, strict=True)})
    (out / "findings.csv").write_bytes(as_csv(pd.DataFrame(rows)))
    (out / "report.html").write_text(report(name, chosen, judged), encoding="utf-8")
