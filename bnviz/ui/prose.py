"""Prose on a page: text at reading width, and links that change exactly one thing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

READING_WIDTH = 760
"""Pixels: about 75 characters a line."""
MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()#+!|<>~$:])")
SPELT_OUT = r"\\\1"


def text(markdown: str) -> None:
    """Markdown at reading width."""
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


@dataclass(frozen=True)
class Suggestion:
    """Something to try: what to do, what to watch, and the settings that differ from the page's defaults."""

    label: str
    watch: str
    query: Mapping[str, str]


def try_next(page: str, suggestions: Sequence[Suggestion]) -> None:
    """Links to the same page with one thing changed."""
    st.header("Try next")
    lines = [f"- [{one.label}](/{page}?{urlencode(one.query)}): {one.watch}" for one in suggestions]
    text("\n".join(lines))
