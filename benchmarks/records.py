"""What becomes of a result on its way from a worker to a page: packing it, unpacking it, and its size.

`python -m benchmarks.records` (part of `make bench`) takes the record of a default run with batch norm. Packing and
unpacking are held against that with gzip's quickest compression, reading against `xarray.open_dataset` on the same
bytes; seconds on the processor, in turn.
"""

import gzip
import io
import time
from collections.abc import Callable

import torch
import xarray as xr

from benchmarks.tables import Table, alone
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.records import gallery
from bnviz.training import train

TIMES = 5  # in a row: each takes some milliseconds
ABOUT = (
    "Of a default run with batch norm, {megabytes:.2f} MB. Level 0 is what workers send and the store keeps, 1 is "
    "gzip's quickest compression. Medians and quartiles of {pairs} rounds."
)


def tables(pairs: int) -> list[Table]:
    """One row for each step of the way."""
    torch.set_num_threads(1)
    config = RunConfig(norm="batch")
    record = Record.from_frames(config, train(config))
    content = record.to_bytes()
    quick, small = (gallery.packed(record, level) for level in (0, 1))

    def opened() -> object:
        with xr.open_dataset(io.BytesIO(content), engine="scipy", decode_times=False) as dataset:
            return dataset.load()

    ways: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "packed, over packed and compressed": (lambda: gallery.packed(record, 0), lambda: gallery.packed(record, 1)),
        "unpacked, over the same of compressed": (lambda: gzip.decompress(quick), lambda: gzip.decompress(small)),
        "read, over xarray.open_dataset": (lambda: Record.from_bytes(content), opened),
    }
    rows = {}
    for name, (ours, other) in ways.items():
        ours(), other()
        rows[name] = (tuple(_seconds(ours) / _seconds(other) for _ in range(pairs)),)
    rows["bytes, over those of compressed"] = ((len(quick) / len(small),),)
    about = ABOUT.format(pairs=pairs, megabytes=len(content) / 1e6)
    return [Table("records", "Results on their way", about, "", ("ratio",), rows)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(TIMES):
        work()
    return time.process_time() - began


if __name__ == "__main__":
    alone(__doc__, tables)
