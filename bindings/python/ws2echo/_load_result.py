"""What came of a load: in numbers, over time, and for the machine that is to read it later."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Self

from . import _swig
from ._choices import Family, LoadPattern, LoadProblemKind, LoadReceive, Protocol
from ._histogram import TOLD_PERCENTILES, Histogram, PackedHistogram
from ._load_options import LoadOptions, LoadProblem, LoadStats

PROBLEMS_KEPT = 1024
FORMAT = 1  # of the JSON: raised when an older reader would misread it


class LoadState(NamedTuple):
    """The counters of one moment, from which samples are made."""

    stats: LoadStats
    latency: Histogram

    @classmethod
    def of_nothing(cls) -> Self:
        """As it is when the load is opened."""
        return cls(LoadStats.of(_swig.LoadStats()), Histogram())


@dataclass(frozen=True)
class LoadSample:
    """What happened in one interval of a load."""

    time_us: int
    """The end of the interval, in microseconds since the load was opened."""
    interval_us: int
    """How long it was, in microseconds."""
    connections_current: int
    """At its end."""
    messages: int
    """Answered in it, each byte right."""
    bytes_sent: int
    """Payload. 0 if, on balance, nothing went: what counts when its send begins is taken back if it fails."""
    bytes_received: int
    latency: Histogram
    """Of the messages that were answered in it, but for those of the warm-up. It is read a moment after the
    counters: a message that is answered in between is counted here, and by ``messages`` in the next sample.
    It is kept encoded, and decoded for each who asks.
    """

    @property
    def messages_per_second(self) -> float:
        """Messages answered a second."""
        return _per_second(self.messages, self.interval_us)

    @property
    def bytes_per_second(self) -> float:
        """Payload that came back a second."""
        return _per_second(self.bytes_received, self.interval_us)

    @property
    def has_anything(self) -> bool:
        """Whether a byte was sent or came back."""
        return bool(self.messages or self.bytes_sent or self.bytes_received)

    @classmethod
    def _between(cls, before: LoadState, now: LoadState) -> Self:
        """From the counters at the two ends of an interval."""
        return cls(
            time_us=now.stats.elapsed_us,
            interval_us=now.stats.elapsed_us - before.stats.elapsed_us,
            connections_current=now.stats.connections_current,
            messages=now.stats.messages - before.stats.messages,
            bytes_sent=max(0, now.stats.bytes_sent - before.stats.bytes_sent),
            bytes_received=now.stats.bytes_received - before.stats.bytes_received,
            latency=now.latency.since(before.latency),
        )

    def _plus(self, other: Self) -> Self:
        return dataclasses.replace(
            self,
            time_us=max(self.time_us, other.time_us),
            interval_us=max(self.interval_us, other.interval_us),
            connections_current=self.connections_current + other.connections_current,
            messages=self.messages + other.messages,
            bytes_sent=self.bytes_sent + other.bytes_sent,
            bytes_received=self.bytes_received + other.bytes_received,
            latency=self.latency + other.latency,
        )


# A load of a day has so many samples that their histograms would take gigabytes.
LoadSample.latency = PackedHistogram("latency")  # type: ignore[assignment]


@dataclass(frozen=True)
class LoadResult:
    """All that there is to know of a load. `Load.run` gives it."""

    options: LoadOptions
    started: float
    """When the load was opened, in seconds since the epoch."""
    stats: LoadStats
    latency: Histogram
    """How long messages took: from when each was sent, or due if there is a ``rate``."""
    connect_time: Histogram
    """How long connections took to be connected."""
    samples: tuple[LoadSample, ...]
    """What happened over time."""
    problems: tuple[LoadProblem, ...]
    """The first of them; ``stats`` counts all."""

    @property
    def elapsed(self) -> float:
        """Seconds from opened to finished."""
        return self.stats.elapsed_us / 1e6

    @property
    def messages_per_second(self) -> float:
        """Messages answered a second, from opened until a byte moved last."""
        return _per_second(self.stats.messages, self.stats.active_us)

    @property
    def bytes_per_second(self) -> float:
        """Payload that came back a second, from opened until a byte moved last."""
        return _per_second(self.stats.bytes_received, self.stats.active_us)

    @property
    def bytes_sent_per_second(self) -> float:
        """Payload that was sent a second, from opened until a byte moved last."""
        return _per_second(self.stats.bytes_sent, self.stats.active_us)

    @property
    def problems_count(self) -> int:
        """How many problems, of every kind; over TCP a connection has one at most."""
        return sum(self.stats.problems.values())

    @property
    def failed(self) -> bool:
        """Whether a byte was wrong, a datagram corrupt, or anything else was wrong with a connection. Lost
        datagrams are no failure, unless none of a connection's came back right.
        """
        return self.problems_count > 0

    def merge(self, *others: LoadResult) -> LoadResult:
        """One result of several loads that ran at the same time, in one process or on several machines.

        Counters, histograms, numbers of connections and limits are added up, samples too, the first with the
        first and so on. Times are those of the longest; all else in the options is that of the first.
        """
        merged = self
        for other in others:
            merged = merged._plus(other)
        return merged

    def _plus(self, other: LoadResult) -> LoadResult:
        pairs = zip_longest(self.samples, other.samples)
        samples = (one._plus(two) if one and two else one or two for one, two in pairs)
        return LoadResult(
            options=_added(self.options, other.options, ("connections", "messages", "bytes", "rate")),
            started=min(self.started, other.started),
            stats=_stats_added(self.stats, other.stats),
            latency=self.latency + other.latency,
            connect_time=self.connect_time + other.connect_time,
            samples=tuple(sample for sample in samples if sample),
            problems=(self.problems + other.problems)[:PROBLEMS_KEPT],
        )

    # ---- for others to read

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold. Histograms are in HdrHistogram's encoding, with some percentiles beside."""
        return {
            "format": FORMAT,
            "started": self.started,
            "elapsed": self.elapsed,
            "messages_per_second": self.messages_per_second,
            "bytes_per_second": self.bytes_per_second,
            "bytes_sent_per_second": self.bytes_sent_per_second,
            "options": dataclasses.asdict(self.options),
            "stats": dataclasses.asdict(self.stats),
            "latency": self.latency.to_dict(),
            "connect_time": self.connect_time.to_dict(),
            "samples": [{**_shallow(sample), "latency": sample.latency.to_dict()} for sample in self.samples],
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` gave, as a result again.

        Raises:
            ValueError: It is not what `to_dict` gives.
        """
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"a result of format {values['format']}, not {FORMAT}")
            return cls(
                options=_options_from(values["options"]),
                started=values["started"],
                stats=_stats_from(values["stats"]),
                latency=Histogram.from_dict(values["latency"]),
                connect_time=Histogram.from_dict(values["connect_time"]),
                samples=tuple(
                    LoadSample(**{**sample, "latency": Histogram.from_dict(sample["latency"])})
                    for sample in values["samples"]
                ),
                problems=tuple(
                    LoadProblem(**{**problem, "kind": LoadProblemKind(problem["kind"])})
                    for problem in values["problems"]
                ),
            )
        except (AttributeError, KeyError, OverflowError, TypeError) as error:
            raise ValueError(f"not the result of a load: {error!r}") from error

    def to_json(self) -> str:
        """`to_dict`, as JSON."""
        import json  # only here: most who import ws2echo have no use for it

        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` gave, as a result again.

        Raises:
            ValueError: The text is something else.
        """
        import json

        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("not the result of a load")
        return cls.from_dict(values)

    def to_csv(self) -> str:
        """The samples as CSV, a row for each, with a head: what `LoadSample` has, by the same names, and
        percentiles of its latency, whose fields are empty when there is none.
        """
        import csv
        import io

        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(
            [
                *("time_us", "interval_us", "connections_current"),
                *("messages", "bytes_sent", "bytes_received"),
                *("messages_per_second", "bytes_per_second", "min_us", "mean_us"),
                *(f"p{percent:g}_us" for percent in TOLD_PERCENTILES),
                "max_us",
            ]
        )
        for one in self.samples:
            latency = one.latency
            times = (
                *(latency.min_us, f"{latency.mean_us:.3f}"),
                *(latency.percentile(percent) for percent in TOLD_PERCENTILES),
                latency.max_us,
            )
            rows.writerow(
                [
                    *(one.time_us, one.interval_us, one.connections_current),
                    *(one.messages, one.bytes_sent, one.bytes_received),
                    *(f"{one.messages_per_second:.3f}", f"{one.bytes_per_second:.3f}"),
                    *(times if latency.count > 0 else [""] * len(times)),
                ]
            )
        return out.getvalue()

    def to_hdr_log(self) -> str:
        """An interval log of HdrHistogram (version 1.3): the latencies of each sample, or of all if there are
        no samples, then the connecting times with the tag ``connect``.
        """
        from . import _hdr

        intervals = [
            one.latency._interval((one.time_us - one.interval_us) / 1e6, one.interval_us / 1e6)
            for one in self.samples
        ]
        if not intervals:
            intervals = [self.latency._interval(0.0, self.elapsed)]
        connecting = self.connect_time._interval(0.0, self.elapsed, "connect")
        return _hdr.log([*intervals, connecting], self.started)

    def write_hdr_log(self, file: str | os.PathLike[str]) -> None:
        """Write what `to_hdr_log` gives into a file, which is replaced if it exists."""
        Path(file).write_text(self.to_hdr_log(), "utf-8", newline="\n")

    def to_html(self) -> str:
        """A report to read and to send on: one page that needs no network, with its pictures drawn in it."""
        from . import _html

        return _html.load_report(self)


def _per_second(count: float, elapsed_us: int) -> float:
    return count * 1e6 / elapsed_us if elapsed_us else 0.0


def _shallow(value: LoadSample) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _added(one: LoadOptions, other: LoadOptions, names: Iterable[str]) -> LoadOptions:
    sums: dict[str, Any] = {}
    for name in names:
        a, b = getattr(one, name), getattr(other, name)
        sums[name] = None if a is None or b is None else a + b
    return dataclasses.replace(one, **sums)


_LONGEST = ("elapsed_us", "active_us", "timer_late_max_us")
"""Of several loads, the longest: they ran beside each other."""


def _stats_added(one: LoadStats, other: LoadStats) -> LoadStats:
    sums: dict[str, Any] = {
        field.name: getattr(one, field.name) + getattr(other, field.name)
        for field in dataclasses.fields(one)
        if field.name not in ("finished", "problems", *_LONGEST)
    }
    return LoadStats(
        finished=one.finished and other.finished,
        problems={kind: one.problems[kind] + other.problems[kind] for kind in LoadProblemKind},
        **{name: max(getattr(one, name), getattr(other, name)) for name in _LONGEST},
        **sums,
    )


def _options_from(values: Mapping[str, Any]) -> LoadOptions:
    choices = {
        "protocol": Protocol(values["protocol"]),
        "family": Family(values["family"]),
        "pattern": LoadPattern(values["pattern"]),
        "receive": LoadReceive(values["receive"]),
        "sizes": tuple(values["sizes"]),
    }
    return LoadOptions(**{**values, **choices})


def _stats_from(values: Mapping[str, Any]) -> LoadStats:
    problems = {LoadProblemKind(kind): count for kind, count in values["problems"].items()}
    return LoadStats(**{**values, "problems": problems})
