"""A page of Streamlit alone: a unit to choose, and the activation page's charts of the runs that ship with the app."""

import streamlit as st

from bnviz.core import presets
from bnviz.figures import curves, layer_heatmaps, unit_distribution
from bnviz.records import gallery

LAYER = 3

found = {arm: gallery.find(config) for arm, config in presets.ACTIVATIONS.configs().items()}
records = {arm: record for arm, record in found.items() if record is not None}
unit = int(st.number_input("Unit (of 100)", min_value=1, max_value=100, value=17))
charts = [curves.accuracy(records), curves.loss(records), unit_distribution.at_cursor(records, LAYER, unit)]
for arm in records:
    charts += [draw(records, arm, LAYER, unit) for draw in (unit_distribution.bands, unit_distribution.history)]
    charts += [draw(records, arm, LAYER) for draw in (layer_heatmaps.medians, layer_heatmaps.widths)]
charts += [layer_heatmaps.drift(records, quantity, LAYER) for quantity in ("mean_change", "variance_change")]
charts.append(layer_heatmaps.saturated(records, LAYER))
for place, chart in enumerate(charts):
    st.plotly_chart(chart.figure(), key=f"chart {place}")
