"""The command line: ``python -m ws2echo serve``, ``send``, ``load``, ``compare``, ``models`` and ``faults``.

Exit status: 0 when all went well, 1 when a connection or an echo failed, 2 when the command line is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import ws2echo
from ws2echo import (
    Accept,
    Client,
    EchoMismatchError,
    Event,
    EventKind,
    Family,
    FaultKind,
    FaultParameter,
    PingResult,
    Protocol,
    Reason,
    Server,
    UsageError,
)
from ws2echo._load_arguments import add_compare, add_load
from ws2echo._waiting import milliseconds

SIZE_MAX = 1 << 30  # of a message: it is held in memory, and what comes back, too
TUTORIAL_PORT = 27015
TUTORIAL_TEXT = "this is a test"
FAILED = 1
WRONG_USAGE = 2
REFRESH_S = 0.25
TABLE_WIDTHS = (10, 10, 36, 36)  # with the gaps between, less than 100
FAULT_WIDTHS = (12, 8, 44, 28)  # likewise
OVER = {Protocol.TCP: "TCP", Protocol.UDP: "UDP", Protocol.BOTH: "TCP and UDP"}


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


def _drain(text: str) -> float:
    seconds = _duration(text)
    try:
        milliseconds("drain", seconds)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ws2echo",
        description="An echo server, client and load generator, over TCP and UDP.",
        epilog="Exit status: 0 all went well, 1 a connection or an echo failed, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"ws2echo {ws2echo.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(
        commands.add_parser(
            "serve",
            help="serve until Ctrl-C",
            description="Serve until Ctrl-C. Ctrl-Break restarts the server, on the same port.",
        )
    )
    _add_send(
        commands.add_parser(
            "send",
            help="send something to an echo server and compare what comes back",
            description="Send something to an echo server and compare what comes back.",
        )
    )
    add_load(
        commands.add_parser(
            "load",
            help="put an echo server under load, check every byte and time every message",
            description="Put an echo server under load, check every byte that comes back and time every "
            "message. Ctrl-C ends it early, with its summary.",
        )
    )
    add_compare(
        commands.add_parser(
            "compare",
            help="put several servers under the same load in turn, and compare them",
            description="Put several servers under the same load, one after the other and again, and compare "
            "them: the median of the rounds, the least and the greatest, and the same of their ratios to the "
            "first one in each round.",
        )
    )
    _add_models(
        commands.add_parser(
            "models",
            help="tell the Winsock I/O models that a server can use",
            description="Tell the Winsock I/O models that a server can use.",
        )
    )
    _add_faults(
        commands.add_parser(
            "faults",
            help="tell how a server can be made to misbehave",
            description="Tell how a server can be made to misbehave: what serve --fault takes. A rule is a "
            "kind, then parameters, then conditions: reset:at=100,toxicity=0.5@every=3.",
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
        type=_drain,
        default=5.0,
        metavar="SECONDS",
        help="when stopping, serve what is open for so long",
    )
    add("--quiet", action="store_true", help="tell neither events nor counters, only the totals")
    options = parser.add_argument_group("options of the server")
    add = options.add_argument
    add("--model", default="threads", help="Winsock I/O model; the command models tells which there are")
    add("--protocol", choices=[str(protocol) for protocol in Protocol], default="tcp", help="what to serve")
    add("--family", choices=[str(family) for family in Family], default="any", help="versions of IP")
    add("--backlog", type=int, default=0, help="connections that may wait to be accepted")
    add(
        "--accept",
        choices=[str(way) for way in Accept],
        default="default",
        help="how connections are accepted",
    )
    add("--accepts-pending", type=int, default=0, metavar="N", help="AcceptEx kept out at any time")
    add("--workers", type=int, default=0, metavar="N", help="threads that share the connections")
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
    add(
        "--no-udp-connreset",
        dest="udp_connreset",
        action="store_false",
        help="do not be told that an answer over UDP met a closed port (no SIO_UDP_CONNRESET)",
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
    add(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="RULE",
        help="misbehave so, as latency:latency=50,jitter=10; may be given several times; the command faults "
        "tells what there is",
    )
    add("--seed", type=int, metavar="N", help="what faults draw their chances from (default: drawn)")


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
    times = parser.add_mutually_exclusive_group()
    add = times.add_argument
    add("--count", type=_count, default=1, metavar="N", help="send it so many times (default: %(default)s)")
    add("--forever", action="store_true", help="send it again and again, until Ctrl-C")
    add = parser.add_argument
    add("--protocol", choices=["tcp", "udp"], help="over UDP it is one datagram (default: tcp)")
    add("--host", default="localhost", help="name or address (default: %(default)s)")
    add("--port", type=int, default=TUTORIAL_PORT, help="(default: %(default)s)")
    add("--family", choices=[str(family) for family in Family], default="any", help="versions of IP")
    add("--timeout", type=float, default=10.0, metavar="SECONDS", help="no progress for so long is a failure")
    group = parser.add_argument_group("ping", "Over UDP: datagrams with sequence numbers, and a summary.")
    add = group.add_argument
    add("--ping", type=_count, metavar="N", help="send so many datagrams, each of --size bytes")
    add("--window", type=_count, metavar="N", help="datagrams that may wait for their answers (default: 1)")
    add("--interval", type=_duration, metavar="SECONDS", help="least time between two (default: 0)")
    add(
        "--reply-timeout",
        type=_duration,
        metavar="SECONDS",
        help="an answer that has not come for so long is lost (default: 1)",
    )


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, with all that is known of each")


def _add_faults(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, with all that is known of each")


def _describe_fault(event: Event, when: str) -> str:
    rule = f"fault {event.fault} of rule {event.rule}"
    if event.protocol is Protocol.UDP:
        return f"{when}  {rule}: datagram {event.place} from {event.peer}"
    if not event.connection_id:
        return f"{when}  {rule}: nobody is accepted"
    return f"{when}  connection {event.connection_id} {rule}, from byte {event.place}"


def describe(event: Event) -> str:
    """One line about an event."""
    when = f"{event.time_us / 1e6:10.3f} s"
    if event.kind is EventKind.LISTENING:
        return f"{when}  listening on {event.local}{_over(event.protocol)}"
    if event.kind is EventKind.FAULT:
        return _describe_fault(event, when)
    if event.protocol is Protocol.UDP:  # there are no connections: its socket is gone
        return f"{when}  no longer serving {event.local}{_over(event.protocol)}: error {event.error}"
    who = f"{when}  connection {event.connection_id} {event.kind}"
    if event.kind is EventKind.ACCEPTED:
        return f"{who} from {event.peer}"
    reason = f"fault of rule {event.rule}" if event.reason is Reason.FAULT else event.reason
    return (
        f"{who}: {reason}, {event.bytes_received} bytes received, {event.bytes_sent} bytes sent, "
        f"{event.duration_us / 1e6:.3f} s"
    )


def _over(protocol: Protocol) -> str:
    """The protocol, for the end of a phrase; of just TCP nothing is said."""
    return "" if protocol is Protocol.TCP else f" over {OVER[protocol]}"


def _counters(server: Server, protocol: Protocol) -> str:
    stats = server.stats
    told = []
    if protocol is not Protocol.UDP:
        told.append(f"{stats.connections_current} connections now, {stats.connections_accepted} accepted")
    if protocol is not Protocol.TCP:
        told.append(f"{stats.datagrams_received} datagrams received, {stats.datagrams_sent} sent")
    return ", ".join([*told, f"{stats.bytes_received} bytes received, {stats.bytes_sent} sent"])


def _totals(server: Server, protocol: Protocol, reset: int) -> str:
    stats = server.stats
    told = []
    if protocol is not Protocol.UDP:
        told.append(f"Connections: {stats.connections_accepted} accepted, {reset} reset at the end.")
    if protocol is not Protocol.TCP:
        told.append(f"Datagrams: {stats.datagrams_received} received, {stats.datagrams_sent} sent.")
    return " ".join([*told, f"Bytes: {stats.bytes_received} received, {stats.bytes_sent} sent."])


class _Key:
    """A key that is a wish, seen to where it suits: an exception in the wrong place would lose an event."""

    def __init__(self, number: int) -> None:
        self.pressed = False
        self._number = number

    def _press(self, *_: object) -> None:
        self.pressed = True

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Within the block the key is ours. Python lets only the main thread ask for that."""
        self.pressed = False
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(self._number, self._press)
        try:
            yield
        finally:
            signal.signal(self._number, before or signal.SIG_DFL)


