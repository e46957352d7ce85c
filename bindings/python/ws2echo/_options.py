"""The words and values of the interface: choices, options, counters, events."""

from __future__ import annotations

import enum
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeVar

from . import _swig
from ._waiting import INFINITE, Timeout, milliseconds, seconds

UINT32_MAX = 0xFFFFFFFF
INT32_MAX = 0x7FFFFFFF
GRACEFUL = -1  # linger_s when closing is left to the system


class Model(enum.StrEnum):
    """How a server does its input and output: the Winsock I/O model. `models` describes each."""

    THREADS = "threads"


class Protocol(enum.StrEnum):
    """What carries the echo."""

    TCP = "tcp"


class Family(enum.StrEnum):
    """Which versions of IP to use."""

    ANY = "any"
    IPV4 = "ipv4"
    IPV6 = "ipv6"


class EventKind(enum.StrEnum):
    """What an event of a server tells."""

    LISTENING = "listening"
    ACCEPTED = "accepted"
    CLOSED = "closed"


class Reason(enum.StrEnum):
    """Why a connection ended."""

    NONE = "none"
    """It has not ended."""
    FIN = "fin"
    """The peer sent FIN, everything was echoed, and FIN was sent back."""
    RESET = "reset"
    """The peer reset the connection."""
    TIMEOUT = "timeout"
    """The idle or send timeout ran out; the server reset the connection."""
    CAP = "cap"
    """More than ``connections_max``; the server sent FIN at once and echoed nothing."""
    STOPPED = "stopped"
    """The server was stopped or closed, and reset what was left."""
    ERROR = "error"
    """Anything else: ``error`` of the event is the Winsock code."""


class Half(enum.StrEnum):
    """Which half of a connection."""

    RECEIVE = "receive"
    SEND = "send"
    BOTH = "both"


C = TypeVar("C", bound=enum.StrEnum)


def _numbers(choices: type[C], prefix: str) -> dict[C, int]:
    """The number of each choice, as the header has it."""
    return {choice: getattr(_swig, f"{prefix}_{choice.name}") for choice in choices}


def _inverted(numbers: Mapping[C, int]) -> dict[int, C]:
    return {number: choice for choice, number in numbers.items()}


MODEL_NUMBERS = _numbers(Model, "MODEL")
PROTOCOL_NUMBERS = _numbers(Protocol, "PROTOCOL")
FAMILY_NUMBERS = _numbers(Family, "FAMILY")
HALF_NUMBERS = _numbers(Half, "HALF")
REASON_NUMBERS = _numbers(Reason, "REASON")
MODELS = _inverted(MODEL_NUMBERS)
PROTOCOLS = _inverted(PROTOCOL_NUMBERS)
FAMILIES = _inverted(FAMILY_NUMBERS)
REASONS = _inverted(REASON_NUMBERS)
EVENT_KINDS = _inverted(_numbers(EventKind, "EVENT"))


def choice(name: str, choices: type[C], value: str) -> C:
    """The choice that ``value`` names; ValueError says which there are."""
    try:
        return choices(value)
    except ValueError:
        known = ", ".join(repr(str(member)) for member in choices)
        raise ValueError(f"{name}: {value!r} is none of {known}") from None


