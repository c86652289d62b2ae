"""`python -m bnviz experiment NAME`: run an experiment over several seeds and print the verdicts of its claims.

The exit status says only whether the experiment ran: a contradicted claim is a result, not an error.
"""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import click
import pandas as pd

from bnviz import experiments
from bnviz.analysis.csv_tables import as_csv, units_of
from bnviz.cli.experiment_runs import RunPlan, judge_plan, plan_runs, train_plan
from bnviz.cli.options import Refusal
from bnviz.cli.verdict_table import verdict_table
from bnviz.core import registry
from bnviz.core.record import Record
from bnviz.datasets import DatasetError
from bnviz.experiments import DEFAULT_SETTING, ClaimResult, Experiment

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
    declared = _load(name)
    if dataset is not None and dataset not in declared.datasets:
        raise Refusal(f"--dataset = {dataset}: {name} makes sense on {', '.join(declared.datasets)}.")
    folder = None if out is None else out / "records"
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(f"--out = {out}: this folder cannot be made ({error.strerror}).") from error
    plan = plan_runs(declared, range(seeds), [DEFAULT_SETTING, *(declared.settings if sweep else ())], dataset)
    try:
        records = train_plan(plan, processes, name, quiet, folder)
    except DatasetError as error:
        raise click.ClickException(str(error)) from error
    results = judge_plan(name, declared, plan, records)
    click.echo(f"{declared.question}  ({declared.source})\n")
    for setting in dict.fromkeys(result.first.setting for result in results):
        click.echo(verdict_table(declared, [result for result in results if result.first.setting == setting]) + "\n")
    if out is not None:
        _write_files(out, name, declared, plan, records, results)
        click.echo(f"written to {out}: report.html, findings.csv, runs.csv and {len(records)} records")


def _load(name: str) -> Experiment:
    try:
        return experiments.load(name)
    except registry.UnknownPluginError as error:
        raise Refusal(f"{error}.") from error


def _write_files(
    out: Path,
    name: str,
    declared: Experiment,
    plan: RunPlan,
    records: dict[str, Record],
    results: Sequence[ClaimResult],
) -> None:
    """Write runs.csv, findings.csv and report.html to a folder."""
    from bnviz.cli.experiment_report import report

    (out / "runs.csv").write_bytes(as_csv(_runs_table(plan, records), units_of(records.values())))
    (out / "findings.csv").write_bytes(as_csv(_findings_table(declared, results)))
    (out / "report.html").write_text(report(name, declared, results), encoding="utf-8")


def _runs_table(plan: RunPlan, records: dict[str, Record]) -> pd.DataFrame:
    rows = []
    for (setting, seed), arms in plan.items():
        for arm, config in arms.items():
            record = records[config.key]
            rows.append(
                {"setting": setting, "seed": seed, "arm": arm, "run_key": config.key, "outcome": record.outcome}
                | {curve: record.final(curve) for curve in ("final_test_accuracy", "final_test_loss", "train_loss")}
            )
    return pd.DataFrame(rows)


def _findings_table(declared: Experiment, results: Sequence[ClaimResult]) -> pd.DataFrame:
    rows = []
    for finding in (finding for result in results for finding in result.findings):
        claim = declared.claim(finding.claim)
        row = {field.name: getattr(finding, field.name) for field in fields(finding)}
        values = row.pop("values")
        del row["curve"]
        row["seeds"], row["left_out"] = len(finding.seeds), len(finding.left_out)
        row |= {"statement": claim.statement, "measured": claim.conditions[finding.condition].measured}
        rows.append(row | {f"seed_{seed}": value for seed, value in zip(finding.seeds, values, strict=True)})
    return pd.DataFrame(rows)
