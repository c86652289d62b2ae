"""Data to learn from: one file per data set, arrays in NumPy.

A data set's file has the constants INPUT_SHAPE, CLASSES, TRAIN_SAMPLES and TEST_SAMPLES (read without importing it),
TARGETS = "values" if what is to be learned are numbers, not classes, and a function `load(seed) -> Dataset`, with a
keyword argument for each of its OPTIONS.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bnviz.core import registry


class DatasetError(RuntimeError):
    """A data set cannot be had; the message says what to do about it."""


@dataclass(frozen=True)
class Split:
    """Inputs, float32 (samples, *shape), with labels, int64 (samples,), or values, float32 (samples, outputs).

    `subset`, int64 (samples,), says which region of the input space a sample is from, where a data set has regions.
    """

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64] | npt.NDArray[np.float32]
    subset: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Dataset:
    """What is learned from, what is scored on, and the number of classes (of outputs, where values are learned)."""

    train: Split
    test: Split
    classes: int


@lru_cache(maxsize=4)
def load(name: str, seed: int, **options: Any) -> Dataset:
    """Load a data set by its name, with values of its options; a process keeps the last few: do not write to them.

    Raises:
        UnknownPluginError: there is no such data set.
        DatasetError: its files cannot be had; the message says what to do.
    """
    dataset: Dataset = registry.load("datasets", name).load(seed, **options)
    return dataset
