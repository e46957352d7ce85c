"""Several servers under the same load, one after the other and again: medians, spreads, ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Self

from ._load_report import described, latency_basis, never_began
from ._load_result import FORMAT, LoadResult
from ._units import mebibytes_of, rate_of, time_of


@dataclass(frozen=True)
class Metric:
    """What is compared: its name, that in JSON, how it is had of a result, and how it is told."""

    name: str
    key: str
    of: Callable[[LoadResult], float | None]
    """None where there is nothing to measure."""
    told: Callable[[float], str]


def _percentile(percent: float) -> Callable[[LoadResult], float | None]:
    return lambda result: float(result.latency.percentile(percent)) if result.latency.count else None


SENT = Metric(
    "MiB/s sent", "bytes_sent_per_second", lambda result: result.bytes_sent_per_second, mebibytes_of
)
METRICS = (
    Metric("messages/s", "messages_per_second", lambda result: result.messages_per_second, rate_of),
    SENT,
    Metric("MiB/s back", "bytes_per_second", lambda result: result.bytes_per_second, mebibytes_of),
    Metric("p50", "p50_us", _percentile(50), time_of),
    Metric("p99", "p99_us", _percentile(99), time_of),
    Metric("p99.9", "p99.9_us", _percentile(99.9), time_of),
    Metric("max", "max_us", _percentile(100), time_of),
)
HEAD = ("median", "least to greatest", "ratio", "least to greatest")
WIDTHS = (10, 23, 7, 18)


@dataclass(frozen=True)
class Spread:
    """The middle of some numbers, the least and the greatest of them; None if there are none."""

    median: float | None
    lowest: float | None
    highest: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of these."""
        return cls(median(values), min(values), max(values)) if values else cls(None, None, None)


@dataclass(frozen=True)
class Measured:
    """What the rounds of one came to by one metric."""

    values: Spread
    """Without the rounds in which there was nothing to measure: no answer came."""
    ratio: Spread
    """Of each round's value to that of the first one in the same round: what slows a round slows both."""


def _measured(values: Sequence[float | None], of_first: Sequence[float | None]) -> Measured:
    pairs = zip(values, of_first, strict=True)
    ratios = [value / first for value, first in pairs if value is not None and first]
    return Measured(Spread.of([value for value in values if value is not None]), Spread.of(ratios))


