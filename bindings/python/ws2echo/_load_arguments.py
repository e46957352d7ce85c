"""The arguments of ``python -m ws2echo load`` and ``compare``, and what they come to as options of `Load`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ws2echo import Family, LoadReceive
from ws2echo._units import parse_duration, parse_rate, parse_size, parse_sizes

T = TypeVar("T")

DEFAULT_DURATION = 10.0
# What each word makes of the options. DUPLEX is what others call a stream whose echo is read meanwhile.
PATTERNS: dict[str, dict[str, Any]] = {
    "ping-pong": {"pattern": "ping-pong"},
    "stream": {"pattern": "stream"},
    "duplex": {"pattern": "stream"},
    "churn": {"pattern": "ping-pong", "messages_per_connection": 1},
}


def _quantity(parse: Callable[[str], T]) -> Callable[[str], T]:
    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parsed


def _interval(text: str) -> float:
    interval = parse_duration(text)
    if interval < 0.01:
        raise ValueError(f"{text!r} is less than 10ms")
    return interval


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError(f"{rounds} is less than 1")
    return rounds


def add_load(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``load``."""
    add = parser.add_argument
    add("target", nargs="?", help="HOST:PORT, or PORT on this machine")
    add("--serve", metavar="MODEL", help="load a server of this model, opened for it in the same process")
    _add_options(parser)
    _add_outputs(parser)
    add = parser.add_argument
    add("--csv", metavar="FILE", help="what happened over time, as CSV; - is stdout")
    add(
        "--hdr",
        metavar="FILE",
        type=Path,
        help="the latencies as an interval log of HdrHistogram, for its tools",
    )


