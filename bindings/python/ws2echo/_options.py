"""The values of the interface: options, counters, events."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from . import _swig
from ._choices import (
    ACCEPT_NUMBERS,
    ACCEPTS,
    EVENT_KINDS,
    FAMILIES,
    FAMILY_NUMBERS,
    PROTOCOL_NUMBERS,
    PROTOCOLS,
    REASON_NUMBERS,
    REASONS,
    Accept,
    EventKind,
    Family,
    Protocol,
    Reason,
)
from ._faults import fault_name, rules_text
from ._models import model_name, model_number
from ._waiting import INFINITE, Timeout, milliseconds, seconds

UINT32_MAX = 0xFFFFFFFF
UINT64_MAX = 0xFFFFFFFFFFFFFFFF
INT32_MAX = 0x7FFFFFFF
GRACEFUL = -1  # linger_s when closing is left to the system


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
        raise ValueError(f"{name}: {number} is {limit}")
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


@dataclass(frozen=True)
class ServerOptions:
    """The options of a server, as in force. `Server` says what each means."""

    host: str | None
    port: int
    model: str
    protocol: Protocol
    family: Family
    backlog: int
    accept: Accept
    accepts_pending: int
    workers: int
    connections_max: int | None
    idle_timeout: Timeout
    send_timeout: Timeout
    no_delay: bool
    udp_connreset: bool
    receive_buffer_bytes: int
    send_buffer_bytes: int
    linger: int | None
    echo_buffer_bytes: int
    journal_events: int
    faults: tuple[str, ...]
    seed: int

    def to_raw(self) -> _swig.ServerOptions:
        """As the C struct."""
        raw = _swig.ServerOptions()
        raw.host = host_name(self.host)
        raw.port = integer("port", self.port)
        raw.model = model_number(self.model)
        raw.protocol = PROTOCOL_NUMBERS[self.protocol]
        raw.family = FAMILY_NUMBERS[self.family]
        raw.backlog = integer("backlog", self.backlog)
        raw.accept = ACCEPT_NUMBERS[self.accept]
        raw.accepts_pending = integer("accepts_pending", self.accepts_pending)
        raw.workers = integer("workers", self.workers)
        raw.connections_max = (
            INFINITE if self.connections_max is None else integer("connections_max", self.connections_max)
        )
        raw.idle_timeout_ms = milliseconds("idle_timeout", self.idle_timeout)
        raw.send_timeout_ms = milliseconds("send_timeout", self.send_timeout)
        raw.no_delay = integer("no_delay", self.no_delay, 0, 1)
        raw.udp_connreset = integer("udp_connreset", self.udp_connreset, 0, 1)
        raw.receive_buffer_bytes = integer("receive_buffer_bytes", self.receive_buffer_bytes)
        raw.send_buffer_bytes = integer("send_buffer_bytes", self.send_buffer_bytes)
        raw.linger_s = _linger_to(self.linger)
        raw.echo_buffer_bytes = integer("echo_buffer_bytes", self.echo_buffer_bytes)
        raw.journal_events = integer("journal_events", self.journal_events)
        raw.faults = rules_text(self.faults)
        raw.seed = integer("seed", self.seed, 0, UINT64_MAX)
        return raw

    @classmethod
    def of(cls, raw: _swig.ServerOptions, host: str | None, faults: tuple[str, ...]) -> Self:
        """From the C struct, which does not give the host and the faults back."""
        return cls(
            host=host,
            port=raw.port,
            model=model_name(raw.model),
            protocol=PROTOCOLS[raw.protocol],
            family=FAMILIES[raw.family],
            backlog=raw.backlog,
            accept=ACCEPTS[raw.accept],
            accepts_pending=raw.accepts_pending,
            workers=raw.workers,
            connections_max=None if raw.connections_max == INFINITE else raw.connections_max,
            idle_timeout=seconds(raw.idle_timeout_ms),
            send_timeout=seconds(raw.send_timeout_ms),
            no_delay=bool(raw.no_delay),
            udp_connreset=bool(raw.udp_connreset),
            receive_buffer_bytes=raw.receive_buffer_bytes,
            send_buffer_bytes=raw.send_buffer_bytes,
            linger=_linger_from(raw.linger_s),
            echo_buffer_bytes=raw.echo_buffer_bytes,
            journal_events=raw.journal_events,
            faults=faults,
            seed=raw.seed,
        )


@dataclass(frozen=True)
class ClientOptions:
    """The options of a client, as in force. `Client` says what each means."""

    host: str
    port: int
    protocol: Protocol
    family: Family
    connect_timeout: Timeout
    send_timeout: Timeout
    receive_timeout: Timeout
    no_delay: bool
    udp_connreset: bool
    receive_buffer_bytes: int
    send_buffer_bytes: int
    linger: int | None

    def to_raw(self) -> _swig.ClientOptions:
        """As the C struct."""
        raw = _swig.ClientOptions()
        raw.host = host_name(self.host)
        raw.port = integer("port", self.port)
        raw.protocol = PROTOCOL_NUMBERS[self.protocol]
        raw.family = FAMILY_NUMBERS[self.family]
        raw.connect_timeout_ms = milliseconds("connect_timeout", self.connect_timeout)
        raw.send_timeout_ms = milliseconds("send_timeout", self.send_timeout)
        raw.receive_timeout_ms = milliseconds("receive_timeout", self.receive_timeout)
        raw.no_delay = integer("no_delay", self.no_delay, 0, 1)
        raw.udp_connreset = integer("udp_connreset", self.udp_connreset, 0, 1)
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
            protocol=PROTOCOLS[raw.protocol],
            family=FAMILIES[raw.family],
            connect_timeout=seconds(raw.connect_timeout_ms),
            send_timeout=seconds(raw.send_timeout_ms),
            receive_timeout=seconds(raw.receive_timeout_ms),
            no_delay=bool(raw.no_delay),
            udp_connreset=bool(raw.udp_connreset),
            receive_buffer_bytes=raw.receive_buffer_bytes,
            send_buffer_bytes=raw.send_buffer_bytes,
            linger=_linger_from(raw.linger_s),
        )


@dataclass(frozen=True)
class ServerStats:
    """The counters of a server: those of connections and events of one moment, those of bytes and datagrams
    while others may count on.
    """

    connections_accepted: int
    """Since the server was opened, those over the cap included."""
    connections_current: int
    """Served now: without those refused for the cap."""
    connections_peak: int
    """Most served at once."""
    connections_closed: Mapping[Reason, int]
    """Ended, by reason."""
    bytes_received: int
    """From all peers, over TCP and UDP."""
    bytes_sent: int
    """To all peers, over TCP and UDP."""
    datagrams_received: int
    """Over UDP, those that were too long included."""
    datagrams_sent: int
    """Answers over UDP."""
    datagrams_oversize: int
    """Longer than ``echo_buffer_bytes`` (WSAEMSGSIZE), and therefore not answered."""
    datagrams_unreachable: int
    """How often ``udp_connreset`` told that an answer met a closed port (WSAECONNRESET, WSAENETRESET)."""
    datagrams_failed: int
    """Answers that could not be sent, and receives that failed for any other reason."""
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
            datagrams_received=raw.datagrams_received,
            datagrams_sent=raw.datagrams_sent,
            datagrams_oversize=raw.datagrams_oversize,
            datagrams_unreachable=raw.datagrams_unreachable,
            datagrams_failed=raw.datagrams_failed,
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
    datagrams_sent: int
    """Over UDP."""
    datagrams_received: int
    """Over UDP, given to the caller."""
    datagrams_unreachable: int
    """Over UDP: calls that told of the peer's closed port (WSAECONNRESET)."""
    connect_us: int
    """Microseconds that connecting took, once the name was resolved."""
    uptime_us: int
    """Microseconds since the client was connected."""

    @classmethod
    def of(cls, raw: _swig.ClientStats) -> Self:
        """From the C struct."""
        return cls(
            bytes_sent=raw.bytes_sent,
            bytes_received=raw.bytes_received,
            datagrams_sent=raw.datagrams_sent,
            datagrams_received=raw.datagrams_received,
            datagrams_unreachable=raw.datagrams_unreachable,
            connect_us=raw.connect_us,
            uptime_us=raw.uptime_us,
        )


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
    """1, 2, 3, … in the order of acceptance; 0 when ``kind`` is `EventKind.LISTENING`, when a fault took the
    listening sockets, and over UDP.
    """
    duration_us: int
    """Microseconds from accepted to closed; 0 unless ``kind`` is `EventKind.CLOSED`."""
    bytes_received: int
    """From the peer, so far: where a fault is told of, or ends a connection, what the model had received."""
    bytes_sent: int
    """To the peer, so far."""
    local: Address | None
    """The server's end; None when a fault took the listening sockets."""
    peer: Address | None
    """None when ``kind`` is `EventKind.LISTENING`, or a fault took the listening sockets, or a socket of UDP
    is gone.
    """
    protocol: Protocol
    """`Protocol.TCP` or `Protocol.UDP`, over which there are no connections: told are LISTENING, FAULT, and
    CLOSED only of a socket that serves nobody any more, for want of resources.
    """
    rule: int
    """The id of the rule, when ``kind`` is `EventKind.FAULT`, and when it is `EventKind.CLOSED` and a fault
    ended the connection; else 0.
    """
    fault: str | None
    """When ``kind`` is `EventKind.FAULT`, the name of the kind of fault; else None."""
    place: int
    """When ``kind`` is `EventKind.FAULT`, where it began to touch the connection, as an offset in its bytes;
    over UDP the number of the datagram, 1, 2, 3, …; else 0.
    """

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
            protocol=PROTOCOLS[raw.protocol],
            rule=raw.rule,
            fault=fault_name(raw.fault) if EVENT_KINDS[raw.kind] is EventKind.FAULT else None,
            place=raw.place,
        )
