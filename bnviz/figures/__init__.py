"""Figures: pure functions from records to plotly figures.

They know records and pictures; no torch, no Streamlit, no jobs. Each figure's `layout.meta` says what a page needs to
know of it: `title`, `alt` (for screen readers), `steps` (the x axis counts updates, so a cursor may run over it) and
`arm` if it shows one arm only.
"""
