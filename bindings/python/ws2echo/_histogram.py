"""How often which latency was met."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from . import _swig
from ._options import integer

UINT64_MAX = (1 << 64) - 1
TOLD_PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


@functools.cache
def _bounds() -> tuple[tuple[int, int], ...]:
    """The lowest and the highest value of each place, which the DLL knows."""
    return tuple(_swig.histogram_bounds(index) for index in range(_swig.HISTOGRAM_COUNTS))


class Histogram:
    """How often which latency was met, in microseconds.

    The places are those of an HdrHistogram for 1 to 100,000,000 microseconds with 2 significant digits:
    values below 256 are counted exactly; above, those of one place differ by less than 1/128 of the value.
    What is above 134,217,727 counts in the last place; the count, the least, the greatest and the mean are
    exact in any case. ``a + b`` has everything that was counted in either, without loss.

    Args:
        values: What to count at first, in microseconds, each 0 or more.
    """

    __slots__ = ("_raw",)

    def __init__(self, values: Iterable[int] = ()) -> None:
        self._raw = _swig.Histogram()
        for value in values:
            self.record(value)

    @property
    def count(self) -> int:
        """How many values were counted."""
        return self._raw.count

    @property
    def min_us(self) -> int:
        """The least value, exact; 0 if there are none."""
        return self._raw.min_us

    @property
    def max_us(self) -> int:
        """The greatest value, exact; 0 if there are none."""
        return self._raw.max_us

    @property
    def sum_us(self) -> int:
        """All values added up, exact."""
        return self._raw.sum_us

    @property
    def mean_us(self) -> float:
        """The mean, from the exact sum; 0 if there are no values."""
        return _swig.histogram_mean(self._raw)

    @property
    def deviation_us(self) -> float:
        """The standard deviation, each value taken for the middle of its place; 0 if there are none."""
        return _swig.histogram_deviation(self._raw)

    def record(self, value_us: int, count: int = 1) -> None:
        """Count a value, so many times.

        Raises:
            ValueError: A number is below 0, or above 2**64 - 1.
        """
        value = integer("value_us", value_us, highest=UINT64_MAX)
        _swig.histogram_record(self._raw, value, integer("count", count, highest=UINT64_MAX))

    def percentile(self, percent: float) -> int:
        """The microseconds that so many percent of the values do not exceed: never too low, and too high by
        less than 1/128. 0 percent gives the least value, 100 the greatest; it is 0 if there are none.

        Raises:
            UsageError: ``percent`` is not 0 to 100.
        """
        return _swig.histogram_percentile(self._raw, percent)

    def merge(self, other: Histogram) -> None:
        """Add everything that the other has counted, as if it had been counted here."""
        _swig.histogram_merge(self._raw, other._raw)

    def since(self, earlier: Histogram) -> Histogram:
        """What was counted after an earlier state of the same histogram. Its least and greatest value are as
        exact as their places.

        Raises:
            ValueError: ``earlier`` has counted what this has not.
        """
        fresh = Histogram()
        for place, (now, before) in enumerate(zip(self._raw.counts, earlier._raw.counts, strict=True)):
            if now < before:
                raise ValueError("it has counted less than the earlier state")
            if now > before:
                _swig.histogram_record(fresh._raw, _bounds()[place][0], now - before)
        if fresh.count:
            highest = next(high for low, high in _bounds() if low == fresh.max_us)
            fresh._raw.min_us = max(fresh.min_us, self.min_us)
            fresh._raw.max_us = self.max_us if highest == _bounds()[-1][1] else min(highest, self.max_us)
            fresh._raw.sum_us = max(0, self.sum_us - earlier.sum_us)
        return fresh

    def __add__(self, other: Histogram) -> Histogram:
        if not isinstance(other, Histogram):
            return NotImplemented
        both = Histogram()
        both.merge(self)
        both.merge(other)
        return both

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """The places that are not empty: lowest and highest value, and how many values."""
        for (lowest, highest), count in zip(_bounds(), self._raw.counts, strict=True):
            if count:
                yield lowest, highest, count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        return self._exact() == other._exact() and self._raw.counts == other._raw.counts

    def __repr__(self) -> str:
        if not self.count:
            return "<ws2echo.Histogram, empty>"
        return f"<ws2echo.Histogram of {self.count} values, {self.min_us} to {self.max_us} us>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Histogram.from_dict, (self.to_dict(),)

    def _exact(self) -> tuple[int, int, int, int]:
        return self.count, self.min_us, self.max_us, self.sum_us

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold: the exact numbers, some percentiles, and the places in HdrHistogram's
        encoding.
        """
        return {
            "count": self.count,
            "min_us": self.min_us,
            "max_us": self.max_us,
            "sum_us": self.sum_us,
            "mean_us": self.mean_us,
            "deviation_us": self.deviation_us,
            "percentiles_us": {f"{percent:g}": self.percentile(percent) for percent in TOLD_PERCENTILES},
            "hdr": self.to_hdr(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Histogram:
        """What `to_dict` gave, as a histogram again.

        Raises:
            ValueError: It is not what `to_dict` gives.
        """
        try:
            made = cls.from_hdr(values["hdr"])
            if made.count != values["count"]:
                raise ValueError(f"a histogram of {values['count']} values has {made.count}")
            for name in ("min_us", "max_us", "sum_us"):
                setattr(made._raw, name, integer(name, values[name], highest=UINT64_MAX))
        except (AttributeError, KeyError, OverflowError, TypeError) as error:
            raise ValueError(f"not a histogram: {error!r}") from error
        return made

    def to_hdr(self) -> str:
        """The places in the compressed encoding of HdrHistogram (version 2, base64), which its
        implementations in other languages read.

        Raises:
            ValueError: A place has counted 2**63 or more, which the encoding has no room for.
        """
        from . import _hdr

        return _hdr.encode(self._raw.counts)

    @classmethod
    def from_hdr(cls, text: str) -> Histogram:
        """From the compressed encoding of an HdrHistogram with the same layout. The least and the greatest
        value and the mean are then as exact as their places.

        Raises:
            ValueError: The text is something else.
        """
        from . import _hdr

        made = cls()
        last = None
        counts = _hdr.decode(text, _swig.HISTOGRAM_COUNTS)
        for (low, high), count in zip(_bounds(), counts, strict=True):
            if count:
                # Its middle as HdrHistogram has it: with an even number of values, the upper one.
                _swig.histogram_record(made._raw, (low + high + 1) // 2, count)
                if last is None:
                    made._raw.min_us = low
                last = high
        if last is not None:
            made._raw.max_us = last
        return made

    def to_hdr_log(self, *, started: float = 0.0, length: float = 0.0, tag: str = "") -> str:
        """An interval log of HdrHistogram (version 1.3) with one interval: this.

        Args:
            started: When the interval began, in seconds since the epoch.
            length: How long it was, in seconds.
            tag: A name for what was measured, without comma, blank or line break.

        Raises:
            ValueError: The tag has a comma, blank or line break.
        """
        from . import _hdr

        return _hdr.log([self._interval(0.0, length, tag)], started)

    def write_hdr_log(
        self, file: str | os.PathLike[str], *, started: float = 0.0, length: float = 0.0, tag: str = ""
    ) -> None:
        """Write what `to_hdr_log` gives into a file, which is replaced if it exists."""
        text = self.to_hdr_log(started=started, length=length, tag=tag)
        Path(file).write_text(text, "utf-8", newline="\n")

    def _interval(self, start: float, length: float, tag: str = "") -> Any:
        from . import _hdr

        if tag and ("," in tag or tag.split() != [tag]):
            raise ValueError(f"tag: {tag!r} has a comma, blank or line break")
        return _hdr.Interval(start, length, self.max_us, self.to_hdr(), tag)


class PackedHistogram:
    """An attribute that keeps a histogram in its encoding, in hundreds of bytes instead of 21,544, and gives
    one of their own to all who ask.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object | None, owner: type) -> Histogram:
        if instance is None:
            raise AttributeError(self._name)  # as for any field without a default
        encoded, exact = vars(instance)[self._name]
        histogram = Histogram.from_hdr(encoded)
        histogram._raw.min_us, histogram._raw.max_us, histogram._raw.sum_us = exact
        return histogram

    def __set__(self, instance: object, value: Histogram) -> None:
        vars(instance)[self._name] = value.to_hdr(), (value.min_us, value.max_us, value.sum_us)
