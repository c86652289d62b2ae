"""Figures: pure functions from records to charts (plotly's, see `chart`), and to the sentences above them.

They know records and pictures; no torch, no Streamlit, no jobs. Each figure's `layout.meta` says what a page needs to
know of it: `title`, `alt` (for screen readers), `steps` (the x axis counts updates, so a cursor may run over it), `arm`
if it shows one arm only, `by_step` if it follows the cursor (see `cursor`), `legend` if its traces need names of their
own, and `camera` if it is a surface that is turned together with others.
"""
