"""Internal covariate shift in a deep linear network.

25 linear layers learn a random linear map by full-batch gradient descent: the paper's own small example, in which
nothing but the order of the layers' steps is at work.
"""

from functools import partial

import xarray as xr

from bnviz.analysis.phases import LAST_HALF
from bnviz.core.presets import DEEP_LINEAR
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, Rule
from bnviz.experiments._over_time import difference_over_time
from bnviz.experiments._shift import DEFINITION

LAYERS = (5, 12, 20)
"""The layers that are tested, of 25 (a choice of bnviz)."""


def cosine(layer: int, record: Record) -> xr.DataArray:
    """cos(G, G') of a weight layer."""
    return record.data["shift_cosine"].isel(weight_layer=layer - 1)


def _claim(layer: int) -> Claim:
    return Claim(
        f"increases_layer_{layer}",
        f"Batch norm increases internal covariate shift (layer {layer} of 25).",
        f"{DEFINITION}; course notes 003, question 4",
        (
            Condition(
                f"cos(G, G′) of layer {layer}, median over the last half: batch norm minus standard",
                difference_over_time(partial(cosine, layer), "batch norm", "standard"),
                Rule("below"),
                phases=(LAST_HALF,),
            ),
        ),
    )


EXPERIMENT = Experiment(
    question="Does batch norm reduce internal covariate shift?",
    source=f"{DEFINITION}, deep linear network",
    page="covariate_shift",
    base=DEEP_LINEAR.base,
    arms=DEEP_LINEAR.arms,
    claims=tuple(_claim(layer) for layer in LAYERS),
    settings={"ten times the step": {"learning_rate": 1e-3}, "a tenth of the step": {"learning_rate": 1e-5}},
    datasets=("linear_map",),
)
