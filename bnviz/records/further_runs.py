"""Runs that pages need besides their comparison, as functions of the page's settings."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from bnviz.core import presets
from bnviz.core.config import RunConfig
from bnviz.records import gallery

Runs = Mapping[str, Sequence[RunConfig]]


def planes(arms: Mapping[str, RunConfig], plane: int, plane_pca: bool, plane_inference: bool) -> Runs:
    """Each arm trained to update `plane` (0: its last), where the plane around its weights is mapped.

    None unless the page asks for one by its settings, or the gallery has them.
    """
    changes = {
        "probes": ("landscape_plane",),
        "plane_kind": "pca" if plane_pca else "random",
        "plane_mode": "inference" if plane_inference else "training",
    }
    runs = {
        arm: (config.with_changes(**changes, steps=plane or config.steps).with_active_options(),)
        for arm, config in arms.items()
    }
    asked_for = plane or plane_pca or plane_inference
    return runs if asked_for or _all_stored(config for several in runs.values() for config in several) else {}


def pitfalls(config: RunConfig, wrong_ways: bool) -> Runs:
    """Each arm at several learning rates, its own first, where the page asks for them; see `presets.STEP_FACTORS`."""
    return _pitfalls(config) if wrong_ways else {}


def pitfalls_stored(config: RunConfig) -> bool:
    """Whether the gallery has all these runs."""
    runs = _pitfalls(config)
    return bool(runs) and _all_stored(one for several in runs.values() for one in several)


def forty_layers() -> Runs:
    """Gradients through forty layers at initialisation, whatever the settings are."""
    return {arm: (config,) for arm, config in presets.FORTY_LAYERS.configs().items()}


def _pitfalls(config: RunConfig) -> Runs:
    """None at learning rate 0, and where a multiple of the rate is more than a learning rate may be."""
    if config.learning_rate == 0:
        return {}
    try:
        return {
            arm: tuple(
                sorted(
                    presets.measurement_pitfalls(config, changes["norm"]).configs().values(),
                    key=lambda run: run.learning_rate != config.learning_rate,
                )
            )
            for arm, changes in presets.PAIR.items()
        }
    except ValidationError:
        return {}


def _all_stored(configs: Iterable[RunConfig]) -> bool:
    return all(gallery.find(config) is not None for config in configs)
