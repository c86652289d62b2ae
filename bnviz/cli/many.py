"""Training many runs, in this process or in several: for experiments and for the gallery.

Each run is trained on one thread of the CPU, so that it comes out the same on every machine of a kind and however many
processes there are. This module knows configurations and records only, not what they are for.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait

from bnviz.config import RunConfig
from bnviz.record import Record

Done = Callable[[Record], None]


def train_alike(config: RunConfig) -> Record:
    """Train on one thread of the CPU, whatever this machine has; the record bears `config` itself.

    Raises:
        DatasetError: the data set cannot be had.
    """
    import torch  # here, because commands that train nothing do without it

    from bnviz.training import train

    torch.set_num_threads(1)
    return Record.from_frames(config, train(config.model_copy(update={"device": "cpu"})))


def train_all(configs: Iterable[RunConfig], processes: int, done: Done) -> dict[str, Record]:
    """Records by run key; equal configurations are trained once. `done` is handed each as it comes in.

    Raises:
        DatasetError: a data set cannot be had.
    """
    wanted = {config.key: config for config in configs}
    if processes == 1:
        return _in_turn(wanted, done)
    records: dict[str, Record] = {}
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            pending = {pool.submit(_train_to_bytes, config.model_dump_json()): key for key, config in wanted.items()}
            while pending:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    key = pending.pop(future)
                    records[key] = Record.from_bytes(future.result())
                    done(records[key])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return records


def _in_turn(wanted: Mapping[str, RunConfig], done: Done) -> dict[str, Record]:
    records = {}
    for key, config in wanted.items():
        records[key] = train_alike(config)
        done(records[key])
    return records


def _train_to_bytes(config_json: str) -> bytes:
    """In another process: text goes in and a file comes out, so nothing of torch's has to travel."""
    return train_alike(RunConfig.model_validate_json(config_json)).to_bytes()
