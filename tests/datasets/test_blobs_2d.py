"""Blobs: two subsets apart from each other, one boundary for both, and a line from one that fails in the other."""

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from bnviz.core import registry
from bnviz.datasets import Dataset, Split, blobs_2d


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_what_every_seed_gives(seed: int) -> None:
    data = blobs_2d.load(seed)
    for split, samples in ((data.train, blobs_2d.TRAIN_SAMPLES), (data.test, blobs_2d.TEST_SAMPLES)):
        assert split.subset is not None
        assert split.inputs.shape == (samples, *blobs_2d.INPUT_SHAPE)
        assert [array.dtype.name for array in (split.inputs, split.labels, split.subset)] == [
            "float32",
            "int64",
            "int64",
        ]
        assert np.abs(split.inputs).max() <= blobs_2d.LIMIT
        np.testing.assert_array_equal(np.bincount(2 * split.subset + split.labels), [samples // 4] * 4)
        above = split.inputs[:, 1] - blobs_2d.boundary(split.inputs[:, 0])
        np.testing.assert_array_equal(above > 0, split.labels == 1)
        assert np.abs(above).min() > 0.99 * blobs_2d.MARGIN


def test_the_seed_decides() -> None:
    first, again, other = blobs_2d.load(3), blobs_2d.load(3), blobs_2d.load(4)
    np.testing.assert_array_equal(first.train.inputs, again.train.inputs)
    np.testing.assert_array_equal(first.test.labels, again.test.labels)
    assert not np.array_equal(first.train.inputs, other.train.inputs)
    assert not np.array_equal(first.train.inputs[:500], first.test.inputs)


def test_batches_in_order_have_both_classes_of_both_subsets() -> None:
    train = blobs_2d.load(0).train
    assert train.subset is not None
    for start in range(0, 1000, 50):
        assert len({*zip(train.subset[start : start + 50], train.labels[start : start + 50], strict=True)}) == 4


def test_subsets_are_apart() -> None:
    train = blobs_2d.load(0).train
    left, right = (train.inputs[train.subset == subset] for subset in (0, 1))
    distance = np.abs(left.mean(axis=0) - right.mean(axis=0))[0]
    assert distance > 2 * (left.std(axis=0)[0] + right.std(axis=0)[0])


def test_a_line_learned_in_one_subset_fails_in_the_other() -> None:
    data = blobs_2d.load(0)
    line = fit_line(data, subset=0)
    assert accuracy(line, data.test, subset=0) > 0.95
    assert accuracy(line, data.test, subset=1) < 0.8


def fit_line(data: Dataset, subset: int) -> npt.NDArray[np.float64]:
    inside = data.train.subset == subset
    inputs, labels = data.train.inputs[inside], data.train.labels[inside]
    return np.asarray(np.linalg.lstsq(np.column_stack([inputs, np.ones(len(inputs))]), 2.0 * labels - 1.0)[0])


def accuracy(line: npt.NDArray[np.float64], split: Split, subset: int) -> float:
    inside = split.subset == subset
    return float((((split.inputs[inside] @ line[:2] + line[2]) > 0) == (split.labels[inside] == 1)).mean())


def test_menu() -> None:
    plugin = registry.describe("datasets", "blobs_2d")
    assert plugin.label == "Blobs in two regions (2-D)"
    assert (plugin.constants["INPUT_SHAPE"], plugin.constants["CLASSES"]) == ((2,), 2)
