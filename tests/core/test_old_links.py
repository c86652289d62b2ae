"""Links from before options were the plug-ins' own: each still gives the settings that it gave then.

The expected settings are those of the version before; what a link does not name is as the page, or a plain run, has it.
"""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from bnviz import RunConfig
from bnviz.core.presets import DEFAULTS

LINKS: list[tuple[str, str, dict[str, Any]]] = [
    ("", "norm=batch&lr=2", {"norm": "batch", "learning_rate": 2.0}),
    ("", "seed=2&steps=3&widths=8", {"widths": (8,), "steps": 3, "seed": 2}),
    ("", "steps=6000&seed=77", {"steps": 6000, "seed": 77}),
    ("", "dataset=mnist", {"dataset": "mnist"}),
    ("", "lr=0.5&widths=10,10", {"widths": (10, 10), "learning_rate": 0.5}),
    ("", "norm=lp_batch&norm_p=2", {"norm": "lp_batch", "norm_p": "2"}),
    ("", "norm=lp_batch&norm_p=inf&norm_affine=false", {"norm": "lp_batch", "norm_affine": False, "norm_p": "inf"}),
    (
        "",
        "norm=noisy_batch&noise_per=layer&noise_mean=1",
        {"norm": "noisy_batch", "noise_mean": 1.0, "noise_per": "layer"},
    ),
    (
        "",
        "init=he&probe_data=fixed&binarize=true&probe_samples=30",
        {"binarize": True, "init": "he", "probe_data": "fixed", "probe_samples": 30},
    ),
    ("", "init_std=0.0001", {"init_std": 0.0001}),
    ("", "init_std=0.123456", {"init_std": 0.123456}),
    (
        "",
        "dataset=mnist&network=lenet&binarize=true&batch=1000",
        {"dataset": "mnist", "binarize": True, "network": "lenet", "batch_size": 1000},
    ),
    ("", "init=normal&init_std=0.3&activation=relu", {"activation": "relu", "init_std": 0.3}),
    (
        "",
        "network=deep_linear&dataset=linear_map&init=xavier&lr=1e-05&batch=1e3",
        {
            "dataset": "linear_map",
            "network": "deep_linear",
            "init": "xavier",
            "learning_rate": 1e-05,
            "batch_size": 1000,
        },
    ),
    (
        "",
        "probes=landscape_line,sharpness&sharpness_points=4&sharpness_count=3",
        {"probes": ("landscape_line", "sharpness"), "sharpness_points": 4, "sharpness_count": 3},
    ),
    ("", "probes=", {"probes": ()}),
    (
        "",
        "probes=landscape_plane&plane_kind=pca&plane_mode=inference&plane_points=7&plane_span=2",
        {
            "probes": ("landscape_plane",),
            "plane_kind": "pca",
            "plane_points": 7,
            "plane_span": 2.0,
            "plane_mode": "inference",
        },
    ),
    ("", "learning_rate=0.2&batch_size=32", {"learning_rate": 0.2, "batch_size": 32}),
    ("activations", "lr=2", {"learning_rate": 2.0}),
    ("activations", "activation=relu", {"activation": "relu"}),
    ("activations", "norm=noisy_batch&noise_scale=1", {"norm": "noisy_batch", "noise_scale": 1.0}),
    ("noisy_bn", "noise_at_test=true", {"noise_at_test": True}),
    (
        "noisy_bn",
        "noise_mean=1&noise_scale=1.5&noise_spread_mean=0&noise_spread_scale=0.2&noise_per=layer",
        {
            "noise_mean": 1.0,
            "noise_scale": 1.5,
            "noise_spread_mean": 0.0,
            "noise_spread_scale": 0.2,
            "noise_per": "layer",
        },
    ),
    ("noisy_bn", "widths=100,100,100", {"widths": (100, 100, 100)}),
    ("noisy_bn", "activation=tanh", {"activation": "tanh"}),
    (
        "covariate_shift",
        "dataset=linear_map&network=deep_linear&widths=10,10,10&activation=sigmoid&init=xavier&lr=0.0001&batch=1000&steps=1000",
        {
            "dataset": "linear_map",
            "network": "deep_linear",
            "widths": (10, 10, 10),
            "activation": "sigmoid",
            "learning_rate": 0.0001,
            "batch_size": 1000,
            "steps": 1000,
        },
    ),
    ("covariate_shift", "lr=0.01", {"learning_rate": 0.01}),
    ("covariate_shift", "optimizer=adam", {"optimizer": "adam"}),
    (
        "loss_landscape",
        "line_from=0.05&line_to=0.4&line_in=absolute",
        {"line_from": 0.05, "line_to": 0.4, "line_in": "absolute"},
    ),
    ("loss_landscape", "line_from=0.25&line_to=2", {"line_from": 0.25, "line_to": 2.0}),
    ("loss_landscape", "line_from=0.01&line_to=30", {"line_from": 0.01, "line_to": 30.0}),
    (
        "loss_landscape",
        "line_along=random&line_points=16&sharpness_count=2",
        {"line_points": 16, "line_along": "random", "sharpness_count": 2},
    ),
    ("loss_landscape", "line_from=0.0001", {"line_from": 0.0001}),
    ("theory", "lr=1e-07&line_in=absolute", {"learning_rate": 1e-07, "line_in": "absolute"}),
    ("theory", "noise_scale=1&probe_points=7", {"noise_scale": 1.0, "probe_points": 7}),
    (
        "",
        "probes=landscape_line,wrong_ways&line_points=4",
        {"probes": ("landscape_line", "measurement_pitfalls"), "line_points": 4},
    ),
    ("", "norm_p=2", {"norm_p": "2"}),
    ("", "norm=batch&noise_at_test=true", {"norm": "batch", "noise_at_test": True}),
    (
        "",
        "precision=float64&device=cpu&norm_eps=0.5&percentiles=10,90",
        {"norm_eps": 0.5, "device": "cpu", "precision": "float64", "percentiles": (10.0, 90.0)},
    ),
]
"""Page (empty for a plain run), query, and the settings that differ from the page's."""


@pytest.mark.parametrize(("page", "query", "expected"), LINKS, ids=[f"{page}?{query}" for page, query, _ in LINKS])
def test_old_link_gives_same_settings(page: str, query: str, expected: dict[str, Any]) -> None:
    base = DEFAULTS[page] if page else RunConfig()
    config, problems = RunConfig.from_query(dict(parse_qsl(query, keep_blank_values=True)), base)
    assert problems == []
    assert config.settings() == base.settings() | expected


def test_old_link_with_crossed_bounds_is_explained() -> None:
    base = DEFAULTS["loss_landscape"]
    config, problems = RunConfig.from_query({"line_from": "5", "line_to": "1"}, base)
    assert problems == ["line_from must be less than line_to, not 5 with line_to 1; line_from=0.5 is used."]
    assert config.settings() == base.settings() | {"line_to": 1.0}


def test_renamed_probe_is_written_by_new_name() -> None:
    config, _ = RunConfig.from_query({"probes": "wrong_ways"})
    assert config.to_query() == {"probes": "measurement_pitfalls"}
    assert config == RunConfig(probes=("wrong_ways",)) == RunConfig(probes=("measurement_pitfalls",))
