"""What probes say they cost is what they do, counted in multiplications, not in time."""

import pytest
from torch.utils.flop_counter import FlopCounterMode

from bnviz import probes
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.training import train

FACTOR = 3
BASE = {
    "activation": "relu",
    "init": "he",
    "steps": 2,
    "batch_size": 20,
    "probe_points": 2,
    "probe_samples": 50,
    "line_points": 5,
    "sharpness_points": 2,
    "plane_points": 7,
    "curve_points": 2,
    "test_samples": 20,
}

CASES: list[tuple[str, dict[str, object]]] = [
    ("covariate_shift", {}),
    ("gradient_flow", {}),
    ("landscape_line", {}),
    ("landscape_line", {"probe_data": "fixed"}),
    ("landscape_plane", {}),
    ("landscape_plane", {"plane_points": 15}),
    ("sharpness", {}),
    ("sharpness", {"probe_points": 3, "sharpness_points": 3, "probe_samples": 200}),
    ("theorem", {}),
    ("measurement_pitfalls", {}),
]


def said(config: RunConfig) -> float:
    """Passes over a mini-batch that the estimate has for the run's probes."""
    training = config.with_changes(probes=())
    return config.steps * (config.estimated_seconds / training.estimated_seconds - 1)


def counted(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> float:
    """The same, of the multiplications of matrices that they do."""
    measure, flops = probes.measure, 0

    def count(snapshot: probes.Snapshot) -> object:
        nonlocal flops
        with FlopCounterMode(display=False) as counter:
            values = measure(snapshot)
        flops += counter.get_total_flops()
        return values

    monkeypatch.setattr(probes, "measure", count)
    assert all(frame.outcome != "diverged" for frame in train(config))
    return flops / (2 * config.multiply_adds / config.steps)  # a multiplication and an addition


@pytest.mark.parametrize("layers", [3, 8])
@pytest.mark.parametrize(("probe", "changes"), CASES)
def test_probe_makes_the_declared_passes(
    probe: str, changes: dict[str, object], layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = RunConfig(
        **BASE | {"learning_rate": 1e-3, "norm": "batch", "widths": (64,) * layers, "probes": (probe,)} | changes
    )
    found = counted(config, monkeypatch)
    assert found > 0
    assert 1 / FACTOR < said(config) / found < FACTOR, (said(config), found)


def test_every_probe_with_passes_is_counted() -> None:
    assert {*registry.names("probes")} == {name for name, _ in CASES} | {"activations", "weights"}
