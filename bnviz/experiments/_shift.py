"""What the two experiments on internal covariate shift have in common: its numbers in the middle of a network."""

import math

from bnviz import quantities
from bnviz.experiments import Runs
from bnviz.experiments._statistics import accuracy, middle_value
from bnviz.record import Record

DEFINITION = "Santurkar et al. 2018, Def. 2.1, Fig. 3"


def middle(record: Record) -> int:
    """Place of the weight layer in the middle, the output layer counted."""
    return record.data.sizes["weight_layer"] // 2


def l2(record: Record) -> float:
    """|G - G'| of the middle layer, median over steps."""
    return middle_value(record.data["shift_l2"].isel(weight_layer=middle(record)))


def relative(record: Record) -> float:
    """|G - G'| / |G| of the middle layer, median over steps."""
    return middle_value(quantities.relative_shift(record).isel(weight_layer=middle(record)))


def cosine(record: Record) -> float:
    """cos(G, G') of the middle layer, median over steps."""
    return middle_value(record.data["shift_cosine"].isel(weight_layer=middle(record)))


def more_shift_and_better(runs: Runs) -> float:
    """The smaller of two: log ratio of the relative shift, and difference in accuracy, batch norm against standard.

    Above 0 only if batch norm has more shift and is the better network.
    """
    with_norm, without = runs["batch norm"], runs["standard"]
    shift, base = relative(with_norm), relative(without)
    if not (shift > 0 and base > 0):
        return math.nan
    return min(math.log(shift / base), accuracy(with_norm) - accuracy(without))