def add_compare(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``compare``."""
    add = parser.add_argument
    add(
        "--models",
        metavar="MODEL,…",
        help="compare servers of these models, opened in the same process; the same twice tells what is "
        "chance",
    )
    add("--servers", metavar="NAME=HOST:PORT,…", help="compare these servers, whatever they are")
    add(
        "--rounds",
        type=_rounds,
        default=5,
        metavar="N",
        help="rounds of one load each (default: %(default)s)",
    )
    _add_options(parser)
    _add_outputs(parser)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is told")
    add = group.add_argument
    add("--quiet", action="store_true", help="tell nothing while it runs")
    add(
        "--series",
        type=_quantity(_interval),
        default=1.0,
        metavar="TIME",
        help="how long the intervals are of which each is told (default: 1s)",
    )
    add("--json", metavar="FILE", help="all of it, as JSON; - is stdout, instead of the summary")
    add("--html", metavar="FILE", type=Path, help="a report with pictures, in one file that needs no network")


def _add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what is sent", "Sizes are like 64 or 64KiB, times like 10s or 500ms, rates like 1000/s."
    )
    size, duration = _quantity(parse_size), _quantity(parse_duration)
    add = group.add_argument
    add("--connections", type=int, default=1, metavar="N", help="at once (default: %(default)s)")
    add("--protocol", choices=["tcp", "udp"], default="tcp", help="(default: %(default)s)")
    add(
        "--pattern",
        choices=list(PATTERNS),
        default="ping-pong",
        help="the next message after the last answer; all the time (stream, duplex); a connection for each "
        "message (churn) (default: %(default)s)",
    )
    add("--depth", type=int, default=1, metavar="N", help="messages that may wait for their answers")
    add(
        "--window", type=size, default=0, metavar="SIZE", help="of stream: bytes that may wait for their echo"
    )
    add(
        "--sizes",
        type=_quantity(parse_sizes),
        default=(64,),
        metavar="SIZES",
        help="of messages: one, several (64,1500) or a range (64-1500) (default: 64)",
    )
    add("--duration", type=duration, metavar="TIME", help="default: 10s, unless another limit is set")
    add("--messages", type=int, metavar="N", help="end after so many, of all connections together")
    add("--bytes", type=size, metavar="SIZE", help="end after so many, of all connections together")
    add("--messages-per-connection", type=int, metavar="N", help="then another takes its place (churn: 1)")
    add(
        "--rate",
        type=_quantity(parse_rate),
        metavar="RATE",
        help="messages a second, at fixed times; latency counts from those (default: as fast as it goes)",
    )
    add("--burst", type=int, default=1, metavar="N", help="of a rate: messages that are due at once")
    add(
        "--think",
        type=duration,
        default=0.0,
        metavar="TIME",
        help="wait so long after each answer; not with --rate",
    )
    add("--warm-up", type=duration, default=0.0, metavar="TIME", help="leave so long out of the latencies")
    add("--ramp-up", type=duration, default=0.0, metavar="TIME", help="begin the connections over so long")
    add(
        "--send-delay",
        type=duration,
        default=0.0,
        metavar="TIME",
        help="wait so long before the first message; not with --rate",
    )
    add(
        "--receive",
        choices=[str(one) for one in LoadReceive],
        default="always",
        help="when the echo is received: from the start; after --receive-delay; by turns, all that "
        "--depth or --window let wait is sent first; not at all (default: %(default)s)",
    )
    add("--receive-delay", type=duration, default=0.0, metavar="TIME", help="for --receive late")
    add("--reset", action="store_true", help="end connections by a reset, not by FIN")
    add(
        "--seed", type=int, default=1, metavar="N", help="the same seed sends the same (default: %(default)s)"
    )
    group = parser.add_argument_group("how")
    add = group.add_argument
    add("--model", default="iocp", help="Winsock I/O model of this end (default: %(default)s)")
    add("--workers", type=int, default=0, metavar="N", help="threads of this end")
    add("--family", choices=[str(family) for family in Family], default="any", help="versions of IP")
    add("--connect-timeout", type=duration, default=10.0, metavar="TIME", help="(default: 10s)")
    add(
        "--reply-timeout",
        type=duration,
        metavar="TIME",
        help="nothing comes for so long: the connection ends, the datagram is lost (default: 1s over UDP)",
    )
    add(
        "--finish-timeout",
        type=duration,
        default=10.0,
        metavar="TIME",
        help="what has not ended so long after the limit is reset (default: 10s)",
    )
    add("--nagle", dest="no_delay", action="store_false", help="no TCP_NODELAY")
    add("--receive-buffer", type=size, default=0, metavar="SIZE", help="SO_RCVBUF")
    add("--send-buffer", type=size, default=0, metavar="SIZE", help="SO_SNDBUF")


# As they are called here, and as options of Load.
RENAMED = {
    "window": "window_bytes",
    "receive_buffer": "receive_buffer_bytes",
    "send_buffer": "send_buffer_bytes",
}
SAME = (
    *("connections", "model", "protocol", "family", "workers", "depth", "sizes", "messages", "bytes"),
    *("messages_per_connection", "warm_up", "ramp_up", "think", "rate", "burst", "receive"),
    *("receive_delay", "send_delay", "connect_timeout", "finish_timeout", "reset", "no_delay", "seed"),
)


def load_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the arguments come to, as keyword arguments of `Load`."""
    options = {name: getattr(arguments, name) for name in SAME}
    options.update({name: getattr(arguments, told) for told, name in RENAMED.items()})
    preset = PATTERNS[arguments.pattern]
    options["pattern"] = preset["pattern"]
    if options["messages_per_connection"] is None:
        options["messages_per_connection"] = preset.get("messages_per_connection")
    options["duration"] = arguments.duration
    if arguments.duration is None and arguments.messages is None and arguments.bytes is None:
        options["duration"] = DEFAULT_DURATION
    if arguments.reply_timeout is not None:
        options["reply_timeout"] = arguments.reply_timeout
    return options


def parse_target(text: str) -> tuple[str, int]:
    """HOST:PORT, [HOST]:PORT or PORT; ValueError if it is none of them."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: write an address of IPv6 as [{host}]:{port}")
    if not port.isascii() or not port.isdigit():
        raise ValueError(f"{text!r} is not HOST:PORT or PORT")
    return host or "localhost", int(port)


def parse_servers(text: str) -> dict[str, tuple[str, int]]:
    """NAME=HOST:PORT,…; ValueError if it is not."""
    servers: dict[str, tuple[str, int]] = {}
    for part in text.split(","):
        name, equals, target = part.partition("=")
        if not equals or not name:
            raise ValueError(f"{part!r} is not NAME=HOST:PORT")
        if name in servers:
            raise ValueError(f"the name {name!r} is there twice")
        servers[name] = parse_target(target)
    return servers
