"""Benchmarks compare like with like, and write what they found; nothing is timed here."""

import copy

import pytest
import torch
from torch import nn

from benchmarks import bare, cases
from bnviz import networks
from bnviz.streams import stream
from bnviz.training import train

WITHOUT_FILES = [case for case in cases.CASES if case.config.dataset != "mnist"]


@pytest.mark.parametrize("norm", cases.NORMS)
@pytest.mark.parametrize("case", WITHOUT_FILES, ids=lambda case: case.name)
def test_the_bare_loop_makes_the_updates_of_train(case: cases.Case, norm: str) -> None:
    config = case.config.model_copy(update={"norm": norm, "steps": 30, "probes": ()})
    network, inputs, labels = bare.prepare(config)
    ours = copy.deepcopy(network)
    bare.loop(config, network, inputs, labels, stream(config.seed, "order"))
    *_, last = train(config, nn.Sequential(nn.Flatten(), ours))
    test = bare.tensors(config, bare.datasets.load(config.dataset, config.seed).test)
    assert last.outcome == "finished"
    assert bare.score(network, *test)[0] == pytest.approx(float(last.values["final_test_loss"].values), rel=1e-4)
    for theirs, mine in zip(network.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(theirs, mine)


@pytest.mark.parametrize("norm", cases.NORMS)
def test_the_bare_lenet_has_the_layers_of_bnvizs(norm: str) -> None:
    (config,) = (case.config for case in cases.CASES if case.config.network == "lenet")
    config = config.model_copy(update={"norm": norm})
    theirs = [parameter.shape for layer in bare._lenet(config) for parameter in layer.parameters()]
    ours = networks.build(config, (1, 28, 28), 10, torch.device("cpu"))
    assert theirs == [parameter.shape for parameter in ours.parameters()]


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_a_shortened_run_looks_at_as_large_a_share_of_its_updates(case: cases.Case) -> None:
    short = cases.Shortened(case.config, 4)
    between = short.config.steps - 1
    share = (cases.looks(short.config) - 2) / between
    assert share == pytest.approx((cases.looks(case.config) - 2) / (case.config.steps - 1), rel=0.01)
    assert short.whole(cases.Seconds(3.0, between / 100, 5.0)) == pytest.approx(8 + (case.config.steps - 1) / 100)
    assert cases.Shortened(case.config, 1).config == case.config
