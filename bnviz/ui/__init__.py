"""The screen: the only package, besides app.py and pages/, that imports Streamlit. Never torch."""
