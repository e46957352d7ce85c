"""Quantities as people write and read them: 64KiB, 500ms, 1000/s. Nothing here knows of the DLL."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

SIZES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
DURATIONS = {"": 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
RATES = {"": 1, "/s": 1, "k/s": 10**3, "m/s": 10**6, "/min": 1 / 60}
QUANTITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(\D*)")


def _parsed(text: str, units: Mapping[str, float], example: str) -> float:
    found = QUANTITY.fullmatch(text.strip())
    unit = found[2].strip().lower() if found else ""
    if not found or unit not in units:
        known = ", ".join(name for name in units if name)
        raise ValueError(f"{text!r} is not like {example} (units: {known})")
    return float(found[1]) * units[unit]


def _whole(text: str, value: float, unit: str) -> int:
    """The number that is meant: a factor like 0.001 leaves a little beside it."""
    whole = round(value)
    if abs(value - whole) > 1e-6:
        raise ValueError(f"{text!r} is no whole number of {unit}")
    return whole


def parse_size(text: str) -> int:
    """Bytes: 64, 64KiB, 1MB."""
    return _whole(text, _parsed(text, SIZES, "64KiB"), "bytes")


def parse_duration(text: str) -> float:
    """Seconds: 10, 10s, 500ms, 2min."""
    return _parsed(text, DURATIONS, "500ms")


def parse_rate(text: str) -> int:
    """How many a second: 1000, 1000/s, 10k/s; a whole number, at least one."""
    rate = _parsed(text, RATES, "1000/s")
    if rate < 1:
        raise ValueError(f"{text!r} is less than one a second")
    return _whole(text, rate, "messages a second")


def parse_sizes(text: str) -> tuple[int, ...] | range:
    """Sizes of messages: one, several (64,1500) or a range (64-1500)."""
    first, dash, last = text.partition("-")
    if dash:
        smallest, largest = parse_size(first), parse_size(last)
        if smallest > largest:
            raise ValueError(f"{text!r}: {smallest} is more than {largest}")
        return range(smallest, largest + 1)
    return tuple(parse_size(part) for part in text.split(","))


def time_of(microseconds: float) -> str:
    """A time, in the unit that suits it: 85 us, 1.24 ms, 12.5 s."""
    if microseconds < 999.5:
        return f"{_three_digits(microseconds)} us"
    if microseconds < 999_500:
        return f"{_three_digits(microseconds / 1e3)} ms"
    return f"{_three_digits(microseconds / 1e6)} s"


def _three_digits(value: float) -> str:
    if value >= 99.95 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def rate_of(per_second: float) -> str:
    """A number a second: 12,345 or 1.25."""
    return f"{per_second:,.0f}" if per_second >= 100 or per_second == 0 else f"{per_second:.3g}"


def mebibytes_of(byte_count: float) -> str:
    """Bytes as MiB, with as many digits as tell something."""
    value = byte_count / (1 << 20)
    digits = 0 if value >= 1000 or not value else max(0, min(6, 2 - math.floor(math.log10(value))))
    return f"{value:,.{digits}f}"


def size_of(byte_count: int) -> str:
    """Bytes in the largest binary unit that divides them: 64 bytes, 64 KiB, 1 MiB."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if byte_count and byte_count % factor == 0:
            return f"{byte_count // factor} {unit}"
    return f"{byte_count} byte{'s' * (byte_count != 1)}"
