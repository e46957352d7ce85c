"""The choices of the interface: words here, numbers in the header."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeVar

from . import _swig


class Model(enum.StrEnum):
    """How a server does its input and output: the Winsock I/O model. `models` describes those of the DLL."""

    THREADS = "threads"
    """A thread per connection that blocks in accept, recv and send. The default."""
    SELECT = "select"
    """Non-blocking sockets and select."""
    POLL = "poll"
    """Non-blocking sockets and WSAPoll."""
    EVENT = "event"
    """Non-blocking sockets and WSAEventSelect."""
    ASYNC = "async"
    """Non-blocking sockets and WSAAsyncSelect, on a message-only window."""
    OVERLAPPED = "overlapped"
    """Overlapped I/O that signals event objects."""
    APC = "apc"
    """Overlapped I/O that calls completion routines."""
    IOCP = "iocp"
    """Overlapped I/O that ends in a completion port."""


class Protocol(enum.StrEnum):
    """What carries the echo service of RFC 862."""

    TCP = "tcp"
    """A connection, whose bytes come back. The default."""
    UDP = "udp"
    """Each datagram is answered by its equal."""
    BOTH = "both"
    """TCP and UDP on the same addresses and port number. For a server only."""


class Accept(enum.StrEnum):
    """How the listening socket of a server is asked for connections."""

    DEFAULT = "default"
    """ACCEPTEX where the model has it, else WSAACCEPT."""
    ACCEPTEX = "acceptex"
    """Several AcceptEx are out at any time, with sockets made ahead."""
    WSAACCEPT = "wsaaccept"
    """accept or WSAAccept, once for each connection."""


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
    FAULT = "fault"
    """A rule touched a connection, for the first time; over UDP, a datagram. Or, with ``connection_id`` 0
    over TCP, it has taken the listening sockets.
    """


class Reason(enum.StrEnum):
    """Why a connection ended."""

    NONE = "none"
    """It has not ended."""
    FIN = "fin"
    """The peer sent FIN, everything was echoed, and FIN was sent back."""
    RESET = "reset"
    """The connection was reset: by the peer, or by this machine, which ``error`` of the event tells apart."""
    TIMEOUT = "timeout"
    """The idle or send timeout ran out, or TCP itself gave the peer up; the server reset the connection."""
    CAP = "cap"
    """More than ``connections_max``; the server sent FIN at once and echoed nothing."""
    STOPPED = "stopped"
    """The server was stopped or closed, and reset what was left."""
    ERROR = "error"
    """Anything else: ``error`` of the event is the Winsock code."""
    FAULT = "fault"
    """A fault ended it, as its rule says: ``rule`` of the event."""


class Until(enum.StrEnum):
    """What `Server.wait_for` waits for: the name of its argument."""

    ACCEPTED = "connections"
    OPEN = "open_connections"
    OPEN_AT_MOST = "open_at_most"
    CLOSED = "closed"
    FAULTS = "faults"
    RECEIVED = "bytes_received"
    SENT = "bytes_sent"


class Half(enum.StrEnum):
    """Which half of a connection."""

    RECEIVE = "receive"
    SEND = "send"
    BOTH = "both"


class LoadPattern(enum.StrEnum):
    """When a connection of a load sends and receives."""

    PING_PONG = "ping-pong"
    """Sends the next message when fewer than ``depth`` wait for their answers. The default."""
    STREAM = "stream"
    """Sends as long as fewer than ``window_bytes`` wait for their answers, and receives meanwhile."""


class LoadReceive(enum.StrEnum):
    """Which part of what it sent a connection of a load receives, and when."""

    ALWAYS = "always"
    """From the start. The default."""
    LATE = "late"
    """Nothing before ``receive_delay`` has passed since it was connected."""
    AFTER_SENT = "after-sent"
    """By turns: as much as ``depth`` and ``window_bytes`` allow is sent, then all of it is received."""
    NEVER = "never"
    """Nothing: it sends until the peer takes no more, or its limit is reached."""


class LoadProblemKind(enum.StrEnum):
    """What was wrong with what a connection of a load received, or with the connection."""

    CORRUPT = "corrupt"
    """A wrong byte, amid right ones."""
    MISSING = "missing"
    """Bytes were left out: what came belongs to a later offset."""
    REPEATED = "repeated"
    """What came belongs to an earlier offset."""
    FOREIGN = "foreign"
    """What came belongs to another connection of this load; over UDP, is no answer at all."""
    EXCESS = "excess"
    """More came back than was sent."""
    EARLY_END = "early-end"
    """FIN came before the whole echo."""
    UNCONNECTED = "unconnected"
    """It could not be connected."""
    BROKEN = "broken"
    """The connection was reset, ran into a time limit, or failed otherwise."""


C = TypeVar("C", bound=enum.StrEnum)


def _numbers(choices: type[C], prefix: str) -> dict[C, int]:
    """The number of each choice, as the header has it."""
    return {choice: getattr(_swig, f"{prefix}_{choice.name}") for choice in choices}


def _inverted(numbers: Mapping[C, int]) -> dict[int, C]:
    return {number: choice for choice, number in numbers.items()}


# A model's number is not among these: the DLL's own list tells it (_models.py).
PROTOCOL_NUMBERS = _numbers(Protocol, "PROTOCOL")
ACCEPT_NUMBERS = _numbers(Accept, "ACCEPT")
FAMILY_NUMBERS = _numbers(Family, "FAMILY")
HALF_NUMBERS = _numbers(Half, "HALF")
UNTIL_NUMBERS = _numbers(Until, "UNTIL")
REASON_NUMBERS = _numbers(Reason, "REASON")
LOAD_PATTERN_NUMBERS = _numbers(LoadPattern, "LOAD")
LOAD_RECEIVE_NUMBERS = _numbers(LoadReceive, "LOAD_RECEIVE")
LOAD_PROBLEM_NUMBERS = _numbers(LoadProblemKind, "LOAD")
PROTOCOLS = _inverted(PROTOCOL_NUMBERS)
ACCEPTS = _inverted(ACCEPT_NUMBERS)
FAMILIES = _inverted(FAMILY_NUMBERS)
REASONS = _inverted(REASON_NUMBERS)
EVENT_KINDS = _inverted(_numbers(EventKind, "EVENT"))
LOAD_PATTERNS = _inverted(LOAD_PATTERN_NUMBERS)
LOAD_RECEIVES = _inverted(LOAD_RECEIVE_NUMBERS)
LOAD_PROBLEM_KINDS = _inverted(LOAD_PROBLEM_NUMBERS)


def choice(name: str, choices: type[C], value: str) -> C:
    """The choice that ``value`` names; ValueError says which there are."""
    try:
        return choices(value)
    except ValueError:
        raise none_of(name, value, choices) from None


def none_of(name: str, value: object, known: type[C] | list[str]) -> ValueError:
    """The failure that says which values there are."""
    words = ", ".join(repr(str(one)) for one in known)
    return ValueError(f"{name}: {value!r} is none of {words}")
