"""A page such as one writes with Streamlit alone: a unit to choose, and the activation page's charts of it."""

import streamlit as st

from benchmarks.charts import LAYER, UNIT, of_layer, shipped

one = int(st.number_input("Unit", min_value=1, max_value=100, value=UNIT))
for place, call in enumerate(of_layer(shipped(), LAYER, one)):
    st.plotly_chart(call().figure(), key=f"chart {place}")
