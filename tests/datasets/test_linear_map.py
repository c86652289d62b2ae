"""The linear map: values are A x for one Gaussian A and Gaussian x."""

import numpy as np
import pytest

from bnviz import Record, RunConfig
from bnviz.datasets import linear_map
from bnviz.training import train


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_values_are_one_linear_map_of_the_inputs(seed: int) -> None:
    data = linear_map.load(seed)
    matrix, *_ = np.linalg.lstsq(data.train.inputs.astype(float), data.train.labels.astype(float), rcond=None)
    for split in (data.train, data.test):
        np.testing.assert_allclose(split.labels, split.inputs @ matrix, rtol=1e-4, atol=1e-5)
    assert 0.6 < matrix.std() < 1.4  # 100 entries from N(0, 1): 4 standard errors are .28
    assert data.train.labels.dtype == data.train.inputs.dtype == np.float32
    assert data.train.labels.shape == (linear_map.TRAIN_SAMPLES, linear_map.CLASSES)


def test_inputs_are_standard_normal_and_the_seed_decides() -> None:
    first, again, other = linear_map.load(3), linear_map.load(3), linear_map.load(4)
    inputs = first.train.inputs
    assert abs(inputs.mean(axis=0)).max() < 4.5 / len(inputs) ** 0.5
    np.testing.assert_allclose(np.cov(inputs.T), np.eye(10), atol=4.5 * (2 / len(inputs)) ** 0.5)
    np.testing.assert_array_equal(inputs, again.train.inputs)
    np.testing.assert_array_equal(first.test.labels, again.test.labels)
    assert not np.array_equal(inputs, other.train.inputs)
    assert not np.array_equal(inputs[: len(first.test.inputs)], first.test.inputs)


def test_a_linear_network_learns_it_and_there_is_no_accuracy() -> None:
    config = RunConfig(
        dataset="linear_map", network="deep_linear", widths=(10,), init="xavier", learning_rate=0.05, device="cpu"
    )
    record = Record.from_frames(config, train(config))
    assert record.outcome == "finished"
    assert "test_accuracy" not in record.data
    assert "final_test_accuracy" not in record.data
    assert record.final("final_test_loss") < 0.01 * float(record.data["test_loss"][0])
    # Before any learning the loss is about |A x|^2 = 100 and what the network says to it.
    data = linear_map.load(0)
    assert float(record.data["test_loss"][0]) > 0.5 * float((data.test.labels**2).sum(axis=1).mean())
    assert record.data["test_loss"].attrs["long_name"] == "squared error on test samples"
