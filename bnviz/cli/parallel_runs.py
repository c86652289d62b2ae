"""Training many runs, in this process or in several: for experiments and for the gallery.

Each run is trained on one thread of the CPU, so that it comes out the same on every machine of a kind and however many
processes there are. This module knows configurations and records only, not what they are for.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path

from bnviz.core.config import RunConfig
from bnviz.core.record import Record

Done = Callable[[Record], None]


def train_alike(config: RunConfig) -> Record:
    """Train on one thread of the CPU, whatever this machine has; the record bears `config` itself.

    Raises:
        DatasetError: the data set cannot be had.
    """
    import torch  # here, because commands that train nothing do without it
    from threadpoolctl import threadpool_limits

    from bnviz.training import train

    torch.set_num_threads(1)
    with threadpool_limits(1):  # NumPy's and SciPy's threads, too, which torch does not know of
        return Record.from_frames(config, train(config.with_changes(device="cpu")))


def train_all(
    configs: Iterable[RunConfig], processes: int, done: Done, folder: Path | None = None
) -> dict[str, Record]:
    """Records by run key; equal configurations are trained once. `done` is handed each as it comes in.

    With a `folder`, each record is written there as it comes in, and one that is there already is read instead of
    trained, so that what was stopped can go on.

    Raises:
        DatasetError: a data set cannot be had.
    """
    wanted = {config.key: config for config in configs}
    records: dict[str, Record] = {}

    def take(key: str, record: Record, is_new: bool = True) -> None:
        records[key] = record
        if folder is not None and is_new:
            write_record(record, folder)
        done(record)

    for key, config in wanted.items():
        kept = read_record(config, folder) if folder is not None else None
        if kept is not None:
            take(key, kept, is_new=False)
    missing = {key: config for key, config in wanted.items() if key not in records}
    if processes == 1:
        for key, config in missing.items():
            take(key, train_alike(config))
    elif missing:
        _train_in_processes(missing, processes, take)
    return records


def write_record(record: Record, folder: Path) -> None:
    """Write `<run key>.nc`; whole or not at all, whenever it is interrupted."""
    unfinished = folder / f"{record.config.key}.part"
    record.save(unfinished)
    unfinished.replace(folder / f"{record.config.key}.nc")


def read_record(config: RunConfig, folder: Path) -> Record | None:
    """The record of this very run, None if the folder has none that can be read."""
    try:
        record = Record.load(folder / f"{config.key}.nc")
    except (OSError, ValueError):
        return None
    return record if record.config.key == config.key else None


def _train_in_processes(wanted: Mapping[str, RunConfig], processes: int, take: Callable[[str, Record], None]) -> None:
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            pending = {pool.submit(_train_to_bytes, config.model_dump_json()): key for key, config in wanted.items()}
            while pending:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    take(pending.pop(future), Record.from_bytes(future.result()))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _train_to_bytes(config_json: str) -> bytes:
    """In another process: text goes in and a file comes out, so nothing of torch's has to travel."""
    return train_alike(RunConfig.model_validate_json(config_json)).to_bytes()
