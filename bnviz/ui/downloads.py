"""Offer what a page's runs measured as files."""

import weakref
from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from bnviz.analysis.csv_tables import curves_table
from bnviz.core.record import Record
from bnviz.ui.page import Context, Page, Table, bind
from bnviz.ui.session import service

CURVES = Table("Curves (CSV)", "curves.csv", curves_table)


def downloads(page: Page, records: Mapping[str, Record], context: Context) -> None:
    """A button for each arm's record, for the curves, and for the page's further tables."""
    recall = _recall(records)
    with st.container(horizontal=True, key=f"{page.name}-downloads"):
        for arm, record in records.items():
            st.download_button(
                f"Record of {arm}",
                data=partial(_record_file, recall, arm),
                file_name=f"{_file_name(arm)}-{record.config.key}.nc",
                mime="application/x-netcdf",
                key=f"{page.name}/nc/{arm}",
                on_click="ignore",
                icon=":material/database:",
                help="Everything this run measured, as one netCDF file",
            )
        settings = {name: value for name, value in context.items() if name not in ("records", "repeats")}
        for table in (CURVES, *page.tables):
            st.download_button(
                table.label,
                data=partial(_table_file, recall, table, settings),
                file_name=table.file_name,
                mime="text/csv",
                key=f"{page.name}/csv/{table.file_name}",
                on_click="ignore",
                icon=":material/table:",
            )


def _record_file(recall: Callable[[], dict[str, Record]], arm: str) -> bytes:
    return recall()[arm].to_bytes()


def _table_file(recall: Callable[[], dict[str, Record]], table: Table, settings: Context) -> bytes:
    content: bytes = bind(table.write, {**settings, "records": recall()})()
    return content


def _recall(records: Mapping[str, Record]) -> Callable[[], dict[str, Record]]:
    """What gives the records back later, from memory or the store, so that no session keeps its own until then.

    A stopped run's record is kept: it is stored nowhere else.
    """
    configs = {arm: record.config for arm, record in records.items()}
    kept = {arm: record for arm, record in records.items() if record.outcome not in ("finished", "diverged")}
    references = {arm: weakref.ref(record) for arm, record in records.items()}

    def recall() -> dict[str, Record]:
        found = {arm: kept.get(arm) or references[arm]() or service().recall(config) for arm, config in configs.items()}
        lost = [configs[arm].key for arm, record in found.items() if record is None]
        if lost:
            raise LookupError(f"the result of run {lost[0]} is not kept any more; open its link to train it again")
        return {arm: record for arm, record in found.items() if record is not None}

    return recall


def _file_name(arm: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in arm)