def _shows_counters(quiet: bool) -> bool:
    """On a terminal, in one line that is written anew."""
    return sys.stderr.isatty() and not quiet


def _watch(server: Server, deadline: float, quiet: bool, *keys: _Key) -> None:
    """Tell what happens until the deadline or a key: on a terminal counters, else each event."""
    live = _shows_counters(quiet)
    protocol = server.options.protocol
    while not any(key.pressed for key in keys) and (left := deadline - time.monotonic()) > 0:
        if live:
            print(f"\r{_counters(server, protocol):<78}", end="", file=sys.stderr, flush=True)
        if live or quiet:
            time.sleep(min(left, REFRESH_S))
            continue
        try:
            event = server.next_event(min(left, REFRESH_S))
        except TimeoutError:
            continue
        print(describe(event), file=sys.stderr, flush=True)


def _serve_once(server: Server, arguments: argparse.Namespace, deadline: float) -> bool:
    """From the greeting to the totals. Whether the server is to be restarted."""
    protocol = server.options.protocol
    where = ", ".join(map(str, server.addresses)) + _over(protocol)
    ctrl_c, ctrl_break = _Key(signal.SIGINT), _Key(signal.SIGBREAK)
    with ctrl_break.watched():
        with ctrl_c.watched():
            print(f"ws2echo {ws2echo.__version__} listening on {where} (Ctrl-C stops)", flush=True)
            if arguments.faults:
                print(
                    f"Faults: {', '.join(fault.text for fault in server.faults)}; seed {server.seed}",
                    flush=True,
                )
            _watch(server, deadline, arguments.quiet, ctrl_c, ctrl_break)
        again = ctrl_break.pressed and not ctrl_c.pressed
        if ctrl_c.pressed or _shows_counters(arguments.quiet):
            print(file=sys.stderr)
        try:
            reset = server.stop(arguments.drain)
        except KeyboardInterrupt:  # do not wait for what is left
            again = False
            reset = server.stop()
    if not (arguments.quiet or sys.stderr.isatty()):
        for event in server.events():
            print(describe(event), file=sys.stderr, flush=True)
    print(_totals(server, protocol, reset), flush=True)
    return again