def integer(name: str, value: int, lowest: int = 0, highest: int = UINT32_MAX) -> int:
    """The value as an int that a field of the C struct can hold; whether it makes sense is for the DLL to
    say, which knows the limits of each.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {value!r} is not an integer") from None
    if not lowest <= number <= highest:
        limit = f"less than {lowest}" if number < lowest else f"more than {highest}"
        raise OverflowError(f"{name}: {number} is {limit}")
    return number


def host_name(value: str | None) -> str | None:
    """The host as the DLL can take it: C ends a string at a NUL."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"host: {value!r} is not a str")
    if "\0" in value:
        raise ValueError("host: embedded null character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"host: {value!r} cannot be written in UTF-8") from None
    return value


def _linger_to(linger: int | None) -> int:
    return GRACEFUL if linger is None else integer("linger", linger, 0, INT32_MAX)


def _linger_from(linger_s: int) -> int | None:
    return None if linger_s < 0 else linger_s


class Address(NamedTuple):
    """One end of a connection: a numeric address and a port. ``socket.connect`` takes it as it is."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it is usually written: ``127.0.0.1:80``, ``[::1]:80``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of(cls, raw: _swig.Address) -> Self:
        """From the C struct."""
        return cls(raw.host, raw.port)


class ModelInfo(NamedTuple):
    """An I/O model of the DLL."""

    name: str
    summary: str
    model: Model


def models() -> tuple[ModelInfo, ...]:
    """The I/O models that the DLL offers. Does not block."""
    found: list[ModelInfo] = []
    raw = _swig.ModelInfo()
    while True:
        try:
            _swig.model_describe(len(found), raw)
        except OSError:  # WSAEINVAL: there are no more
            return tuple(found)
        found.append(ModelInfo(raw.name, raw.summary, MODELS[raw.model]))


@dataclass(frozen=True)
class ServerOptions:
    """The options of a server, as in force. `Server` says what each means."""

    host: str | None
    port: int
    model: Model
    protocol: Protocol
    family: Family
    backlog: int
    connections_max: int | None
    idle_timeout: Timeout
    send_timeout: Timeout
    no_delay: bool
    receive_buffer_bytes: int
    send_buffer_bytes: int
    linger: int | None
    echo_buffer_bytes: int
    journal_events: int

    def to_raw(self) -> _swig.ServerOptions:
        """As the C struct."""
        raw = _swig.ServerOptions()
        raw.host = host_name(self.host)
        raw.port = integer("port", self.port)
        raw.model = MODEL_NUMBERS[self.model]
        raw.protocol = PROTOCOL_NUMBERS[self.protocol]
        raw.family = FAMILY_NUMBERS[self.family]
        raw.backlog = integer("backlog", self.backlog)
        raw.connections_max = (
            INFINITE if self.connections_max is None else integer("connections_max", self.connections_max)
        )
        raw.idle_timeout_ms = milliseconds("idle_timeout", self.idle_timeout)
        raw.send_timeout_ms = milliseconds("send_timeout", self.send_timeout)
        raw.no_delay = integer("no_delay", self.no_delay, 0, 1)
        raw.receive_buffer_bytes = integer("receive_buffer_bytes", self.receive_buffer_bytes)
        raw.send_buffer_bytes = integer("send_buffer_bytes", self.send_buffer_bytes)
        raw.linger_s = _linger_to(self.linger)
        raw.echo_buffer_bytes = integer("echo_buffer_bytes", self.echo_buffer_bytes)
        raw.journal_events = integer("journal_events", self.journal_events)
        return raw

    @classmethod
    def of(cls, raw: _swig.ServerOptions, host: str | None) -> Self:
        """From the C struct, which does not give the host back."""
        return cls(
            host=host,
            port=raw.port,
            model=MODELS[raw.model],
            protocol=PROTOCOLS[raw.protocol],
            family=FAMILIES[raw.family],
            backlog=raw.backlog,
            connections_max=None if raw.connections_max == INFINITE else raw.connections_max,
            idle_timeout=seconds(raw.idle_timeout_ms),
            send_timeout=seconds(raw.send_timeout_ms),
            no_delay=bool(raw.no_delay),
            receive_buffer_bytes=raw.receive_buffer_bytes,
            send_buffer_bytes=raw.send_buffer_bytes,
            linger=_linger_from(raw.linger_s),
            echo_buffer_bytes=raw.echo_buffer_bytes,
            journal_events=raw.journal_events,
        )


@dataclass(frozen=True)
class ClientOptions:
    """The options of a client, as in force. `Client` says what each means."""

    host: str
    port: int
    family: Family
    connect_timeout: Timeout
    send_timeout: Timeout
    receive_timeout: Timeout
    no_delay: bool
    receive_buffer_bytes: int
    send_buffer_bytes: int
    linger: int | None

    def to_raw(self) -> _swig.ClientOptions:
        """As the C struct."""
        raw = _swig.ClientOptions()
        raw.host = host_name(self.host)
        raw.port = integer("port", self.port)
        raw.family = FAMILY_NUMBERS[self.family]
        raw.connect_timeout_ms = milliseconds("connect_timeout", self.connect_timeout)
        raw.send_timeout_ms = milliseconds("send_timeout", self.send_timeout)
        raw.receive_timeout_ms = milliseconds("receive_timeout", self.receive_timeout)
        raw.no_delay = integer("no_delay", self.no_delay, 0, 1)
        raw.receive_buffer_bytes = integer("receive_buffer_bytes", self.receive_buffer_bytes)
        raw.send_buffer_bytes = integer("send_buffer_bytes", self.send_buffer_bytes)
        raw.linger_s = _linger_to(self.linger)
        return raw

    @classmethod
    def of(cls, raw: _swig.ClientOptions, host: str) -> Self:
        """From the C struct, which does not give the host back."""
        return cls(
            host=host,
            port=raw.port,
            family=FAMILIES[raw.family],
            connect_timeout=seconds(raw.connect_timeout_ms),
            send_timeout=seconds(raw.send_timeout_ms),
            receive_timeout=seconds(raw.receive_timeout_ms),
            no_delay=bool(raw.no_delay),
            receive_buffer_bytes=raw.receive_buffer_bytes,
            send_buffer_bytes=raw.send_buffer_bytes,
            linger=_linger_from(raw.linger_s),
        )


@dataclass(frozen=True)
class ServerStats:
    """The counters of a server, all of one moment."""

    connections_accepted: int
    """Since the server was opened, those over the cap included."""
    connections_current: int
    """Served now: without those refused for the cap."""
    connections_peak: int
    """Most served at once."""
    connections_closed: Mapping[Reason, int]
    """Ended, by reason."""
    bytes_received: int
    """From all peers."""
    bytes_sent: int
    """To all peers."""
    events_dropped: int
    """Events that the journal had no room to keep."""
    accept_failures: int
    """Calls of ``accept`` that failed for want of resources, and were repeated."""
    uptime_us: int
    """Microseconds since the server was opened."""

    @classmethod
    def of(cls, raw: _swig.ServerStats) -> Self:
        """From the C struct."""
        closed = raw.connections_closed
        return cls(
            connections_accepted=raw.connections_accepted,
            connections_current=raw.connections_current,
            connections_peak=raw.connections_peak,
            connections_closed={r: closed[n] for r, n in REASON_NUMBERS.items()},
            bytes_received=raw.bytes_received,
            bytes_sent=raw.bytes_sent,
            events_dropped=raw.events_dropped,
            accept_failures=raw.accept_failures,
            uptime_us=raw.uptime_us,
        )


@dataclass(frozen=True)
class ClientStats:
    """The counters of a client."""

    bytes_sent: int
    """Taken by the system."""
    bytes_received: int
    """Given to the caller."""
    connect_us: int
    """Microseconds that connecting took, once the name was resolved."""
    uptime_us: int
    """Microseconds since the client was connected."""

    @classmethod
    def of(cls, raw: _swig.ClientStats) -> Self:
        """From the C struct."""
        return cls(raw.bytes_sent, raw.bytes_received, raw.connect_us, raw.uptime_us)


@dataclass(frozen=True)
class Event:
    """Something that happened to a server."""

    kind: EventKind
    reason: Reason
    """`Reason.NONE` unless ``kind`` is `EventKind.CLOSED`."""
    error: int
    """The Winsock code behind reason RESET, TIMEOUT or ERROR, else 0."""
    sequence: int
    """1, 2, 3, … in the order of happening; a gap tells how many events were dropped."""
    time_us: int
    """Microseconds since the server was opened."""
    connection_id: int
    """1, 2, 3, … in the order of acceptance; 0 when ``kind`` is `EventKind.LISTENING`."""
    duration_us: int
    """Microseconds from accepted to closed; 0 unless ``kind`` is `EventKind.CLOSED`."""
    bytes_received: int
    bytes_sent: int
    local: Address | None
    peer: Address | None
    """None when ``kind`` is `EventKind.LISTENING`."""

    @classmethod
    def of(cls, raw: _swig.Event) -> Self:
        """From the C struct."""
        return cls(
            kind=EVENT_KINDS[raw.kind],
            reason=REASONS[raw.reason],
            error=raw.error,
            sequence=raw.sequence,
            time_us=raw.time_us,
            connection_id=raw.connection_id,
            duration_us=raw.duration_us,
            bytes_received=raw.bytes_received,
            bytes_sent=raw.bytes_sent,
            local=Address.of(raw.local) if raw.local.family else None,
            peer=Address.of(raw.peer) if raw.peer.family else None,
        )