@dataclass
class Comparison:
    """The results of each, by name, in the order of their rounds."""

    results: dict[str, list[LoadResult]] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether anything was wrong in any round."""
        return any(result.failed for results in self.results.values() for result in results)

    def add(self, name: str, result: LoadResult) -> None:
        """Note a round of one."""
        self.results.setdefault(name, []).append(result)

    def measured(self) -> dict[str, dict[Metric, Measured]]:
        """By name, then by metric."""
        measured: dict[str, dict[Metric, Measured]] = {name: {} for name in self.results}
        for metric in METRICS:
            values = {name: [metric.of(one) for one in results] for name, results in self.results.items()}
            of_first = next(iter(values.values()))
            for name in values:
                measured[name][metric] = _measured(values[name], of_first)
        return measured

    def told_metrics(self) -> list[Metric]:
        """Those that tell something: without what was sent if all of it came back."""
        all_stats = [result.stats for results in self.results.values() for result in results]
        all_back = all(stats.bytes_sent == stats.bytes_received for stats in all_stats)
        return [metric for metric in METRICS if metric is not SENT or not all_back]

    def merged(self) -> dict[str, LoadResult]:
        """All rounds of each as one result: of its numbers only the histograms mean anything."""
        return {name: results[0].merge(*results[1:]) for name, results in self.results.items()}

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "format": FORMAT,
            "compared": {
                name: {
                    "metrics": {
                        metric.key: {**vars(one.values), "ratio": vars(one.ratio)}
                        for metric, one in of_name.items()
                    },
                    "rounds": [result.to_dict() for result in self.results[name]],
                }
                for name, of_name in self.measured().items()
            },
        }

    def to_json(self) -> str:
        """`to_dict`, as JSON."""
        import json

        return json.dumps(self.to_dict(), indent=2)

    def _problems(self) -> Iterator[tuple[str, int, LoadResult]]:
        for name, results in self.results.items():
            for number, result in enumerate(results, 1):
                if result.failed:
                    yield name, number, result


def interleaved(names: Sequence[str], rounds: int, run: Callable[[str, int], LoadResult]) -> Comparison:
    """A, B, C, then B, C, A, …: so that what changes meanwhile on the machine meets all of them, and none is
    always the first.

    After Ctrl-C it is what the whole rounds came to, if there were any.
    """
    comparison = Comparison()
    for number in range(1, rounds + 1):
        first = (number - 1) % len(names)
        try:
            results = {name: run(name, number) for name in [*names[first:], *names[:first]]}
        except KeyboardInterrupt:
            if number == 1:
                raise
            break
        for name in names:
            comparison.add(name, results[name])
    return comparison


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}x"


def _told(spread: Spread, told: Callable[[float], str], to: str) -> tuple[str, str]:
    """The middle; the least and the greatest."""
    values = (spread.median, spread.lowest, spread.highest)
    middle, least, greatest = ("-" if value is None else told(value) for value in values)
    return middle, f"{least} {to} {greatest}"


def _rounds(count: int) -> str:
    return f"{count} round{'s' * (count != 1)}"


def _head(comparison: Comparison) -> tuple[int, list[str]]:
    results = next(iter(comparison.results.values()))
    options = results[0].options
    return len(results), [*described(options), f"latency counts {latency_basis(options)}"]


def _row(width: int, name: str, *cells: str) -> str:
    told = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    return f"{name:<{width}}  {told}"


def summary(comparison: Comparison) -> str:
    """A table: for each metric the median and the spread, and those of the ratios to the first."""
    rounds, told = _head(comparison)
    lines = [f"{_rounds(rounds)} of: {', '.join(told)}", ""]
    measured = comparison.measured()
    width = max(len(name) for name in (*measured, *(metric.name for metric in METRICS)))
    for metric in comparison.told_metrics():
        lines.append(_row(width, metric.name, *HEAD))
        for name, of_name in measured.items():
            one = of_name[metric]
            cells = (*_told(one.values, metric.told, "to"), *_told(one.ratio, _ratio, "to"))
            lines.append(_row(width, name, *cells))
        lines.append("")
    for name, number, result in comparison._problems():
        first = f", the first: {result.problems[0]}" if result.problems else ""
        bad = result.problems_count
        lines.append(f"Round {number} of {name}: {bad} problem{'s' * (bad != 1)}{first}")
    lines += _owed(comparison)
    return "\n".join(lines).rstrip()


def _owed(comparison: Comparison) -> Iterator[str]:
    """What the latencies of a round do not show."""
    for name, results in comparison.results.items():
        for number, result in enumerate(results, 1):
            if owed := never_began(result.stats):
                yield f"Round {number} of {name}: {owed}"


def _cell(metric: Metric, one: Measured) -> str:
    middle, *others = (*_told(one.values, metric.told, "…"), *_told(one.ratio, _ratio, "…"))
    return "<br>".join([middle, *(f"<small>{other}</small>" for other in others)])


def to_html(comparison: Comparison) -> str:
    """A report with all of them side by side."""
    from html import escape

    from . import _html

    rounds, told = _head(comparison)
    metrics = comparison.told_metrics()
    rows = [
        [escape(name), *(_cell(metric, of_name[metric]) for metric in metrics)]
        for name, of_name in comparison.measured().items()
    ]
    merged = comparison.merged()
    first_rounds: Mapping[str, LoadResult] = {name: one[0] for name, one in comparison.results.items()}
    problems = [
        [escape(name), str(number), escape(str(problem))]
        for name, number, result in comparison._problems()
        for problem in result.problems[:10]
    ]
    body = [
        f"<p class='what'>{escape(', '.join(told))}</p>",
        "<p>Of each: the median of the rounds, the least and the greatest; then of the ratios, each to the "
        "first one in the same round, likewise.</p>",
        _html.table(["", *(metric.name for metric in metrics)], rows),
        *(f"<p>{escape(owed)}</p>" for owed in _owed(comparison)),
        _html.distribution({name: one.latency for name, one in merged.items()}),
        _html.throughput(first_rounds, "Messages/s over time, in round 1"),
    ]
    if problems:
        body += ["<h2>Problems</h2>", _html.table(["", "round", "what"], problems, text_columns=3)]
    return _html.page(f"Comparison of {', '.join(comparison.results)}, {_rounds(rounds)}", body)