def serve(arguments: argparse.Namespace) -> int:
    """Run ``serve``."""
    own = ("command", "duration", "drain", "quiet")
    options = {name: value for name, value in vars(arguments).items() if name not in own}
    deadline = math.inf if arguments.duration is None else time.monotonic() + arguments.duration
    again = True
    while again:
        with Server(**options) as server:
            options["port"], options["seed"] = server.port, server.seed
            again = _serve_once(server, arguments, deadline)
    return 0


def _message(arguments: argparse.Namespace) -> bytes:
    if arguments.size is not None:
        size: int = arguments.size
        return (bytes(range(256)) * (size // 256 + 1))[:size]
    if arguments.file is not None:
        path: Path = arguments.file
        try:
            return path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from None
    if arguments.text == "-":
        piped: bytes = sys.stdin.buffer.read()
        return piped
    return str(arguments.text).encode()


def _client(arguments: argparse.Namespace, protocol: str) -> Client:
    return Client(
        arguments.port,
        arguments.host,
        protocol=protocol,
        family=arguments.family,
        connect_timeout=arguments.timeout,
        send_timeout=arguments.timeout,
        receive_timeout=arguments.timeout,
    )


def send(arguments: argparse.Namespace) -> int:
    """Run ``send``: what the Winsock tutorial's client does, and compare."""
    message = _message(arguments)
    with _client(arguments, arguments.protocol or Protocol.TCP) as client:
        try:
            for _ in itertools.repeat(None) if arguments.forever else range(arguments.count):
                client.echo(message)
        except KeyboardInterrupt:
            if not arguments.forever:
                raise
            return _end(client)
        if arguments.protocol == Protocol.UDP:
            _tell_bytes(client)
            return 0
        client.shutdown()
        _tell_bytes(client)
        if extra := client.recv():
            print(f"ws2echo: {len(extra)} bytes came that were never sent", file=sys.stderr)
            return FAILED
        print("Connection closed")
    return 0


def _end(client: Client) -> int:
    """End by Ctrl-C, perhaps in the middle of an echo: of a stream, read what is still to come."""
    if client.options.protocol is Protocol.UDP:
        _tell_bytes(client)
        return 0
    client.shutdown()
    while client.recv():
        pass
    _tell_bytes(client)
    print("Connection closed")
    return 0 if client.stats.bytes_received == client.stats.bytes_sent else FAILED


def _tell_bytes(client: Client) -> None:
    stats = client.stats
    print(f"Bytes sent: {stats.bytes_sent}")
    print(f"Bytes received: {stats.bytes_received}")


PING_ONLY = {"window": "--window", "interval": "--interval", "reply_timeout": "--reply-timeout"}


def _check_send(arguments: argparse.Namespace) -> None:
    """What of ``send`` goes together: ValueError says what does not."""
    if arguments.ping is None:
        for name, option in PING_ONLY.items():
            if getattr(arguments, name) is not None:
                raise ValueError(f"{option} is for --ping")
        return
    if arguments.protocol == Protocol.TCP:
        raise ValueError("--ping is over UDP, not over TCP")
    if arguments.text != TUTORIAL_TEXT or arguments.file is not None:
        raise ValueError("--ping makes its datagrams itself: no text, no --file")
    if arguments.count != 1 or arguments.forever:
        raise ValueError("--ping says how often: no --count, no --forever")


def ping(arguments: argparse.Namespace) -> int:
    """Run ``send --ping``: failed if anything was lost, corrupt or duplicated."""
    given = {name: getattr(arguments, name) for name in PING_ONLY if getattr(arguments, name) is not None}
    if arguments.size is not None:
        given["datagram_bytes"] = arguments.size
    with _client(arguments, Protocol.UDP) as client:
        peer = client.peer_address
        try:
            result = client.ping(arguments.ping, **given)
        except (OSError, KeyboardInterrupt) as error:
            so_far: PingResult | None = vars(error).get("result")
            if so_far is not None and so_far.sent:
                print(summary(str(peer), so_far))
            raise
    print(summary(str(peer), result))
    return FAILED if result.lost or result.corrupt or result.duplicated else 0


def summary(peer: str, result: PingResult) -> str:
    """What came of it, in the words that ping has for it; of what is rare only what there was."""
    lines = [
        f"--- {peer} ---",
        f"{result.sent} datagrams sent, {result.received} received, {result.lost} lost "
        f"({result.loss_ratio:.1%}), {result.elapsed:.3f} s",
    ]
    rare = ("late", "duplicated", "reordered", "corrupt", "foreign", "unreachable")
    if told := [f"{count} {name}" for name in rare if (count := getattr(result, name))]:
        lines.append(", ".join(told))
    if None not in (times := (result.rtt_min, result.rtt_avg, result.rtt_max)):
        lines.append("round trip min/avg/max = " + "/".join(f"{1000 * (t or 0):.3f}" for t in times) + " ms")
    return "\n".join(lines)


def models(arguments: argparse.Namespace) -> int:
    """Run ``models``."""
    known = ws2echo.models()
    if arguments.json:
        print(json.dumps([info._asdict() for info in known], indent=2))
        return 0
    print(table_row("NAME", "FAMILY", "CALLS", "LIMITS"))
    for info in known:
        print(table_row(info.name, info.family, info.calls, info.limits))
    return 0


def _bounds(parameter: FaultParameter) -> str:
    """What a parameter takes: ``latency=0 milliseconds``, with its default, or a word for that."""
    default = parameter.default
    value = "REQUIRED" if parameter.required else "any" if default is None else f"{default:g}"
    return f"{parameter.name}={value} {parameter.unit}".rstrip()


FAULTS_LEGEND = """
A rule is KIND[:NAME=VALUE,...][@CONDITION=VALUE,...], as in

  latency:latency=50,jitter=10    reset:at=100@every=3    drop:rate=0.1@peers=10.0.0.0/8

  stream        upstream, what the server receives; or downstream, what it sends: the default
  toxicity      0 to 1, default 1: of the connections (over UDP: datagrams) that conditions select
  first=N       only the first N connections that come after the rule
  every=N       only each N-th of them
  after_bytes   only after so many bytes of the connection
  after_ms      only after so many milliseconds of the connection
  probability   0 to 1: only so large a part of the connections, drawn before toxicity
  peers         only those from an address, or a range of them: 10.0.0.0/8, ::1

Several rules work in their order. What they draw depends on the seed: the same seed does the same.
--json tells what each parameter means, with its unit and range."""


def _takes(kind: FaultKind) -> str:
    own = [_bounds(parameter) for parameter in kind.parameters if not parameter.condition]
    own += ["stream"] if kind.streams else []
    own += ["toxicity"] if kind.selects else []
    conditions = [parameter.name for parameter in kind.parameters if parameter.condition]
    conditions += ["peers"] if kind.selects else []
    return ", ".join(own) + (f" @ {', '.join(conditions)}" if conditions else "")


def faults(arguments: argparse.Namespace) -> int:
    """Run ``faults``."""
    known = ws2echo.faults()
    if arguments.json:
        listed = [
            kind._asdict() | {"parameters": [parameter._asdict() for parameter in kind.parameters]}
            for kind in known
        ]
        print(json.dumps(listed, indent=2))
        return 0
    print(table_row("NAME", "OVER", "TAKES", "DOES", widths=FAULT_WIDTHS))
    for kind in known:
        over = ", ".join(OVER[protocol] for protocol in kind.protocols)
        print(table_row(kind.name, over, _takes(kind), kind.summary, widths=FAULT_WIDTHS))
    print(FAULTS_LEGEND)
    return 0


def table_row(*cells: str, widths: Sequence[int] = TABLE_WIDTHS) -> str:
    """A row of the table, each cell wrapped to its column's width."""
    columns = [textwrap.wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    rows = []
    for parts in itertools.zip_longest(*columns, fillvalue=""):
        padded = [f"{part:<{width}}" for part, width in zip(parts, widths, strict=True)]
        rows.append("  ".join(padded).rstrip())
    return "\n".join(rows)


def _run(parsed: argparse.Namespace) -> int:
    if parsed.command == "models":
        return models(parsed)
    if parsed.command == "faults":
        return faults(parsed)
    if parsed.command == "serve":
        return serve(parsed)
    if parsed.command in ("load", "compare"):
        from ws2echo import _load_command  # only here: the others have no use for it

        return _load_command.load(parsed) if parsed.command == "load" else _load_command.compare(parsed)
    _check_send(parsed)
    return send(parsed) if parsed.ping is None else ping(parsed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return _run(parsed)
    except ValueError as error:
        print(f"ws2echo: {error.strerror if isinstance(error, UsageError) else error}", file=sys.stderr)
        return WRONG_USAGE
    except EchoMismatchError as error:
        print(f"ws2echo: {error}", file=sys.stderr)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"ws2echo: {where}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("ws2echo: interrupted", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
