"""`python -m bnviz gallery build`: train the runs that ship with bnviz, and test every claim anew.

Writes the records of the presets, which pages open with, and the findings of all experiments, which the scoreboard
shows. What the files are is `bnviz.gallery`'s business, which runs they are `bnviz.presets`' and `bnviz.experiments`'.
"""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from bnviz import experiments, registry
from bnviz import gallery as kept
from bnviz.cli.experiment import judge_planned, plan, train_planned
from bnviz.cli.many import train_all
from bnviz.cli.report import accuracy_of, loss_of, outcome
from bnviz.config import MEASURING_VERSION
from bnviz.experiments import DEFAULT_SETTING, FEWEST_SEEDS, Finding
from bnviz.gallery import findings as stored


@click.group()
def gallery() -> None:
    """What ships with the app: records to open pages with, and the verdicts of all experiments."""


@gallery.command()
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=kept.FOLDER, help="Write to another folder."
)
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many train at once.")
@click.option("--records/--no-records", default=True, help="The presets' records.")
@click.option("--verdicts/--no-verdicts", default=True, help="The experiments' findings; takes many minutes.")
@click.option("--mnist", is_flag=True, help="The findings on MNIST, too, in the default settings.")
@click.option("--quiet", is_flag=True, help="No progress.")
def build(folder: Path, processes: int, records: bool, verdicts: bool, mnist: bool, quiet: bool) -> None:
    """Train every arm of every preset, and every experiment with 5 seeds in every setting, and write what came out."""
    folder.mkdir(parents=True, exist_ok=True)
    if records:
        _build_records(folder, processes)
    if verdicts:
        found = []
        for name in registry.names("experiments"):
            datasets = experiments.load(name).datasets
            found += _findings(name, datasets[0], [DEFAULT_SETTING, *experiments.load(name).settings], processes, quiet)
            if mnist and "mnist" in datasets[1:]:
                found += _findings(name, "mnist", [DEFAULT_SETTING], processes, quiet)
        versions = {"measuring": str(MEASURING_VERSION), "torch": version("torch"), "python": platform.python_version()}
        path = folder / stored.PATH.name
        stored.save(stored.Stored(datetime.now(UTC).date().isoformat(), versions, tuple(found)), path)
        click.echo(f"{path.name}  {path.stat().st_size / 1000:4.0f} kB  {len(found)} findings")


def _build_records(folder: Path, processes: int) -> None:
    """Write every preset's records, and remove those that no preset asks for any more."""
    from bnviz.presets import PRESETS  # here, because it is refused if a plug-in of the presets is broken

    arms = [(f"{preset}, {arm}", config) for preset, one in PRESETS.items() for arm, config in one.configs().items()]
    trained = train_all([config for _, config in arms], processes, lambda _: None)
    written = set()
    for name, config in arms:
        record = trained[config.key]
        path = kept.save(record, folder)
        written.add(path)
        score = f"test accuracy {accuracy_of(record):.4f}, test loss {loss_of(record):.4g}"
        click.echo(f"{path.name}  {path.stat().st_size / 1000:4.0f} kB  {name}: {outcome(record)}, {score}")
    for path in sorted(set(folder.glob(f"*{kept.SUFFIX}")) - written):
        path.unlink()
        click.echo(f"{path.name}  removed: no preset has this run key")


def _findings(name: str, dataset: str, settings: list[str], processes: int, quiet: bool) -> list[Finding]:
    chosen = experiments.load(name)
    planned = plan(chosen, range(FEWEST_SEEDS), settings, dataset)
    return judge_planned(name, chosen, planned, train_planned(planned, processes, f"{name} on {dataset}", quiet))
