"""Explaining: the source that measured, and what can be taken away from a page."""

import io
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from bnviz import registry
from bnviz.record import Record


def probe_source(name: str) -> None:
    """The probe's own file, read from disk: what is shown is what ran."""
    with st.expander("The code that measured this", icon=":material/code:"):
        st.caption(f"bnviz/probes/{name}.py, as it ran")
        st.code(registry.source("probes", name), language="python", line_numbers=True)


def take_away(page: str, records: Mapping[str, Record], layer: int, unit: int) -> None:
    """Downloads: the whole record of each arm, and tables of what is on screen."""
    with st.container(horizontal=True, key=f"{page}-downloads"):
        for name, record in records.items():
            st.download_button(
                f"Record of {name}",
                data=record.to_bytes,
                file_name=f"{_slug(name)}-{record.config.key}.nc",
                mime="application/x-netcdf",
                key=f"{page}/nc/{name}",
                on_click="ignore",
                icon=":material/database:",
                help="Everything this run measured, as one netCDF file",
            )
        st.download_button(
            "Curves (CSV)",
            data=lambda: curves_table(records),
            file_name="curves.csv",
            mime="text/csv",
            key=f"{page}/csv/curves",
            on_click="ignore",
            icon=":material/table:",
        )
        st.download_button(
            f"Unit {unit} of layer {layer} (CSV)",
            data=lambda: unit_table(records, layer, unit),
            file_name=f"layer-{layer}-unit-{unit}.csv",
            mime="text/csv",
            key=f"{page}/csv/unit",
            on_click="ignore",
            icon=":material/table:",
        )


def curves_table(records: Mapping[str, Record]) -> str:
    """Loss and accuracy of every arm at every noted step, long format, CSV."""
    names = ["train_loss", "test_loss", "test_accuracy"]
    return _csv({name: record.data[names].to_dataframe() for name, record in records.items()})


def unit_table(records: Mapping[str, Record], layer: int, unit: int) -> str:
    """Percentiles, moments and their changes of one unit in every arm at every measured step, CSV."""
    tables = {}
    for name, record in records.items():
        chosen = record.data.sel(layer=layer, unit=unit)
        table = chosen[["mean", "variance", "mean_change", "variance_change", "saturated_share"]].to_dataframe()
        for level in record.config.percentiles:
            table[f"percentile_{level:g}"] = chosen["percentile"].sel(quantile=level).to_series()
        tables[name] = table.drop(columns=["layer", "unit"])
    return _csv(tables)


def _csv(tables: Mapping[str, pd.DataFrame]) -> str:
    text = io.StringIO()
    pd.concat(tables, names=["arm"]).to_csv(text)
    return text.getvalue()


def _slug(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name)
