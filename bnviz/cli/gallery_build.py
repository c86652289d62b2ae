"""`python -m bnviz gallery build`: train the preset runs that ship with bnviz, and write their records.

What the files are and how they are found is `bnviz.gallery`'s business, and which runs they are is `bnviz.presets`'.
"""

from pathlib import Path

import click

from bnviz import gallery as kept
from bnviz.cli.report import accuracy_of, outcome, watched
from bnviz.config import RunConfig
from bnviz.record import Record


@click.group()
def gallery() -> None:
    """The runs that ship with the app."""


@gallery.command()
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=kept.FOLDER, help="Write to another folder."
)
@click.option("--quiet", is_flag=True, help="No progress.")
def build(folder: Path, quiet: bool) -> None:
    """Train every arm of every preset, write the records, and remove those that no preset asks for any more."""
    from bnviz.presets import PRESETS  # here, because it is refused if a plug-in of the presets is broken

    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    for preset, comparison in PRESETS.items():
        for arm, config in comparison.configs().items():
            record = train_alike(config, f"{preset}, {arm}", quiet)
            path = kept.save(record, folder)
            written.add(path)
            click.echo(
                f"{path.name}  {path.stat().st_size / 1000:4.0f} kB  {preset}, {arm}: {outcome(record)}, "
                f"test accuracy {accuracy_of(record):.4f}"
            )
    for path in sorted(set(folder.glob(f"*{kept.SUFFIX}")) - written):
        path.unlink()
        click.echo(f"{path.name}  removed: no preset has this run key")


def train_alike(config: RunConfig, name: str, quiet: bool) -> Record:
    """Train on one thread of the CPU, as anybody can, whatever this machine has; the record bears `config` itself."""
    import torch  # here, because all other commands of this module's package do without it

    from bnviz.training import train

    torch.set_num_threads(1)
    on_cpu = config.model_copy(update={"device": "cpu"})
    return Record.from_frames(config, watched(train(on_cpu), config.steps, name, quiet))
