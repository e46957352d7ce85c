"""The command line: ``python -m ws2echo serve`` and ``python -m ws2echo send``.

Exit status: 0 when all went well, 1 when a connection or an echo failed, 2 when the command line is wrong.
"""

from __future__ import annotations

import argparse
import errno
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import ws2echo
from ws2echo import Client, EchoMismatchError, Event, EventKind, Family, Model, Server

SIZE_MAX = 1 << 30  # of a message: it is held in memory, and what comes back, too
TUTORIAL_PORT = 27015
TUTORIAL_TEXT = "this is a test"
FAILED = 1
WRONG_USAGE = 2
REFRESH_S = 0.25
LONG_S = 3600.0


def _bounded(text: str, lowest: int) -> int:
    number = int(text)
    if number < lowest:
        raise argparse.ArgumentTypeError(f"{number} is less than {lowest}")
    return number


def _count(text: str) -> int:
    return _bounded(text, 1)


def _size(text: str) -> int:
    size = _bounded(text, 0)
    if size > SIZE_MAX:
        raise argparse.ArgumentTypeError(f"{size} is more than {SIZE_MAX}; --count sends it several times")
    return size


def _duration(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds, 0 or more")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ws2echo",
        description="A TCP echo server and client.",
        epilog="Exit status: 0 all went well, 1 a connection or an echo failed, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"ws2echo {ws2echo.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="serve | send")
    _add_serve(commands.add_parser("serve", help="serve until Ctrl-C", description="Serve until Ctrl-C."))
    _add_send(
        commands.add_parser(
            "send",
            help="send something to an echo server and compare what comes back",
            description="Send something to an echo server and compare what comes back.",
        )
    )
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", help="address or name to listen on; * for all of the machine (default: 127.0.0.1 and ::1)")
    add("--port", type=int, default=TUTORIAL_PORT, help="0 lets the system choose (default: %(default)s)")
    add("--duration", type=_duration, metavar="SECONDS", help="stop by itself after so long")
    add(
        "--drain",
        type=_duration,
        default=5.0,
        metavar="SECONDS",
        help="when stopping, serve what is open for so long",
    )
    add("--quiet", action="store_true", help="tell neither events nor counters, only the totals")
    options = parser.add_argument_group("options of the server")
    add = options.add_argument
    add("--model", choices=[str(model) for model in Model], default="threads", help="Winsock I/O model")
    add("--protocol", choices=[str(protocol) for protocol in ws2echo.Protocol], default="tcp")
    add("--family", choices=[str(family) for family in Family], default="any", help="versions of IP")
    add("--backlog", type=int, default=0, help="connections that may wait to be accepted")
    add("--connections-max", type=int, metavar="N", help="connections served at once")
    add("--idle-timeout", type=float, metavar="SECONDS", help="reset a connection that is idle for so long")
    add(
        "--send-timeout",
        type=float,
        metavar="SECONDS",
        help="reset a connection that takes nothing for so long",
    )
    add(
        "--nagle",
        dest="no_delay",
        action="store_false",
        help="let Nagle's algorithm hold small sends back (no TCP_NODELAY)",
    )
    add("--receive-buffer-bytes", type=int, default=0, metavar="BYTES", help="SO_RCVBUF")
    add("--send-buffer-bytes", type=int, default=0, metavar="BYTES", help="SO_SNDBUF")
    add("--linger", type=int, metavar="SECONDS", help="SO_LINGER; 0 answers FIN with a reset")
    add(
        "--echo-buffer-bytes",
        type=int,
        default=262144,
        metavar="BYTES",
        help="most bytes held for a connection",
    )
    add("--journal-events", type=int, default=4096, metavar="N", help="most events kept")


def _add_send(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    add = what.add_argument
    add(
        "text",
        nargs="?",
        default=TUTORIAL_TEXT,
        help="what to send; - reads it from stdin (default: %(default)r)",
    )
    add("--file", type=Path, help="send the content of this file")
    add("--size", type=_size, metavar="BYTES", help="send a pattern of so many bytes")
    add = parser.add_argument
    add("--count", type=_count, default=1, metavar="N", help="send it so many times (default: %(default)s)")
    add("--host", default="localhost", help="name or address (default: %(default)s)")
    add("--port", type=int, default=TUTORIAL_PORT, help="(default: %(default)s)")
    add("--family", choices=[str(family) for family in Family], default="any", help="versions of IP")
    add("--timeout", type=float, default=10.0, metavar="SECONDS", help="no progress for so long is a failure")


def describe(event: Event) -> str:
    """One line about an event."""
    when = f"{event.time_us / 1e6:10.3f} s"
    if event.kind is EventKind.LISTENING:
        return f"{when}  listening on {event.local}"
    who = f"{when}  connection {event.connection_id} {event.kind}"
    if event.kind is EventKind.ACCEPTED:
        return f"{who} from {event.peer}"
    return (
        f"{who}: {event.reason}, {event.bytes_received} bytes received, {event.bytes_sent} bytes sent, "
        f"{event.duration_us / 1e6:.3f} s"
    )


def _counters(server: Server) -> str:
    stats = server.stats
    return (
        f"{stats.connections_current} connections now, {stats.connections_accepted} accepted, "
        f"{stats.bytes_received} bytes received, {stats.bytes_sent} bytes sent"
    )


def _watch(server: Server, duration: float | None, quiet: bool) -> None:
    """Tell what happens while the duration lasts: counters on a terminal, else a line for each event."""
    deadline = math.inf if duration is None else time.monotonic() + duration
    live = sys.stderr.isatty() and not quiet
    while (left := deadline - time.monotonic()) > 0:
        if live:
            print(f"\r{_counters(server):<78}", end="", file=sys.stderr, flush=True)
        if live or quiet:
            time.sleep(min(left, REFRESH_S))
            continue
        try:
            event = server.next_event(min(left, LONG_S))
        except TimeoutError:
            continue
        print(describe(event), file=sys.stderr, flush=True)


def serve(arguments: argparse.Namespace) -> int:
    """Run ``serve``."""
    options = dict(vars(arguments))
    duration, drain, quiet = options.pop("duration"), options.pop("drain"), options.pop("quiet")
    del options["command"]
    with Server(**options) as server:
        where = ", ".join(map(str, server.addresses))
        print(f"ws2echo {ws2echo.__version__} listening on {where} (Ctrl-C stops)", flush=True)
        try:
            _watch(server, duration, quiet)
        except KeyboardInterrupt:
            print(file=sys.stderr)
        try:
            reset = server.stop(drain)
        except KeyboardInterrupt:  # a second one: do not wait for what is left
            reset = server.stop()
        if not (quiet or sys.stderr.isatty()):
            for event in server.events():
                print(describe(event), file=sys.stderr, flush=True)
        stats = server.stats
        print(
            f"Connections: {stats.connections_accepted} accepted, {reset} reset at the end. "
            f"Bytes: {stats.bytes_received} received, {stats.bytes_sent} sent.",
            flush=True,
        )
    return 0


def _message(arguments: argparse.Namespace) -> bytes:
    if arguments.size is not None:
        size: int = arguments.size
        return (bytes(range(256)) * (size // 256 + 1))[:size]
    if arguments.file is not None:
        path: Path = arguments.file
        return path.read_bytes()
    if arguments.text == "-":
        piped: bytes = sys.stdin.buffer.read()
        return piped
    return str(arguments.text).encode()


def send(arguments: argparse.Namespace) -> int:
    """Run ``send``: what the Winsock tutorial's client does, and compare."""
    message = _message(arguments)
    with Client(
        arguments.port,
        arguments.host,
        family=arguments.family,
        connect_timeout=arguments.timeout,
        send_timeout=arguments.timeout,
        receive_timeout=arguments.timeout,
    ) as client:
        for _ in range(arguments.count):
            client.echo(message)
        client.shutdown()
        stats = client.stats
        print(f"Bytes sent: {stats.bytes_sent}")
        print(f"Bytes received: {stats.bytes_received}")
        if extra := client.recv():
            print(f"ws2echo: {len(extra)} bytes came that were never sent", file=sys.stderr)
            return FAILED
        print("Connection closed")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return serve(parsed) if parsed.command == "serve" else send(parsed)
    except (ValueError, OverflowError) as error:
        print(f"ws2echo: {error}", file=sys.stderr)
        return WRONG_USAGE
    except EchoMismatchError as error:
        print(f"ws2echo: {error}", file=sys.stderr)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"ws2echo: {where}{error.strerror or error}", file=sys.stderr)
        if error.winerror == errno.WSAEINVAL:
            return WRONG_USAGE
    except KeyboardInterrupt:
        print("ws2echo: interrupted", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
