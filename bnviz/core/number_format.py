"""Write numbers and shares as a person reads them."""

import math

UNDEFINED = "no finite number"


SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(share: float) -> str:
    """A share as a person reads it: 97 %."""
    return f"{100 * share:.0f} %" if math.isfinite(share) else UNDEFINED


def two_digits(value: float) -> str:
    """A number with two significant digits, as a person writes it: 0.00018, 150, 1.8×10⁻⁷."""
    return digits(value, 2)


def digits(value: float, count: int) -> str:
    """The same with as many significant digits as one likes."""
    if not math.isfinite(value):
        return UNDEFINED
    exact = f"{value:.{count - 1}e}"
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        return f"{float(exact):.10g}"
    mantissa, _, exponent = exact.partition("e")
    return f"{mantissa}×10{str(int(exponent)).translate(SUPERSCRIPT)}"


def updates_in_words(count: int) -> str:
    """1 update, 600 updates."""
    return f"{count} update" + ("" if count == 1 else "s")
