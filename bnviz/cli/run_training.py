"""Training for `python -m bnviz run`: run after run, or all seeds of an arm as one batch.

After Ctrl-C the last results are the partial records of the stopped runs.
"""

from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

from bnviz.cli.options import Refusal
from bnviz.cli.report import Result, with_progress
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Record

PlannedRuns = list[tuple[str, RunConfig]]
"""Runs with the names of their arms."""


def train_in_turn(planned: PlannedRuns, threads: int, quiet: bool) -> Iterator[Result]:
    """Train run after run and yield the results.

    Raises:
        Refusal: there is no such device.
        DatasetError: a data set is not available.
    """
    _prepare(planned, threads)
    from bnviz.training import train

    for arm, config in planned:
        name = f"{arm}, seed {config.seed}" if len(planned) > 1 else arm
        frames: list[Frame] = []
        started = perf_counter()
        try:
            for frame in with_progress(train(config), config.steps, name, quiet):
                started = started if frames else perf_counter()  # without loading the data
                frames.append(frame)
        except KeyboardInterrupt:
            if not frames:
                return
        result = _result(arm, config, frames, perf_counter() - started)
        yield result
        if result.record.outcome == "stopped":
            return


def train_batched(planned: PlannedRuns, threads: int, quiet: bool) -> Iterator[Result]:
    """Train arm after arm, all seeds of an arm as one batch, and yield the results; seconds are shares of the batch's.

    Raises:
        Refusal: there is no such device, or the arm's network cannot be trained as a batch.
        DatasetError: a data set is not available.
    """
    _prepare(planned, threads)
    from bnviz.training.batched.training import IncompatibleRunsError, train_together

    for arm in dict.fromkeys(arm for arm, _ in planned):
        configs = [config for name, config in planned if name == arm]
        frames: list[list[Frame]] = [[] for _ in configs]

        def leading(configs: list[RunConfig] = configs, frames: list[list[Frame]] = frames) -> Iterator[Frame]:
            """Keep every run's frames and yield one per step, for the progress."""
            last_step = -1
            for place, frame in train_together(configs):
                frames[place].append(frame)
                if frame.step > last_step:
                    last_step = frame.step
                    yield frame

        started = 0.0
        try:
            for _ in with_progress(leading(), configs[0].steps, f"{arm}, {len(configs)} seeds", quiet):
                started = started or perf_counter()
        except KeyboardInterrupt:
            if not frames[0]:
                return
        except IncompatibleRunsError as error:
            raise Refusal(f"--together: {error}.") from error
        seconds = (perf_counter() - started) / len(configs)
        results = [
            _result(arm, config, own_frames, seconds)
            for config, own_frames in zip(configs, frames, strict=True)
            if own_frames
        ]
        yield from results
        if any(result.record.outcome == "stopped" for result in results):
            return


def _prepare(planned: PlannedRuns, threads: int) -> None:
    import torch  # imported late, so that wrong options are refused at once

    from bnviz.training.training_loop import pick_device

    torch.set_num_threads(threads)
    try:
        pick_device(planned[0][1].device)
    except ValueError as error:
        raise Refusal(f"{error}.") from error


def _result(arm: str, config: RunConfig, frames: list[Frame], seconds: float) -> Result:
    record = Record.from_frames(config, frames)
    if record.outcome == "running":
        record = replace(record, outcome="stopped")
    return Result(arm, record, seconds)
