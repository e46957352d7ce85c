"""Reports as HTML: one page, without a script, that asks no network for anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from . import _swig
from ._choices import LoadProblemKind, Protocol
from ._histogram import Histogram
from ._load_report import DATAGRAMS, described, latency_basis, pace, percentiles, seconds_of
from ._load_result import LoadResult, LoadSample
from ._svg import Axis, Point, Series, chart, linear_axis, log_axis, percentile_axis
from ._units import mebibytes_of, rate_of, time_of

PROBLEMS_SHOWN = 100
STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #667079; --grid: #dde1e4; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ea; --soft: #98a2ab; --grid: #363c42; --page: #16191c; }
}
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: var(--ink); background: var(--page);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.what { color: var(--soft); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid var(--grid);
  vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
td.text, th.text { text-align: left; }
th { font-weight: 600; } .bad { color: #c62f2f; font-weight: 600; }
small { color: var(--soft); white-space: nowrap; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.grid { stroke: var(--grid); } .tick, .axis { fill: var(--soft); font-size: 11px; }
.legend { display: flex; gap: 1.2rem; flex-wrap: wrap; color: var(--soft); }
.legend i { display: inline-block; width: 1.6em; border-top: .25em solid; margin-right: .4em;
  vertical-align: middle; }
polyline.dash1 { stroke-dasharray: 9 4; } .legend .dash1 { border-top-style: dashed; }
polyline.dash2 { stroke-dasharray: 2 3; } .legend .dash2 { border-top-style: dotted; }
"""
COLOURS = ("#2f6fde", "#e07a1f", "#2a9d5c", "#c93a5b", "#8354c9", "#1e9aa8", "#9a7b1c", "#7a7f87")


def _style() -> str:
    rules = [
        f".line{number} {{ stroke: {colour}; }} .legend .key{number} {{ border-color: {colour}; }} "
        f".dot.line{number} {{ fill: {colour}; }}"
        for number, colour in enumerate(COLOURS)
    ]
    return STYLE + "\n".join(rules)


def page(title: str, body: Iterable[str]) -> str:
    """The whole page."""
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{_style()}</style>\n</head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            *body,
            f"<p class='what'>ws2echo {escape(_swig.version())}</p>\n</body>\n</html>\n",
        ]
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], text_columns: int = 1) -> str:
    """A table; its cells are HTML already."""

    def row(tag: str, cells: Sequence[str]) -> str:
        told = (
            f"<{tag}{' class=text' if place < text_columns else ''}>{cell}</{tag}>"
            for place, cell in enumerate(cells)
        )
        return f"<tr>{''.join(told)}</tr>"

    lines = [row("th", head), *(row("td", cells) for cells in rows)]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


# ---- charts


def _curve(histogram: Histogram) -> list[tuple[float, float]]:
    """Latency by percentile: a point for each place that is not empty, at its upper edge."""
    points: list[tuple[float, float]] = []
    seen = 0
    total = histogram.count
    for lowest, highest, count in histogram:
        if not points:
            points.append((1.0, float(max(histogram.min_us, lowest, 1))))
        seen += count
        # Of the last value there is no part that is greater: it stands where one more would be.
        beyond = max(total - seen, 0.5)
        points.append((total / beyond, float(min(highest, histogram.max_us) or 1)))
    return points


def distribution(named: Mapping[str, Histogram]) -> str:
    """The latencies of each, by percentile."""
    curves = [Series(name, _curve(histogram)) for name, histogram in named.items() if histogram.count]
    if not curves:
        return ""
    places = [point for curve in curves for point in curve.points if point]
    ups = [up for _, up in places]
    across = percentile_axis(max(x for x, _ in places))
    return chart(
        "Latency by percentile", curves, across, log_axis("latency", min(ups), max(ups), time_of), steps=True
    )


def _drawn(result: LoadResult) -> tuple[LoadSample, ...]:
    """The samples but for a last one that was short, as its rate is that of a moment."""
    samples = result.samples
    short = len(samples) > 1 and samples[-1].interval_us < samples[0].interval_us / 2
    return samples[:-1] if short else samples


def _time_axis(results: Iterable[LoadResult]) -> Axis:
    end = max((sample.time_us for result in results for sample in result.samples), default=0)
    title = "seconds since the load was opened"
    return linear_axis(title, end / 1e6, lambda value: f"{value:g}", tight=True)


