"""Claims about numbers that depend on training: stated as a band, measured in front of you."""

from __future__ import annotations

import math

from xmodal_lab.workbook.kit.stopping import cut_short


class Verdict(int):
    """True or False, as a value that a notebook does not print once more at the end of a cell."""

    def __repr__(self) -> str:
        return str(bool(self))

    def _ipython_display_(self) -> None:
        """Nothing: the line printed by ``expect`` says it all."""


def expect(name: str, value: float, low: float, high: float, unit: str = "") -> Verdict:
    """Print whether a measured number lies where this chapter says it does.

    Where it does not, and a training was stopped before its end, the line says that too.

    Args:
        name: what was measured.
        value: a number, or a tensor or array that holds one.
        low, high: the band, both ends included; infinite where one side is open.
        unit: printed after the numbers.

    Returns:
        What counts as True inside the band, else as False. NaN is never inside.

    Raises:
        ValueError: for an empty band.
        TypeError: where ``value`` is not one number.
    """
    if not low <= high:
        raise ValueError(f"expect({name!r}): the band {low} … {high} is empty, low must be ≤ high")
    number = _one_number(name, value)
    inside = low <= number <= high
    suffix = f" {unit}" if unit else ""
    shown = _measured(number, low, high, inside)
    mark = "✓" if inside else "✗"
    cut = "" if inside else cut_short()
    why = f"   {cut}" if cut else ""
    print(f"{mark} {name}: ≈ {shown}{suffix}   expected {_band(low, high)}{suffix}{why}")
    return Verdict(inside)


def _one_number(name: str, value) -> float:
    try:
        return float(value.detach() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        shape = getattr(value, "shape", None)
        seen = f"shape {list(shape)}" if shape is not None else repr(value)[:60]
        raise TypeError(f"expect({name!r}) wants one number, got {seen}") from error


def _measured(number: float, low: float, high: float, inside: bool) -> str:
    """Three digits, or more where three would contradict the mark (0.9496 is not in 0.95 … 1)."""
    for digits in (3, 4, 5, 6):
        shown = plain(number, digits)
        if not math.isfinite(number) or (low <= float(shown.replace(",", "")) <= high) == inside:
            break
    return shown


def plain(number: float, digits: int = 3) -> str:
    """A number with so many significant digits, without an exponent between 1e-4 and 1e7."""
    if not math.isfinite(number):
        return str(number)
    if number == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(number)))
    if magnitude < -4 or magnitude >= 7:
        return f"{number:.{digits - 1}e}"
    decimals = max(0, digits - 1 - magnitude)
    shown = f"{number:,.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _band(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "any number"
    if math.isinf(low):
        return f"at most {plain(high, 6)}"
    if math.isinf(high):
        return f"at least {plain(low, 6)}"
    return f"{plain(low, 6)} … {plain(high, 6)}"
