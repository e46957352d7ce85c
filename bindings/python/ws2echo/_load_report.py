"""What came of a load, for people: a summary in words, and what is told while it runs."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import TextIO

from . import _swig
from ._choices import Family, LoadPattern, LoadReceive, Protocol
from ._histogram import TOLD_PERCENTILES, Histogram
from ._load_options import LoadOptions, LoadStats
from ._load_result import LoadResult, LoadSample
from ._units import mebibytes_of, rate_of, size_of, time_of

PROBLEMS_TOLD = 10
CORRECTED = "from when each message was due, against coordinated omission"
UNCORRECTED = "from when each message was sent"
DATAGRAMS = ("lost", "late", "duplicated", "reordered", "corrupt", "foreign", "unreachable")
COLUMNS = ("time", "messages/s", "MiB/s back", "p50", "p99", "max", "connections")
WIDTHS = (8, 12, 10, 9, 9, 9, 11)


def seconds_of(seconds: float) -> str:
    """A time that was given in seconds."""
    return time_of(seconds * 1e6)


def _sizes(options: LoadOptions) -> str:
    *others, last = (size_of(size) for size in options.sizes)
    unit = last.partition(" ")[2]
    told = [other.removesuffix(f" {unit}") for other in others]  # the last one has it
    if not told:
        return last
    return f"{told[0]} to {last}" if options.sizes_range else f"{', '.join(told)} or {last}"


def _pattern(options: LoadOptions) -> Iterator[str]:
    yield f"{options.pattern}, messages of {_sizes(options)}"
    if options.pattern is LoadPattern.STREAM:
        yield f"window {size_of(options.window_bytes)}"
    elif options.depth != 1:
        yield f"depth {options.depth}"
    if options.messages_per_connection:
        yield f"a new connection after {options.messages_per_connection}"
    if options.rate:
        yield f"{options.rate:,} messages/s" + (f" in bursts of {options.burst}" * (options.burst > 1))
    if options.receive is not LoadReceive.ALWAYS:
        yield f"receive {options.receive}"


def _times(options: LoadOptions) -> Iterator[str]:
    for name in ("think", "warm_up", "ramp_up", "receive_delay", "send_delay", "reply_timeout"):
        if time := getattr(options, name):
            yield f"{name.replace('_', ' ')} {seconds_of(time)}"
    usual = LoadOptions.of(_swig.LoadOptions(), options.host)
    for name in ("connect_timeout", "finish_timeout"):
        if (time := getattr(options, name)) != getattr(usual, name):
            told = name.replace("_", " ")
            yield f"no {told}" if time is None else f"{told} {seconds_of(time)}"


def _sockets(options: LoadOptions) -> Iterator[str]:
    if options.family is not Family.ANY:
        yield f"family {options.family}"
    if options.reset:
        yield "ended by reset"
    if not options.no_delay:
        yield "no TCP_NODELAY"
    for name in ("receive_buffer", "send_buffer"):
        if size := getattr(options, f"{name}_bytes"):
            yield f"{name.replace('_', ' ')} {size_of(size)}"


def described(options: LoadOptions) -> list[str]:
    """What was to be done, in short phrases. What is as it is by default is left out, mostly."""
    threads = f" with {options.workers} worker{'s' * (options.workers != 1)}" if options.workers else ""
    return [
        f"{options.connections} connection{'s' * (options.connections != 1)} over {options.protocol.upper()}",
        f"driven by model {options.model}{threads}",
        *_pattern(options),
        *_times(options),
        *_sockets(options),
        f"seed {options.seed}",
    ]


def latency_basis(options: LoadOptions) -> str:
    """What latencies count from."""
    return CORRECTED if options.rate else UNCORRECTED


def never_began(stats: LoadStats) -> str:
    """What was due and did not begin; empty if nothing."""
    owed = stats.messages_owed
    return f"{owed:,} messages were due and never began: they are in no latency" if owed else ""


def pace(stats: LoadStats) -> Iterator[str]:
    """What of the latencies is not the server's, and what of its slowness is not in them."""
    if owed := never_began(stats):
        yield owed
    if timed := stats.messages_timed:
        mean, most = time_of(stats.timer_late_us / timed), time_of(stats.timer_late_max_us)
        yield f"timers of this end were late by {mean}, at most {most}: that is part of the latencies"


def percentiles(histogram: Histogram) -> list[tuple[str, str]]:
    """Names and times: some percentiles, and what else describes the whole."""
    told = [(f"p{percent:g}", time_of(histogram.percentile(percent))) for percent in TOLD_PERCENTILES]
    return [
        *told,
        ("max", time_of(histogram.max_us)),
        ("min", time_of(histogram.min_us)),
        ("mean", time_of(histogram.mean_us)),
        ("stddev", time_of(histogram.deviation_us)),
    ]


