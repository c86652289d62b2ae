"""Prose on a page: text at reading width, and links that change exactly one thing."""

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import streamlit as st

from bnviz.ui.page import Suggestion

READING_WIDTH = 760
"""Pixels: about 75 characters a line."""
MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()#+!|<>~$:])")
SPELT_OUT = r"\\\1"


BASELINE = """
**What to look for.** The learning rate is 0, so no weight changes and nothing is learned. What still differs from one
update to the next is the mini-batch and, in arms that have it, the noise. Take these charts as the baseline for runs
that do learn: choose a learning rate above 0 to see one.
"""


def text(markdown: str) -> None:
    """Markdown at reading width; nothing for no text."""
    if markdown.strip():
        st.markdown(markdown, width=READING_WIDTH)


def link_problems(problems: Sequence[str]) -> None:
    """What a link said that could not be used, in one box; its words are shown as they are, never as markdown."""
    if problems:
        plain = [MARKDOWN_SIGNS.sub(SPELT_OUT, problem) for problem in problems]
        st.warning(
            "\n".join(f"- {line}" for line in plain) if len(plain) > 1 else plain[0],
            icon=":material/link_off:",
            width=READING_WIDTH,
        )


def try_next(page: str, suggestions: Sequence[Suggestion]) -> None:
    """Links to the same page with one thing changed."""
    st.header("Try next")
    lines = [f"- [{item.label}](/{page}?{urlencode(item.query)}): {item.watch}" for item in suggestions]
    text("\n".join(lines))