def throughput(named: Mapping[str, LoadResult], title: str = "Messages/s over time") -> str:
    """Messages a second over time."""
    lines = [
        Series(name, [(one.time_us / 1e6, one.messages_per_second) for one in _drawn(result)])
        for name, result in named.items()
    ]
    highest = max((point[1] for line in lines for point in line.points if point), default=0.0)
    if not highest:
        return ""
    up = linear_axis("messages/s", highest, rate_of)
    return chart(title, lines, _time_axis(named.values()), up)


def latency_over_time(result: LoadResult) -> str:
    """Three percentiles over time. Where nothing was answered there is a gap."""
    percents = {"p50": 50.0, "p99": 99.0, "max": 100.0}
    points: dict[str, list[Point | None]] = {name: [] for name in percents}
    for one in _drawn(result):
        latency = one.latency
        for name, percent in percents.items():
            value = float(latency.percentile(percent) or 1)
            points[name].append((one.time_us / 1e6, value) if latency.count else None)
    lines = [Series(name, line) for name, line in points.items()]
    ups = [point[1] for line in lines for point in line.points if point]
    if not ups:
        return ""
    across = _time_axis([result])
    return chart("Latency over time", lines, across, log_axis("latency", min(ups), max(ups), time_of))


# ---- a load


def _numbers(result: LoadResult) -> str:
    stats = result.stats
    rows = [
        ("ran for", seconds_of(result.elapsed)),
        ("messages", f"{stats.messages:,}"),
        ("messages/s", rate_of(result.messages_per_second)),
        ("MiB/s sent", mebibytes_of(result.bytes_sent_per_second)),
        ("MiB/s back", mebibytes_of(result.bytes_per_second)),
        ("bytes sent", f"{stats.bytes_sent:,}"),
        ("bytes received", f"{stats.bytes_received:,}"),
        ("connections begun", f"{stats.connections_begun:,}"),
        ("connections that ended well", f"{stats.connections_finished:,}"),
    ]
    udp = result.options.protocol is Protocol.UDP
    if udp:
        rows += [(f"datagrams {name}", f"{getattr(stats, f'datagrams_{name}'):,}") for name in DATAGRAMS]
    bad = result.problems_count
    name = "problems" if udp else "connections with a problem"
    rows.append((name, f'<span class="bad">{bad:,}</span>' if bad else "0"))
    return table(["", ""], rows)


def _latencies(result: LoadResult) -> list[str]:
    named = {"Latency": result.latency}
    if result.options.protocol is Protocol.TCP:
        named["Connecting"] = result.connect_time
    rows = [
        [name, f"{one.count:,}", *(time for _, time in percentiles(one))]
        for name, one in named.items()
        if one.count
    ]
    told = [f"counted {latency_basis(result.options)}"] * bool(rows) + list(pace(result.stats))
    if not told:
        return []
    head = ["", "count", *(name for name, _ in percentiles(result.latency))]
    parts = ["<h2>Latency</h2>", f"<p class='what'>{escape('; '.join(told))}</p>"]
    return [*parts, table(head, rows)] if rows else parts


def _problems(result: LoadResult) -> list[str]:
    if not result.problems_count:
        return []
    counts = [
        [str(kind), f"{result.stats.problems[kind]:,}"]
        for kind in LoadProblemKind
        if result.stats.problems[kind]
    ]
    shown = [[f"{one.time_us / 1e6:.3f} s", escape(str(one))] for one in result.problems[:PROBLEMS_SHOWN]]
    parts = ["<h2>Problems</h2>", table(["kind", "count"], counts)]
    return [*parts, "<p></p>", table(["time", "what"], shown, text_columns=2)]


def load_report(result: LoadResult) -> str:
    """The report of one load."""
    options = result.options
    when = datetime.fromtimestamp(result.started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    told = [when, *described(options)]
    return page(
        f"Load on {options.host} port {options.port}",
        [
            f"<p class='what'>{escape(', '.join(told))}</p>",
            _numbers(result),
            *_latencies(result),
            distribution({"latency": result.latency}),
            throughput({"messages/s": result}),
            latency_over_time(result),
            *_problems(result),
        ],
    )
