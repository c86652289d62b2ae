"""`python -m bnviz gallery build`: train the runs that ship with bnviz and test every claim.

Writes the records of the presets, with which pages open, and the findings of all experiments for the scoreboard.
"""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from bnviz import experiments
from bnviz.analysis.quantities import final_score
from bnviz.cli.experiment_runs import judge_plan, plan_runs, train_plan
from bnviz.cli.parallel_runs import train_all
from bnviz.cli.report import outcome
from bnviz.core import registry
from bnviz.core.config import MEASURING_VERSION
from bnviz.experiments import DEFAULT_SETTING, Finding
from bnviz.records import gallery as kept
from bnviz.records.gallery import findings as stored

SEEDS = 20
"""Of the findings that ship; a run takes less than ten seconds."""


@click.group()
def gallery() -> None:
    """Build what ships with the app: records of the presets, and the verdicts of all experiments."""


@gallery.command()
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=kept.FOLDER, help="Write to another folder."
)
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many train at once.")
@click.option("--records/--no-records", default=True, help="The presets' records.")
@click.option("--verdicts/--no-verdicts", default=True, help="The experiments' findings; takes about an hour.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=SEEDS,
    show_default=True,
    help="Of each experiment in each setting.",
)
@click.option(
    "--mnist-seeds", type=click.IntRange(0, 1000), default=0, show_default=True, help="On MNIST, in default settings."
)
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the record of each of the experiments' runs here, and train only those that are not there yet: "
    "a build that was stopped goes on.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
def build(
    folder: Path,
    processes: int,
    records: bool,
    verdicts: bool,
    seeds: int,
    mnist_seeds: int,
    runs: Path | None,
    quiet: bool,
) -> None:
    """Train every arm of every preset and every experiment in every setting, and write records and findings."""
    for needed_folder in filter(None, (folder, runs)):
        needed_folder.mkdir(parents=True, exist_ok=True)
    if records:
        _build_records(folder, processes)
    if verdicts:
        findings: list[Finding] = []
        for name in registry.names("experiments"):
            experiment = experiments.load(name)
            plans = [(experiment.datasets[0], setting, seeds) for setting in (DEFAULT_SETTING, *experiment.settings)]
            plans += (
                [("mnist", DEFAULT_SETTING, mnist_seeds)] if mnist_seeds and "mnist" in experiment.datasets[1:] else []
            )
            for dataset, setting, count in plans:
                plan = plan_runs(experiment, range(count), [setting], dataset)
                trained = train_plan(plan, processes, f"{name} on {dataset}, {setting}", quiet, runs)
                results = judge_plan(name, experiment, plan, trained)
                findings += [finding for result in results for finding in result.findings]
        versions = {"measuring": str(MEASURING_VERSION), "torch": version("torch"), "python": platform.python_version()}
        path = folder / stored.PATH.name
        stored.save(stored.StoredFindings(datetime.now(UTC).date().isoformat(), versions, tuple(findings)), path)
        click.echo(f"{path.name}  {path.stat().st_size / 1000:4.0f} kB  {len(findings)} findings")


def _build_records(folder: Path, processes: int) -> None:
    """Write every preset's records, and remove records that belong to no preset."""
    from bnviz.core.presets import PRESETS  # imported late: it fails if a plug-in of the presets is broken

    arms = [
        (f"{preset}, {arm}", config)
        for preset, comparison in PRESETS.items()
        for arm, config in comparison.configs().items()
    ]
    trained = train_all([config for _, config in arms], processes, lambda _: None)
    written = set()
    for name, config in arms:
        record = trained[config.key]
        path = kept.save(record, folder)
        written.add(path)
        accuracy, loss = (final_score(record, quantity) for quantity in ("test_accuracy", "test_loss"))
        score = f"test accuracy {accuracy:.4f}, test loss {loss:.4g}"
        click.echo(f"{path.name}  {path.stat().st_size / 1000:4.0f} kB  {name}: {outcome(record)}, {score}")
    for path in sorted(set(folder.glob(f"*{kept.SUFFIX}")) - written):
        path.unlink()
        click.echo(f"{path.name}  removed: no preset has this run key")
