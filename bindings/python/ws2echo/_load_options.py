"""The values of a load: options, counters, problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from . import _swig
from ._choices import (
    FAMILIES,
    FAMILY_NUMBERS,
    LOAD_PATTERN_NUMBERS,
    LOAD_PATTERNS,
    LOAD_PROBLEM_KINDS,
    LOAD_PROBLEM_NUMBERS,
    LOAD_RECEIVE_NUMBERS,
    LOAD_RECEIVES,
    PROTOCOL_NUMBERS,
    PROTOCOLS,
    Family,
    LoadPattern,
    LoadProblemKind,
    LoadReceive,
    Protocol,
)
from ._models import model_name, model_number
from ._options import host_name, integer
from ._waiting import Timeout, milliseconds, seconds

UINT64_MAX = (1 << 64) - 1


def message_sizes(sizes: int | Sequence[int]) -> tuple[tuple[int, ...], bool]:
    """The sizes of messages as an option has them: the sizes, and whether they are the ends of a range."""
    if isinstance(sizes, range):
        if sizes.step != 1 or not sizes:
            raise ValueError(f"sizes: {sizes!r} is not a range of sizes without gaps")
        return (integer("sizes", sizes[0]), integer("sizes", sizes[-1])), True
    if not isinstance(sizes, Sequence):
        return (integer("sizes", sizes),), False
    if not 1 <= len(sizes) <= _swig.LOAD_SIZES_MAX:
        raise ValueError(f"sizes: {len(sizes)} of them, not 1 to {_swig.LOAD_SIZES_MAX}")
    return tuple(integer("sizes", size) for size in sizes), False


def _limit_to(name: str, limit: int | None) -> int:
    return 0 if limit is None else integer(name, limit, 1, UINT64_MAX)


@dataclass(frozen=True)
class LoadOptions:
    """The options of a load, as in force. `Load` says what each means."""

    host: str
    port: int
    model: str
    protocol: Protocol
    family: Family
    workers: int
    connections: int
    pattern: LoadPattern
    depth: int
    window_bytes: int
    sizes: tuple[int, ...]
    sizes_range: bool
    """Whether ``sizes`` are the smallest and the largest of a range."""
    messages: int | None
    bytes: int | None
    messages_per_connection: int | None
    duration: Timeout
    warm_up: float
    ramp_up: float
    think: float
    rate: int | None
    burst: int
    receive: LoadReceive
    receive_delay: float
    send_delay: float
    connect_timeout: Timeout
    reply_timeout: Timeout
    finish_timeout: Timeout
    reset: bool
    no_delay: bool
    receive_buffer_bytes: int
    send_buffer_bytes: int
    seed: int

    def to_raw(self) -> _swig.LoadOptions:
        """As the C struct."""
        raw = _swig.LoadOptions()
        raw.host = host_name(self.host)
        raw.model = model_number(self.model)
        raw.protocol = PROTOCOL_NUMBERS[self.protocol]
        raw.family = FAMILY_NUMBERS[self.family]
        raw.pattern = LOAD_PATTERN_NUMBERS[self.pattern]
        raw.receive = LOAD_RECEIVE_NUMBERS[self.receive]
        raw.sizes = len(self.sizes)
        raw.sizes_range = int(self.sizes_range)
        raw.message_bytes = self.sizes
        for name in ("port", "workers", "connections", "depth", "window_bytes", "burst"):
            setattr(raw, name, integer(name, getattr(self, name)))
        for name in ("receive_buffer_bytes", "send_buffer_bytes"):
            setattr(raw, name, integer(name, getattr(self, name)))
        for name in ("messages", "bytes", "messages_per_connection", "rate"):
            setattr(raw, name, _limit_to(name, getattr(self, name)))
        for name in _TIMES:
            setattr(raw, f"{name}_ms", milliseconds(name, getattr(self, name)))
        for name in ("reset", "no_delay"):
            setattr(raw, name, integer(name, getattr(self, name), 0, 1))
        raw.seed = integer("seed", self.seed, highest=UINT64_MAX)
        return raw

    @classmethod
    def of(cls, raw: _swig.LoadOptions, host: str) -> Self:
        """From the C struct, which does not give the host back."""
        return cls(
            host=host,
            port=raw.port,
            model=model_name(raw.model),
            protocol=PROTOCOLS[raw.protocol],
            family=FAMILIES[raw.family],
            workers=raw.workers,
            connections=raw.connections,
            pattern=LOAD_PATTERNS[raw.pattern],
            depth=raw.depth,
            window_bytes=raw.window_bytes,
            sizes=raw.message_bytes[: raw.sizes],
            sizes_range=bool(raw.sizes_range),
            messages=raw.messages or None,
            bytes=raw.bytes or None,
            messages_per_connection=raw.messages_per_connection or None,
            duration=seconds(raw.duration_ms),
            warm_up=raw.warm_up_ms / 1000,
            ramp_up=raw.ramp_up_ms / 1000,
            think=raw.think_ms / 1000,
            rate=raw.rate or None,
            burst=raw.burst,
            receive=LOAD_RECEIVES[raw.receive],
            receive_delay=raw.receive_delay_ms / 1000,
            send_delay=raw.send_delay_ms / 1000,
            connect_timeout=seconds(raw.connect_timeout_ms),
            reply_timeout=seconds(raw.reply_timeout_ms),
            finish_timeout=seconds(raw.finish_timeout_ms),
            reset=bool(raw.reset),
            no_delay=bool(raw.no_delay),
            receive_buffer_bytes=raw.receive_buffer_bytes,
            send_buffer_bytes=raw.send_buffer_bytes,
            seed=raw.seed,
        )


_TIMES = (
    *("duration", "warm_up", "ramp_up", "think", "receive_delay", "send_delay"),
    *("connect_timeout", "reply_timeout", "finish_timeout"),
)


@dataclass(frozen=True)
class LoadStats:
    """The counters of a load, since it was opened."""

    finished: bool
    """Whether every connection has ended, and no further one will begin."""
    connections_begun: int
    connections_connected: int
    connections_current: int
    """Connected and not ended."""
    connections_finished: int
    """Ended well: everything that was to come back came (over UDP one answer at least), and the end as it
    should be.
    """
    problems: Mapping[LoadProblemKind, int]
    """By kind; over TCP a connection has one at most."""
    messages: int
    """Answered, each byte right; those of the warm-up included."""
    bytes_sent: int
    """Payload."""
    bytes_received: int
    datagrams_lost: int
    """Over UDP: no answer came within ``reply_timeout``. These as in `PingResult`."""
    datagrams_late: int
    datagrams_duplicated: int
    datagrams_reordered: int
    datagrams_corrupt: int
    datagrams_foreign: int
    datagrams_unreachable: int
    elapsed_us: int
    """Microseconds since the load was opened; stands still once it has finished."""
    active_us: int
    """Microseconds until a byte moved last: what a rate is counted over, or waiting for an answer that never
    comes would be part of it. While the load runs, as ``elapsed_us``.
    """
    messages_owed: int
    """With a rate: messages that were due before the end and did not begin, as their connection waited for
    answers until then, had broken, or was never connected. No histogram has them, nor those that began and
    had no answer: latencies look better by what these would have shown. 0 until the load has finished.
    """
    messages_timed: int
    """With a rate: messages for which nothing was waited for but their time; of connections that ended."""
    timer_late_us: int
    """Microseconds by which those began too late, all together: so late are the timers of this end, and it is
    in the latency of each.
    """
    timer_late_max_us: int
    """The most of one."""

    @classmethod
    def of(cls, raw: _swig.LoadStats) -> Self:
        """From the C struct."""
        problems = raw.problems
        return cls(
            finished=bool(raw.finished),
            connections_begun=raw.connections_begun,
            connections_connected=raw.connections_connected,
            connections_current=raw.connections_current,
            connections_finished=raw.connections_finished,
            problems={kind: problems[number] for kind, number in LOAD_PROBLEM_NUMBERS.items()},
            messages=raw.messages,
            bytes_sent=raw.bytes_sent,
            bytes_received=raw.bytes_received,
            datagrams_lost=raw.datagrams_lost,
            datagrams_late=raw.datagrams_late,
            datagrams_duplicated=raw.datagrams_duplicated,
            datagrams_reordered=raw.datagrams_reordered,
            datagrams_corrupt=raw.datagrams_corrupt,
            datagrams_foreign=raw.datagrams_foreign,
            datagrams_unreachable=raw.datagrams_unreachable,
            elapsed_us=raw.elapsed_us,
            active_us=raw.active_us,
            messages_owed=raw.messages_owed,
            messages_timed=raw.messages_timed,
            timer_late_us=raw.timer_late_us,
            timer_late_max_us=raw.timer_late_max_us,
        )


@dataclass(frozen=True)
class LoadProblem:
    """Something that was wrong with a connection of a load. Over UDP a datagram that is wrong is one, and the
    connection goes on.
    """

    kind: LoadProblemKind
    time_us: int
    """Microseconds since the load was opened."""
    connection: int
    """0, 1, 2, … in the order of beginning."""
    offset: int
    """Of the first wrong byte in what the connection received; of the end, for EARLY_END and later kinds.
    Over UDP of CORRUPT the number that the datagram says, which may be what is wrong with it.
    """
    found_connection: int | None
    """Of MISSING, REPEATED and FOREIGN: where what came belongs. None for the other kinds."""
    found_offset: int | None
    missing: int
    """Of EARLY_END: bytes that did not come."""
    error: int
    """Of UNCONNECTED and BROKEN: the Winsock code."""
    expected: int | None
    """Of CORRUPT to FOREIGN: the byte that should be there. None for the other kinds. Over UDP no byte is
    told: it and ``actual`` are the same, and so are ``found_connection`` and ``connection``.
    """
    actual: int | None
    """And the one that is."""

    @classmethod
    def of(cls, raw: _swig.LoadProblem) -> Self:
        """From the C struct."""
        kind = LOAD_PROBLEM_KINDS[raw.kind]
        found = kind in (LoadProblemKind.MISSING, LoadProblemKind.REPEATED, LoadProblemKind.FOREIGN)
        wrong = found or kind is LoadProblemKind.CORRUPT
        return cls(
            kind=kind,
            time_us=raw.time_us,
            connection=raw.connection,
            offset=raw.offset,
            found_connection=raw.found_connection if found else None,
            found_offset=raw.found_offset if found else None,
            missing=raw.missing,
            error=raw.error,
            expected=raw.expected if wrong else None,
            actual=raw.actual if wrong else None,
        )

    def __str__(self) -> str:
        """Where it was and what, in one line."""
        return f"connection {self.connection}, offset {self.offset}: {self._what()}"

    def _what(self) -> str:
        if self.kind in (LoadProblemKind.UNCONNECTED, LoadProblemKind.BROKEN):
            told = f"{self.kind}: {_swig.error_name(self.error)} ({self.error})"
            return told if self.kind is LoadProblemKind.BROKEN else f"{told}: {_swig.error_text(self.error)}"
        if self.kind is LoadProblemKind.EARLY_END:
            return f"FIN, {self.missing} bytes before the end of the echo"
        if self.kind is LoadProblemKind.EXCESS:
            return "more came back than was sent"
        if self.expected == self.actual:
            return f"{self.kind}: a datagram that is not as it was sent"
        told = f"{self.kind}: 0x{self.actual or 0:02x} instead of 0x{self.expected or 0:02x}"
        if self.kind is LoadProblemKind.CORRUPT:
            return told
        return f"{told}, which belongs to connection {self.found_connection}, offset {self.found_offset}"
