"""Internal covariate shift of a network's middle layer, for both experiments on it."""

import xarray as xr

from bnviz.analysis import quantities
from bnviz.core.record import Record

DEFINITION = "Santurkar et al. 2018, Def. 2.1, Fig. 3"


def middle_layer(record: Record) -> int:
    """Index of the middle weight layer; the output layer counts."""
    return record.data.sizes["weight_layer"] // 2


def l2(record: Record) -> xr.DataArray:
    """|G - G'| of the middle layer."""
    return record.data["shift_l2"].isel(weight_layer=middle_layer(record))


def relative(record: Record) -> xr.DataArray:
    """|G - G'| / |G| of the middle layer."""
    return quantities.relative_shift(record).isel(weight_layer=middle_layer(record))


def cosine(record: Record) -> xr.DataArray:
    """cos(G, G') of the middle layer."""
    return record.data["shift_cosine"].isel(weight_layer=middle_layer(record))