def _table(cells: list[tuple[str, str]]) -> list[str]:
    widths = [max(len(name), len(value)) for name, value in cells]
    heads = "  ".join(f"{name:>{width}}" for (name, _), width in zip(cells, widths, strict=True))
    values = "  ".join(f"{value:>{width}}" for (_, value), width in zip(cells, widths, strict=True))
    return [f"  {heads}", f"  {values}"]


def _throughput(result: LoadResult) -> str:
    back = mebibytes_of(result.bytes_per_second)
    if result.stats.bytes_sent == result.stats.bytes_received:
        return f"{back} MiB/s each way"
    return f"{back} MiB/s back, {mebibytes_of(result.bytes_sent_per_second)} MiB/s sent"


def _connections(result: LoadResult) -> str:
    stats, bad = result.stats, result.problems_count
    told = f"{stats.connections_begun} begun, {stats.connections_connected} connected, "
    # Over UDP a connection may have several.
    udp = result.options.protocol is Protocol.UDP
    problems = f"{bad} problem{'s' * (bad != 1)}" if udp else f"{bad} with a problem"
    return f"Connections: {told}{stats.connections_finished} ended well, {problems}"


def _datagrams(stats: LoadStats) -> str:
    counts = ", ".join(f"{getattr(stats, f'datagrams_{name}')} {name}" for name in DATAGRAMS)
    return f"Datagrams: {counts}"


def _problems(result: LoadResult) -> list[str]:
    if not result.problems_count:
        return []
    kinds = ", ".join(f"{count} {kind}" for kind, count in result.stats.problems.items() if count)
    lines = [f"Problems: {kinds}"]
    lines += [f"  {problem}" for problem in result.problems[:PROBLEMS_TOLD]]
    if (more := result.problems_count - len(lines) + 1) > 0:
        lines.append(f"  … and {more} more")
    return lines


def summary(result: LoadResult) -> str:
    """What ran, how fast, how late, and what went wrong."""
    options, stats = result.options, result.stats
    lines = [
        f"Load on {options.host} port {options.port}: {', '.join(described(options))}",
        f"Ran for {seconds_of(result.elapsed)}: {stats.messages:,} messages, "
        f"{rate_of(result.messages_per_second)} messages/s, {_throughput(result)} "
        f"({stats.bytes_sent:,} bytes sent, {stats.bytes_received:,} received)",
        _connections(result),
    ]
    if options.protocol is Protocol.UDP:
        lines.append(_datagrams(stats))
    if result.latency.count:
        lines.append(f"Latency of {result.latency.count:,} messages ({latency_basis(options)}):")
        lines += _table(percentiles(result.latency))
    lines += [f"  {told}" for told in pace(stats)]
    if result.connect_time.count and options.protocol is Protocol.TCP:
        lines.append(f"Connecting, {result.connect_time.count:,} times:")
        lines += _table(percentiles(result.connect_time))
    return "\n".join([*lines, *_problems(result)])


# ---- while it runs

Tell = Callable[[LoadSample], None]


def sample_cells(sample: LoadSample) -> tuple[str, ...]:
    """A sample, by the columns of the progress."""
    latency = sample.latency
    times = (latency.percentile(50), latency.percentile(99), latency.max_us)
    return (
        f"{sample.time_us / 1e6:.1f} s",
        rate_of(sample.messages_per_second),
        mebibytes_of(sample.bytes_per_second),
        *(time_of(time) if latency.count else "-" for time in times),
        str(sample.connections_current),
    )


def _line(cells: tuple[str, ...]) -> str:
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


@contextlib.contextmanager
def plain_progress(stream: TextIO) -> Iterator[Tell]:
    """A line for each sample, after one with the names of the columns."""
    head = [_line(COLUMNS)]

    def tell(sample: LoadSample) -> None:
        for line in (*head, _line(sample_cells(sample))):
            print(line, file=stream, flush=True)
        head.clear()

    yield tell


@contextlib.contextmanager
def rich_progress(stream: TextIO, *, force_terminal: bool | None = None) -> Iterator[Tell]:
    """A table that grows in place, its last rows only, by the package rich."""
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    console = Console(file=stream, force_terminal=force_terminal)
    samples: list[LoadSample] = []

    def table() -> object:
        made = Table(box=None, pad_edge=False)
        for name in COLUMNS:
            made.add_column(name, justify="right")
        for sample in samples[-max(3, console.height - 6) :]:
            made.add_row(*sample_cells(sample))
        return made

    # Refreshed when there is something new, so that no thread has to.
    with Live(console=console, auto_refresh=False) as live:

        def tell(sample: LoadSample) -> None:
            samples.append(sample)
            live.update(table(), refresh=True)

        yield tell


@contextlib.contextmanager
def _no_progress() -> Iterator[Tell]:
    yield lambda sample: None


def progress(stream: TextIO, quiet: bool) -> contextlib.AbstractContextManager[Tell]:
    """What suits the stream: lines, or on a terminal and with rich installed, a table."""
    if quiet:
        return _no_progress()
    if stream.isatty() and importlib.util.find_spec("rich") is not None:
        return rich_progress(stream)
    return plain_progress(stream)
