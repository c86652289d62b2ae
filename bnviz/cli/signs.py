"""Replacements for signs that the output's encoding lacks, such as "≤" in cp1252, which would end a command.

Windows uses such an encoding if a command's output goes to a file or a pipe.
"""

import codecs
import sys
import unicodedata
from io import TextIOWrapper

IN_ASCII = {
    "−": "-",
    "–": "-",
    "×": "x",
    "·": "*",
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "⟨": "<",
    "⟩": ">",
    "✓": "yes",
    "✗": "no",
    "“": '"',
    "”": '"',
    "’": "'",
    "′": "'",
    "↔": "<->",
}


def replace_missing_signs() -> None:
    """Make stdout and stderr replace signs that their encoding lacks."""
    codecs.register_error("bnviz", _replacement)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="bnviz")


def in_ascii(sign: str) -> str:
    """Return a Greek letter's name, a letter without accents, or "?" for a sign without an ASCII form."""
    greek, _, name = unicodedata.name(sign, "").rpartition(" LETTER ")
    if greek.startswith("GREEK"):
        return name.lower()
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return IN_ASCII.get(sign, plain or "?")


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(in_ascii, error.object[error.start : error.end])), error.end
