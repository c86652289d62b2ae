"""Training of many runs, in this process or in several, for experiments and for the gallery.

Each run is trained on one CPU thread, so that results do not depend on the number of processes or cores.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path

from bnviz.core.config import RunConfig
from bnviz.core.record import Record

Done = Callable[[Record], None]


def train_on_one_thread(config: RunConfig) -> Record:
    """Train on one CPU thread, whatever device the configuration names; the record keeps `config` as it is.

    Raises:
        DatasetError: the data set is not available.
    """
    import torch  # imported late: commands that train nothing do not need it
    from threadpoolctl import threadpool_limits

    from bnviz.training import train

    torch.set_num_threads(1)
    with threadpool_limits(1):  # also NumPy's and SciPy's threads
        return Record.from_frames(config, train(config.model_copy(update={"device": "cpu"})))


def train_all(
    configs: Iterable[RunConfig], processes: int, done: Done, folder: Path | None = None
) -> dict[str, Record]:
    """Train each distinct configuration once.

    Args:
        configs: the runs.
        processes: how many train at the same time.
        done: called with each record as it is finished.
        folder: write each record there, and read records that are there instead of training them, so that an
            interrupted call can be continued.

    Returns:
        Records by run key.

    Raises:
        DatasetError: a data set is not available.
    """
    by_key = {config.key: config for config in configs}
    records: dict[str, Record] = {}

    def add(key: str, record: Record, is_new: bool = True) -> None:
        records[key] = record
        if folder is not None and is_new:
            write_record(record, folder)
        done(record)

    for key, config in by_key.items():
        stored = read_record(config, folder) if folder is not None else None
        if stored is not None:
            add(key, stored, is_new=False)
    missing = {key: config for key, config in by_key.items() if key not in records}
    if processes == 1:
        for key, config in missing.items():
            add(key, train_on_one_thread(config))
    elif missing:
        _train_in_processes(missing, processes, add)
    return records


def write_record(record: Record, folder: Path) -> None:
    """Write `<run key>.nc` atomically."""
    unfinished = folder / f"{record.config.key}.part"
    record.save(unfinished)
    unfinished.replace(folder / f"{record.config.key}.nc")


def read_record(config: RunConfig, folder: Path) -> Record | None:
    """Return the record of this run; None if the folder has no readable one."""
    try:
        record = Record.load(folder / f"{config.key}.nc")
    except (OSError, ValueError):
        return None
    return record if record.config == config else None


def _train_in_processes(by_key: Mapping[str, RunConfig], processes: int, add: Callable[[str, Record], None]) -> None:
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            pending = {pool.submit(_train_to_bytes, config.model_dump_json()): key for key, config in by_key.items()}
            while pending:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    add(pending.pop(future), Record.from_bytes(future.result()))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _train_to_bytes(config_json: str) -> bytes:
    """Train in another process: takes JSON and returns the bytes of a file, because no torch object can be sent."""
    return train_on_one_thread(RunConfig.model_validate_json(config_json)).to_bytes()
