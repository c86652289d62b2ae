"""Digits: a split for every seed, every sample once, and grey values in their place."""

import hashlib

import numpy as np
import pytest
from sklearn.datasets import load_digits

from bnviz.core import registry
from bnviz.datasets import digits


def test_shapes_and_range() -> None:
    data = digits.load(seed=0)
    for split, samples in ((data.train, digits.TRAIN_SAMPLES), (data.test, digits.TEST_SAMPLES)):
        assert split.inputs.shape == (samples, *digits.INPUT_SHAPE)
        assert split.labels.shape == (samples,)
        assert (split.inputs.dtype.name, split.labels.dtype.name) == ("float32", "int64")
        assert (split.inputs.min(), split.inputs.max()) == (0.0, 1.0)
        assert set(split.labels) == set(range(digits.CLASSES))
        assert split.subset is None
    assert data.classes == 10


def test_every_sample_is_in_one_split_with_its_label() -> None:
    data = digits.load(seed=0)
    images, labels = load_digits(return_X_y=True)
    inputs = np.concatenate([data.train.inputs, data.test.inputs]).reshape(-1, 64) * 16
    found = np.column_stack([inputs, np.concatenate([data.train.labels, data.test.labels])])
    wanted = np.column_stack([images, labels])
    assert sorted(map(tuple, found)) == sorted(map(tuple, wanted))


def test_split_follows_the_seed_and_never_changes() -> None:
    first, again, second = digits.load(seed=0), digits.load(seed=0), digits.load(seed=1)
    np.testing.assert_array_equal(first.train.inputs, again.train.inputs)
    assert not np.array_equal(first.test.labels, second.test.labels)
    assert hashlib.md5(first.test.labels.astype(np.uint8).tobytes()).hexdigest() == "eff054f973c01f77f31de7c31b6d25c9"


def test_split_of_two_seeds_shares_no_more_test_images_than_chance() -> None:
    tests = [{image.tobytes() for image in digits.load(seed).test.inputs} for seed in range(20)]
    shared = [len(one & other) for place, one in enumerate(tests) for other in tests[:place]]
    assert np.mean(shared) == pytest.approx(digits.TEST_SAMPLES**2 / 1797, rel=0.05)


def test_data_are_read_only() -> None:
    data = digits.load(seed=3)
    for array in (data.train.inputs, data.train.labels, data.test.inputs, data.test.labels):
        assert not array.flags.writeable


def test_binarize() -> None:
    grey, binary = digits.load(0).train.inputs, digits.load(0, binarize=True).train.inputs
    assert binary.dtype == np.float32
    assert set(np.unique(binary)) == {0.0, 1.0}
    np.testing.assert_array_equal(binary == 1, grey * 16 >= 8)


def test_menu() -> None:
    plugin = registry.describe("datasets", "digits")
    assert plugin.label.startswith("Digits")
    assert plugin.constants["INPUT_SHAPE"] == (1, 8, 8)
