"""Planned runs of an experiment: train them and judge the claims by them."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bnviz import experiments
from bnviz.cli.parallel_runs import train_all
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.experiments import ClaimResult, Experiment

RunPlan = dict[tuple[str, int], dict[str, RunConfig]]
"""The arms' configurations by setting and seed."""


def plan_runs(experiment: Experiment, seeds: Sequence[int], settings: Sequence[str], dataset: str | None) -> RunPlan:
    """Return every arm's configuration in every setting and for every seed."""
    return {(setting, seed): experiment.configs(seed, setting, dataset) for setting in settings for seed in seeds}


def train_plan(plan: RunPlan, processes: int, name: str, quiet: bool, folder: Path | None = None) -> dict[str, Record]:
    """Train all runs of a plan and write the progress to stderr.

    Args:
        plan: the runs.
        processes: how many train at the same time.
        name: shown in front of the progress.
        quiet: write no progress.
        folder: keep records there, as `train_all` does.

    Returns:
        Records by run key.
    """
    configs = [config for arms in plan.values() for config in arms.values()]
    total = len({config.key for config in configs})
    finished = 0

    def report_progress(_: Record) -> None:
        nonlocal finished
        finished += 1
        if not quiet:
            end = "\r" if sys.stderr.isatty() and finished < total else "\n"
            click.echo(f"{name}: {finished} of {total} runs{end}", nl=False, err=True)

    return train_all(configs, processes, report_progress, folder)


def judge_plan(name: str, experiment: Experiment, plan: RunPlan, records: dict[str, Record]) -> list[ClaimResult]:
    """Judge every claim of experiment `name` in every setting of the plan, by records that have their run keys."""
    results = []
    for setting in dict.fromkeys(setting for setting, _ in plan):
        by_seed = {
            seed: {arm: records[config.key] for arm, config in arms.items()}
            for (own_setting, seed), arms in plan.items()
            if own_setting == setting
        }
        claims = [claim for claim in experiment.claims if setting not in claim.not_in]
        results += [experiments.judge(name, claim, by_seed, setting) for claim in claims]
    return results
