"""Normal, std of your choice.

Independent normal weights of mean 0, with the same standard deviation in every layer, whatever its size.
"""

import torch
from torch import Tensor

from bnviz.core.config import RunConfig

OPTIONS = {
    "init_std": {
        "type": "number",
        "default": 0.1,
        "above": 0.0,
        "maximum": 10.0,
        "step": 0.01,
        "label": "Standard deviation of the initial weights",
        "help": "standard deviation of the initial weights",
    },
}


def draw(weights: Tensor, config: RunConfig, generator: torch.Generator) -> None:
    """N(0, init_std^2)."""
    weights.normal_(0.0, config.option("init_std"), generator=generator)
