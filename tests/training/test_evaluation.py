"""Scores against all samples at once, in inference mode, with nothing changed in the network."""

import pytest
import torch
from torch import nn

from bnviz import RunConfig, networks
from bnviz.torch_support.rng import rng_states_of, stream
from bnviz.training import evaluation
from bnviz.training.evaluation import Scores

SAMPLES = 47


def network_with(norm: str) -> nn.Module:
    config = RunConfig(norm=norm, widths=(6, 5), init_std=0.3, noise_at_test=True)
    network = networks.build(config, (4,), 3, torch.device("cpu"))
    network(inputs())  # running statistics are no longer those of the start
    return network


def inputs() -> torch.Tensor:
    return torch.randn(SAMPLES, 4, generator=stream(0, "inputs"))


@pytest.mark.parametrize("norm", ["none", "batch", "lp_batch"])
@pytest.mark.parametrize("targets", ["classes", "values"])
def test_scores_equal_one_pass_over_all_samples(targets: str, norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are scored in parts, the last of which is smaller."""
    monkeypatch.setattr(evaluation, "SCORING_BATCH", 10)
    network, random = network_with(norm), stream(0, "targets")
    wanted = torch.randint(0, 3, (SAMPLES,), generator=random)
    if targets == "values":
        wanted = torch.randn(SAMPLES, 3, generator=random)
    scores = Scores(inputs(), wanted, targets)
    for samples, found in ((30, scores.curves(network, 30)), (SAMPLES, scores.final(network))):
        with torch.no_grad():
            outputs = network.eval()(inputs())[:samples]
        network.train()
        values = {name.removeprefix("final_"): item.values.item() for name, item in found.items()}
        if targets == "values":
            expected = sum(float(row @ row) for row in outputs - wanted[:samples]) / samples
            assert values == {"test_loss": pytest.approx(expected, rel=1e-5)}
            continue
        logarithms = outputs.log_softmax(dim=1)
        expected = -sum(float(row[label]) for row, label in zip(logarithms, wanted, strict=False)) / samples
        correct = sum(int(row.argmax() == label) for row, label in zip(outputs, wanted, strict=False)) / samples
        assert values == {
            "test_loss": pytest.approx(expected, rel=1e-5),
            "test_accuracy": pytest.approx(correct, rel=1e-6),
        }


def test_score_units_name_the_loss() -> None:
    classes = Scores(inputs(), torch.zeros(SAMPLES).long(), "classes").curves(network_with("none"), 5)
    values = Scores(inputs(), torch.zeros(SAMPLES, 3), "values").curves(network_with("none"), 5)
    assert (classes["test_loss"].units, values["test_loss"].units) == ("nat", "1")
    assert values["test_loss"].long_name == "squared error on test samples"


def test_scoring_leaves_network_unchanged() -> None:
    network = network_with("noisy_batch")
    before = [value.clone() for value in network.state_dict().values()] + [state for _, state in rng_states_of(network)]
    scores = Scores(inputs(), torch.zeros(SAMPLES).long(), "classes")
    scores.curves(network, 20)
    scores.final(network)
    after = [*network.state_dict().values(), *(state for _, state in rng_states_of(network))]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert network.training
