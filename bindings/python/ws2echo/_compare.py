"""Several servers under the same load, one after the other and again: medians, spreads, ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ._load_report import described, latency_basis
from ._load_result import LoadResult
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


METRICS = (
    Metric("messages/s", "messages_per_second", lambda result: result.messages_per_second, rate_of),
    Metric("MiB/s", "bytes_per_second", lambda result: result.bytes_per_second, mebibytes_of),
    Metric("p50", "p50_us", _percentile(50), time_of),
    Metric("p99", "p99_us", _percentile(99), time_of),
    Metric("p99.9", "p99_9_us", _percentile(99.9), time_of),
    Metric("max", "max_us", _percentile(100), time_of),
)


@dataclass(frozen=True)
class Spread:
    """The middle of several rounds, the least and the greatest of them, and its ratio to the first one's.

    None where there was nothing to measure: no answer came.
    """

    median: float | None
    lowest: float | None
    highest: float | None
    ratio: float | None
    """None also where the first one's is 0."""


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

    def spreads(self) -> dict[str, dict[str, Spread]]:
        """By name, then by metric."""
        first: dict[str, float | None] = {}
        spreads: dict[str, dict[str, Spread]] = {}
        for name, results in self.results.items():
            spreads[name] = {}
            for metric in METRICS:
                values = [value for result in results if (value := metric.of(result)) is not None]
                middle = median(values) if values else None
                base = first.setdefault(metric.name, middle)
                ratio = middle / base if base and middle is not None else None
                least, greatest = min(values, default=None), max(values, default=None)
                spreads[name][metric.name] = Spread(middle, least, greatest, ratio)
        return spreads

    def merged(self) -> dict[str, LoadResult]:
        """All rounds of each as one result: of its numbers only the histograms mean anything."""
        return {name: results[0].merge(*results[1:]) for name, results in self.results.items()}

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        spreads = self.spreads()
        return {
            "format": 1,
            "compared": {
                name: {
                    "metrics": {metric.key: vars(spreads[name][metric.name]) for metric in METRICS},
                    "rounds": [result.to_dict() for result in results],
                }
                for name, results in self.results.items()
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
    """A, B, C, A, B, C, …: so that what changes meanwhile on the machine meets all of them.

    After Ctrl-C it is what the whole rounds came to, if there were any.
    """
    comparison = Comparison()
    for number in range(1, rounds + 1):
        try:
            results = [run(name, number) for name in names]
        except KeyboardInterrupt:
            if number == 1:
                raise
            break
        for name, result in zip(names, results, strict=True):
            comparison.add(name, result)
    return comparison


def _told(metric: Metric, value: float | None) -> str:
    return "-" if value is None else metric.told(value)


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}x"


def _rounds(count: int) -> str:
    return f"{count} round{'s' * (count != 1)}"


def _head(comparison: Comparison) -> tuple[int, list[str]]:
    results = next(iter(comparison.results.values()))
    options = results[0].options
    return len(results), [*described(options), f"latency counts {latency_basis(options)}"]


def summary(comparison: Comparison) -> str:
    """A table: for each metric the median, the spread, and the ratio to the first."""
    rounds, told = _head(comparison)
    lines = [f"{_rounds(rounds)} of: {', '.join(told)}", ""]
    spreads = comparison.spreads()
    width = max(len("name"), *map(len, spreads))
    for metric in METRICS:
        lines.append(f"{metric.name:<{width}}  {'median':>10}  {'least to greatest':>23}  ratio")
        for name, of_name in spreads.items():
            spread = of_name[metric.name]
            between = f"{_told(metric, spread.lowest)} to {_told(metric, spread.highest)}"
            middle = _told(metric, spread.median)
            lines.append(f"{name:<{width}}  {middle:>10}  {between:>23}  {_ratio(spread.ratio)}")
        lines.append("")
    for name, number, result in comparison._problems():
        what = result.problems[0] if result.problems else "corrupt datagrams"
        lines.append(f"Round {number} of {name}: {result.problems_count} problems, the first: {what}")
    return "\n".join(lines).rstrip()


def _cell(metric: Metric, spread: Spread) -> str:
    between = f"{_told(metric, spread.lowest)} … {_told(metric, spread.highest)}"
    middle = _told(metric, spread.median)
    return f"{middle}<br><small>{between}</small><br><small>{_ratio(spread.ratio)}</small>"


def to_html(comparison: Comparison) -> str:
    """A report with all of them side by side."""
    from html import escape

    from . import _html

    rounds, told = _head(comparison)
    spreads = comparison.spreads()
    rows = [
        [escape(name), *(_cell(metric, of_name[metric.name]) for metric in METRICS)]
        for name, of_name in spreads.items()
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
        "<p>Of each: the median of the rounds, the least and the greatest, the ratio of its median to the "
        "first one's.</p>",
        _html.table(["", *(metric.name for metric in METRICS)], rows),
        _html.distribution({name: one.latency for name, one in merged.items()}),
        _html.throughput(first_rounds),
    ]
    if problems:
        body += ["<h2>Problems</h2>", _html.table(["", "round", "what"], problems, text_columns=3)]
    return _html.page(f"Comparison of {', '.join(comparison.results)}, {_rounds(rounds)}", body)
