"""`python -m bnviz experiment NAME`: run an experiment over several seeds, and print what it says of each claim.

What is claimed and how it is judged is declared in `bnviz.experiments`; here the runs are trained, the table is printed
and the files are written. The exit status tells only whether it ran: a contradicted claim is a result.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
import pandas as pd

from bnviz import experiments, registry
from bnviz.cli.many import train_all
from bnviz.cli.options import Refusal
from bnviz.cli.report import table
from bnviz.config import RunConfig
from bnviz.datasets import DatasetError
from bnviz.experiments import DEFAULT_SETTING, Claim, Experiment, Finding
from bnviz.record import Record

Planned = dict[tuple[str, int], dict[str, RunConfig]]
"""The arms' configurations by setting and seed."""


@click.command(short_help="Test the claims of a paper.")
@click.argument("name", metavar="NAME")
@click.option("--seeds", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many: 0, 1, 2 ...")
@click.option("--dataset", metavar="NAME", help="Instead of the one it is shown with.")
@click.option("--sweep", is_flag=True, help="In its other settings, too: where a verdict may flip.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many train at once.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the records (netCDF-3), the tables (CSV) and a report (HTML) to this folder.",
)
@click.option("--quiet", is_flag=True, help="No progress, only what came out.")
def experiment(
    name: str, seeds: int, dataset: str | None, sweep: bool, processes: int, out: Path | None, quiet: bool
) -> None:
    """Run the experiment NAME and print its verdicts; `python -m bnviz list experiments` names them all.

    A verdict needs 5 seeds; with fewer, what is printed is provisional.
    """
    chosen = _load(name)
    if dataset is not None and dataset not in chosen.datasets:
        raise Refusal(f"--dataset = {dataset}: {name} makes sense on {', '.join(chosen.datasets)}.")
    planned = plan(chosen, range(seeds), [DEFAULT_SETTING, *(chosen.settings if sweep else ())], dataset)
    if out is not None:
        try:
            (out / "records").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(f"--out = {out}: this folder cannot be made ({error.strerror}).") from error
    try:
        records = train_planned(planned, processes, name, quiet)
    except DatasetError as error:
        raise click.ClickException(str(error)) from error
    findings = judge_planned(name, chosen, planned, records)
    click.echo(f"{chosen.question}  ({chosen.source})\n")
    for setting in dict.fromkeys(finding.setting for finding in findings):
        click.echo(verdict_table(chosen, [finding for finding in findings if finding.setting == setting]) + "\n")
    if out is not None:
        _write(out, name, chosen, planned, records, findings)
        click.echo(f"written to {out}: report.html, findings.csv, runs.csv and {len(records)} records")


def plan(chosen: Experiment, seeds: Sequence[int], settings: Sequence[str], dataset: str | None) -> Planned:
    """Every arm's configuration in every setting and for every seed."""
    return {(setting, seed): chosen.configs(seed, setting, dataset) for setting in settings for seed in seeds}


def train_planned(planned: Planned, processes: int, name: str, quiet: bool) -> dict[str, Record]:
    """Train all that is planned, saying on stderr how far it is; records by run key."""
    configs = [config for arms in planned.values() for config in arms.values()]
    total = len({config.key for config in configs})
    came = 0

    def done(_: Record) -> None:
        nonlocal came
        came += 1
        if not quiet:
            end = "\r" if sys.stderr.isatty() and came < total else "\n"
            click.echo(f"{name}: {came} of {total} runs{end}", nl=False, err=True)

    return train_all(configs, processes, done)


def judge_planned(name: str, chosen: Experiment, planned: Planned, records: dict[str, Record]) -> list[Finding]:
    """Every claim's finding in every setting that was planned."""
    findings = []
    for setting in dict.fromkeys(setting for setting, _ in planned):
        by_seed = {
            seed: {arm: records[config.key] for arm, config in arms.items()}
            for (where, seed), arms in planned.items()
            if where == setting
        }
        claims = [claim for claim in chosen.claims if setting not in claim.not_in]
        findings += [experiments.judge(name, claim, by_seed, setting) for claim in claims]
    return findings


def verdict_table(chosen: Experiment, findings: Sequence[Finding]) -> str:
    """One row a claim: what was measured, its interval, what the rule asks for, the verdict."""
    first = findings[0]
    rows = [[f"{first.dataset}, {first.setting}", "verdict", "rule", "mean", "95 % interval"]]
    for finding in findings:
        verdict = f"{finding.verdict} (provisional)" if finding.provisional else finding.verdict
        rows.append(
            [
                finding.claim,
                verdict,
                rule_text(finding),
                f"{finding.mean:.3g}",
                f"{finding.low:.3g} to {finding.high:.3g}",
            ]
        )
    meaning = "\n".join(f"  {claim.name}: {claim.measured}" for claim in chosen.claims)
    return f"{table(rows)}\n{meaning}"


def rule_text(finding: Finding) -> str:
    """What the interval has to keep to, in a few words."""
    if finding.kind != "within":
        return f"{finding.kind} {finding.bound:g}"
    return f"within ±{finding.bound:g}" if _is_difference(finding) else f"within a factor of {finding.bound:.3g}"


def _is_difference(finding: Finding) -> bool:
    return not next(c for c in experiments.load(finding.experiment).claims if c.name == finding.claim).ratio


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
    findings: Sequence[Finding],
) -> None:
    from bnviz.cli.experiment_report import report

    runs = []
    for (setting, seed), arms in planned.items():
        for arm, config in arms.items():
            record = records[config.key]
            record.save(out / "records" / f"{config.key}.nc")
            runs.append(
                {"setting": setting, "seed": seed, "arm": arm, "run_key": config.key, "outcome": record.outcome}
                | {curve: record.final(curve) for curve in ("final_test_accuracy", "final_test_loss", "train_loss")}
            )
    pd.DataFrame(runs).to_csv(out / "runs.csv", index=False)
    claims: dict[str, Claim] = {claim.name: claim for claim in chosen.claims}
    rows = []
    for finding in findings:
        row = asdict(finding)
        values = row.pop("values")
        row["seeds"] = len(finding.seeds)
        row |= {"statement": claims[finding.claim].statement, "measured": claims[finding.claim].measured}
        rows.append(row | {f"seed_{seed}": value for seed, value in zip(finding.seeds, values, strict=True)})
    pd.DataFrame(rows).to_csv(out / "findings.csv", index=False)
    (out / "report.html").write_text(report(name, chosen, findings), encoding="utf-8")
