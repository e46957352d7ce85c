"""HdrHistogram's own formats: a histogram in its compressed encoding (version 2), and the interval log.

The places of a `Histogram` are those of an HdrHistogram for 1 to 100,000,000 with 2 significant digits, so
nothing is lost on the way. Nothing here knows of the DLL.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

LOWEST, HIGHEST, DIGITS = 1, 100_000_000, 2
ENCODING_COOKIE = 0x1C849303 | 0x10  # version 2, LEB128 with ZigZag
COMPRESSED_COOKIE = 0x1C849304 | 0x10
HEADER = struct.Struct(">IIiiqqd")
OUTER_HEADER = struct.Struct(">II")
LONGEST_BYTES = 9  # of an encoded number: the ninth byte has no flag, but 8 bits
UINT64_MASK = (1 << 64) - 1
COUNT_MAX = (1 << 63) - 1


class Interval(NamedTuple):
    """A line of an interval log."""

    start: float
    """Seconds since the log's start."""
    length: float
    """Seconds."""
    max_us: int
    encoded: str
    """What `encode` gave."""
    tag: str = ""


def _put(number: int, into: bytearray) -> None:
    left = (number << 1 ^ number >> 63) & UINT64_MASK
    for _ in range(LONGEST_BYTES - 1):
        if left < 0x80:
            into.append(left)
            return
        into.append(left & 0x7F | 0x80)
        left >>= 7
    into.append(left)


def _numbers(data: bytes) -> Iterator[int]:
    place = 0
    while place < len(data):
        value = shift = 0
        for count in range(1, LONGEST_BYTES + 1):
            if place == len(data):
                raise ValueError("an HdrHistogram ends amid a number")
            byte = data[place]
            place += 1
            value |= (byte if count == LONGEST_BYTES else byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield value >> 1 ^ -(value & 1)


def encode(counts: Sequence[int]) -> str:
    """The counts as other implementations of HdrHistogram read them: compressed, in base64."""
    end = len(counts)
    while end and not counts[end - 1]:
        end -= 1
    body = bytearray()
    place = 0
    while place < end:
        zeros = 0
        while not counts[place + zeros]:
            zeros += 1
        if zeros > 1:
            _put(-zeros, body)
        else:
            zeros = 1
            if counts[place] > COUNT_MAX:
                raise ValueError(
                    f"a count of {counts[place]} is more than an HdrHistogram holds: {COUNT_MAX}"
                )
            _put(counts[place], body)
        place += zeros
    header = HEADER.pack(ENCODING_COOKIE, len(body), 0, DIGITS, LOWEST, HIGHEST, 1.0)
    packed = zlib.compress(header + bytes(body))
    return base64.b64encode(OUTER_HEADER.pack(COMPRESSED_COOKIE, len(packed)) + packed).decode()


def decode(text: str, places: int) -> list[int]:
    """The counts of so many places; ValueError unless `encode`, or an HdrHistogram of the same layout, made
    the text.
    """
    try:
        raw = base64.b64decode(text, validate=True)
        cookie, length = OUTER_HEADER.unpack_from(raw)
        if cookie != COMPRESSED_COOKIE:
            raise ValueError("not an HdrHistogram in its compressed encoding, version 2")
        data = zlib.decompress(raw[OUTER_HEADER.size : OUTER_HEADER.size + length])
        cookie, length, offset, digits, lowest, highest, _ = HEADER.unpack_from(data)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"not a whole HdrHistogram: {error}") from None
    if (cookie, offset, digits, lowest, highest) != (ENCODING_COOKIE, 0, DIGITS, LOWEST, HIGHEST):
        raise ValueError(f"not an HdrHistogram for {LOWEST} to {HIGHEST} with {DIGITS} significant digits")
    counts: list[int] = []
    for number in _numbers(data[HEADER.size : HEADER.size + length]):
        if number < 0:
            if len(counts) - number > places:
                raise ValueError("an HdrHistogram has too many places")
            counts += [0] * -number
        else:
            counts.append(number)
    if len(counts) > places:
        raise ValueError("an HdrHistogram has too many places")
    return counts + [0] * (places - len(counts))


def log(intervals: Iterable[Interval], started: float) -> str:
    """An interval log, version 1.3. The highest values are told in milliseconds, as is the custom."""
    from datetime import UTC, datetime

    when = datetime.fromtimestamp(started, UTC).isoformat(" ", "milliseconds")
    lines = [
        "#[Histogram log format version 1.3]",
        "#[Values are microseconds]",
        f"#[StartTime: {started:.3f} (seconds since epoch), {when}]",
        f"#[BaseTime: {started:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    for one in intervals:
        tag = f"Tag={one.tag}," if one.tag else ""
        lines.append(f"{tag}{one.start:.3f},{one.length:.3f},{one.max_us / 1000:.3f},{one.encoded}")
    return "\n".join(lines) + "\n"
