"""`python -m bnviz`: list plug-ins, run and compare from a terminal, check the installation.

Only commands that train import torch, when they train.
"""

import textwrap

import click

from bnviz.cli.experiment import experiment
from bnviz.cli.gallery_build import gallery
from bnviz.cli.run_command import run
from bnviz.cli.signs import replace_missing_signs
from bnviz.core import registry
from bnviz.core.nonlinearities import NONLINEARITIES

PLUGIN_KINDS = ("datasets", "norms", "networks", "initialisations", "probes", "experiments")
KINDS = (*PLUGIN_KINDS, "nonlinearities")
WIDTH = 100


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH})
def main() -> None:
    """Train small networks and measure what batch normalization does to them."""
    replace_missing_signs()


@main.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
def list_choices(kind: str | None) -> None:
    """List the choices of every kind, or of one KIND."""
    for section in (kind,) if kind else KINDS:
        click.secho(section, bold=True)
        if section == "nonlinearities":
            for item in NONLINEARITIES.values():
                _print_entry(item.name, item.label, _saturation(item.saturated_below, item.saturated_above))
            continue
        for plugin in registry.plugins(section).values():
            if plugin.error is None:
                _print_entry(plugin.name, plugin.label, plugin.help)
            else:
                _print_entry(plugin.name, "cannot be read", f"bnviz/{section}/{plugin.name}.py: {plugin.error}")


@main.command()
@click.option("--cluster/--no-cluster", default=True, help="Start the workers and send them a small run.")
@click.option("--science", is_flag=True, help="Instead, test thirteen facts that must hold, and print the residuals.")
def doctor(cluster: bool, science: bool) -> None:
    """Check this installation and advise on problems.

    Exit status 1 if something is broken that bnviz cannot run without, or if a fact does not hold.
    """
    if science:
        _try_science()
        return
    from bnviz.doctor import examine  # imported late: it imports torch

    checks = []
    for check in examine(cluster):
        colour = {"ok": "green", "warning": "yellow", "problem": "red"}[check.state]
        click.echo(f"{click.style(f'{check.state:8}', fg=colour)} {check.name:12} {check.finding}")
        if check.advice:
            click.echo(textwrap.indent(textwrap.fill(check.advice, WIDTH - 22), " " * 22))
        checks.append(check)
    ok, warnings, problems = (sum(check.state == state for check in checks) for state in ("ok", "warning", "problem"))
    click.echo(f"\n{ok} ok, warnings: {warnings}, problems: {problems}")
    if problems:
        raise SystemExit(1)


def _try_science() -> None:
    """Print one line per self-test: number, name, residual and bound, and the cases tested."""
    from bnviz.doctor.science import examine  # imported late: it imports torch

    failed = 0
    for result in examine():
        state, colour = ("ok", "green") if result.passed else ("problem", "red")
        residual = f"{result.residual:.1e}, at most {result.bound:.1e}"
        row = f"{result.number:2} {result.name:45} {residual:20}   {result.detail}"
        click.echo(f"{click.style(f'{state:8}', fg=colour)} {row}")
        failed += not result.passed
    click.echo(f"\nproblems: {failed}")
    if failed:
        raise SystemExit(1)


def _print_entry(name: str, label: str, text: str) -> None:
    click.echo(f"  {name:16} {label}")
    if text:
        click.echo(textwrap.indent(textwrap.fill(text, WIDTH - 19), " " * 19))


def _saturation(below: float, above: float) -> str:
    ends = [f"below {below:.3g}"] * (below > -float("inf")) + [f"above {above:.3g}"] * (above < float("inf"))
    return f"Saturated {' and '.join(ends)}." if ends else "Never saturated."


main.add_command(run)
main.add_command(gallery)
main.add_command(experiment)
