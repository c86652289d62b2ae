"""Signs that an older encoding lacks, as "≤" in cp1252, are printed as signs that it has, instead of ending a command.

Windows gives such an encoding to a command whose output goes to a file or a pipe.
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


def print_every_sign() -> None:
    """From now on no text is too much for the encoding of standard output and standard error."""
    codecs.register_error("bnviz", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="bnviz")


def in_ascii(sign: str) -> str:
    """Greek letters by name, letters without their accents, "?" for what has no likeness."""
    greek, _, name = unicodedata.name(sign, "").rpartition(" LETTER ")
    if greek.startswith("GREEK"):
        return name.lower()
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return IN_ASCII.get(sign, plain or "?")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(in_ascii, error.object[error.start : error.end])), error.end
