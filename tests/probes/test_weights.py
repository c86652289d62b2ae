"""Weight snapshots: those of the training itself, enough to redraw the plane's path from, and to go on from."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz import Record, RunConfig, networks
from bnviz.core import registry
from bnviz.probes.weights import MOST
from bnviz.training import train

CPU = torch.device("cpu")


def run(**settings: Any) -> tuple[Record, nn.Module]:
    config = RunConfig(**{"device": "cpu", "widths": (8, 6), "steps": 6, "probe_points": 50} | settings)
    network = networks.build(config, (1, 8, 8), 10, CPU)
    return Record.from_frames(config, train(config, network)), network


@pytest.mark.parametrize("norm", registry.names("norms"))
def test_last_weights_are_the_trained_network(norm: str) -> None:
    record, network = run(probes=("weights",), norm=norm)
    expected = nn.utils.parameters_to_vector(network.parameters()).detach().numpy()
    np.testing.assert_array_equal(record.data["weights"].values[-1], expected)


def test_weights_equal_ends_of_shorter_runs() -> None:
    record, _ = run(probes=("weights",))
    for step in (1, 4):
        _, network = run(probes=(), steps=step)
        expected = nn.utils.parameters_to_vector(network.parameters()).detach().numpy()
        np.testing.assert_array_equal(record.data["weights"].sel(probe_step=step).values, expected)


def test_weights_give_the_path_on_the_plane() -> None:
    """The plane keeps its path itself; NumPy finds the same one in the snapshots."""
    record, _ = run(probes=("weights", "landscape_plane"), plane_kind="pca", plane_points=5, learning_rate=0.5)
    moves = record.data["weights"].values.astype(np.float64)
    moves = moves - moves[-1]
    axes = np.linalg.svd(moves, full_matrices=False)[2][:2]
    axes *= np.sign(axes @ moves[0])[:, None]
    expected = moves @ axes.T
    np.testing.assert_allclose(record.data["plane_path"].values[-1], expected, rtol=1e-4, atol=1e-5)


def test_weights_survive_saving_and_loading() -> None:
    record, _ = run(probes=("weights",))
    again = Record.from_bytes(record.to_bytes())
    np.testing.assert_array_equal(again.data["weights"], record.data["weights"])


def test_large_network_keeps_no_weights() -> None:
    record, network = run(probes=("weights",), widths=(200, 120), steps=1)
    assert sum(parameter.numel() for parameter in network.parameters()) > MOST
    assert "weights" not in record.data
