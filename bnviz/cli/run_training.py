"""Training for `python -m bnviz run`: one run after the other, or all seeds of an arm side by side.

After Ctrl-C, what was measured of the runs that were stopped comes last. What becomes of results is not known here.
"""

from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

from bnviz.cli.options import Refusal
from bnviz.cli.report import Result, watched
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Record

Planned = list[tuple[str, RunConfig]]
"""Runs with the names of their arms."""


def one_by_one(planned: Planned, threads: int, quiet: bool) -> Iterator[Result]:
    """One run after the other.

    Raises:
        Refusal: there is no such device.
        DatasetError: a data set cannot be had.
    """
    _prepare(planned, threads)
    from bnviz.training import train

    for arm, config in planned:
        name = f"{arm}, seed {config.seed}" if len(planned) > 1 else arm
        frames: list[Frame] = []
        started = perf_counter()
        try:
            for frame in watched(train(config), config.steps, name, quiet):
                started = started if frames else perf_counter()  # from the first frame on: loading data is not training
                frames.append(frame)
        except KeyboardInterrupt:
            if not frames:
                return
        result = _result(arm, config, frames, perf_counter() - started)
        yield result
        if result.record.outcome == "stopped":
            return


def side_by_side(planned: Planned, threads: int, quiet: bool) -> Iterator[Result]:
    """One arm after the other, all its seeds as one batch; each result's seconds are its share of the batch's.

    Raises:
        Refusal: there is no such device, or the arm's network cannot be trained so.
        DatasetError: a data set cannot be had.
    """
    _prepare(planned, threads)
    from bnviz.training.batched.training import IncompatibleRunsError, train_together

    for arm in dict.fromkeys(arm for arm, _ in planned):
        configs = [config for name, config in planned if name == arm]
        frames: list[list[Frame]] = [[] for _ in configs]

        def leading(configs: list[RunConfig] = configs, frames: list[list[Frame]] = frames) -> Iterator[Frame]:
            """Keep every run's frames; of each step hand on one, for the progress."""
            shown = -1
            for place, frame in train_together(configs):
                frames[place].append(frame)
                if frame.step > shown:
                    shown = frame.step
                    yield frame

        started = 0.0
        try:
            for _ in watched(leading(), configs[0].steps, f"{arm}, {len(configs)} seeds", quiet):
                started = started or perf_counter()
        except KeyboardInterrupt:
            if not frames[0]:
                return
        except IncompatibleRunsError as error:
            raise Refusal(f"--together: {error}.") from error
        share = (perf_counter() - started) / len(configs)
        results = [_result(arm, config, own, share) for config, own in zip(configs, frames, strict=True) if own]
        yield from results
        if any(result.record.outcome == "stopped" for result in results):
            return


def _prepare(planned: Planned, threads: int) -> None:
    import torch  # here, so that wrong options are refused at once

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
