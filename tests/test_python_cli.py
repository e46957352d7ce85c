"""The command line: python -m ws2echo."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
import ws2echo
import ws2echo.__main__ as command_line
from commands import Command, run
from fixtures import StartServing
from waiting import LIMIT_S, Task, wait_until
from ws2echo import Server
from ws2echo.__main__ import main, summary, table_row


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as opened:
        yield opened


def test_send_says_what_the_tutorial_says(server: Server) -> None:
    done = run("send", "--port", str(server.port))
    assert done.stdout.splitlines() == ["Bytes sent: 14", "Bytes received: 14", "Connection closed"]
    assert (done.returncode, done.stderr) == (0, "")
    server.drain(LIMIT_S)
    assert server.stats.connections_closed[ws2echo.Reason.FIN] == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "size"),
    [
        (["hello"], "", 5),
        (["--size", "100000"], "", 100000),
        (["--size", "0"], "", 0),
        (["-"], "piped", 5),
        (["x", "--count", "7", "--host", "127.0.0.1", "--family", "ipv4"], "", 7),
    ],
)
def test_send_sends(server: Server, arguments: list[str], stdin: str, size: int) -> None:
    done = run("send", "--port", str(server.port), *arguments, stdin=stdin)
    assert done.stdout.splitlines()[:2] == [f"Bytes sent: {size}", f"Bytes received: {size}"]
    assert (done.returncode, done.stderr) == (0, "")


def test_send_sends_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(range(256)))
    done = run("send", "--port", str(server.port), "--file", str(tmp_path / "data"))
    assert done.stdout.startswith("Bytes sent: 256\n")
    assert run("send", "--port", str(server.port), "--file", str(tmp_path / "none")).returncode == 2


def test_send_to_nobody() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = run("send", "--host", "127.0.0.1", "--port", str(unused.getsockname()[1]))
    assert (done.returncode, done.stdout) == (1, "")
    assert "WSAECONNREFUSED" in done.stderr
    assert "Traceback" not in done.stderr


def test_send_to_a_bad_echo() -> None:
    def answer(listener: socket.socket) -> None:
        with listener.accept()[0] as peer:
            peer.recv(14, socket.MSG_WAITALL)
            peer.sendall(b"this is a jest")
            peer.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = Task(answer, listener)
        done = run("send", "--host", "127.0.0.1", "--port", str(listener.getsockname()[1]))
        task.result()
    assert done.returncode == 1
    assert "byte 10 of 14" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["send", "--count", "0"],
        ["send", "--size", "-1"],
        ["send", "--size", "x"],
        ["send", "--port", "0"],
        ["send", "--port", "-1"],
        ["send", "--timeout", "-1"],
        ["serve", "--model", "magic"],
        ["serve", "--port", "65536"],
        ["serve", "--port", "0", "--duration", "-1"],
        ["serve", "--port", "0", "--duration", "nan"],
        ["serve", "--port", "0", "--drain", "-1"],
        ["serve", "--port", "0", "--drain", "5000000"],
        ["send", "--size", "99999999999999"],
        ["send", "--host", "*"],
        ["serve", "--connections-max", "0"],
        ["serve", "--protocol", "ip"],
        ["serve", "--accept", "maybe"],
        ["serve", "--port", "0", "--fault", "drop"],
        ["serve", "--port", "0", "--workers", "257"],
        ["serve", "--port", "0", "--workers", "-1"],
        ["send", "--protocol", "both"],
        ["send", "--ping", "0"],
        ["send", "--ping", "3", "--protocol", "tcp"],
        ["send", "--ping", "3", "--count", "2"],
        ["send", "--ping", "3", "--forever"],
        ["send", "--count", "3", "--forever"],
        ["send", "--ping", "3", "hello"],
        ["send", "--window", "2"],
        ["send", "--ping", "3", "--interval", "-1"],
        ["models", "--model", "threads"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_version() -> None:
    assert run("--version").stdout == f"ws2echo {ws2echo.__version__}\n"
    for command in ([], ["serve"], ["send"], ["models"]):
        done = run(*command, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith("usage: python -m ws2echo")
    assert "27015" in run("send", "--help").stdout


def test_serve_tells_each_event_and_the_totals(start_serving: StartServing) -> None:
    serving = start_serving()
    with ws2echo.Client(serving.port) as client:
        client.echo(b"this is a test")
        client.shutdown()
        assert client.recv() == b""
    status, out, err = serving.ctrl_c()
    assert status == 0
    assert out.splitlines() == ["Connections: 1 accepted, 0 reset at the end. Bytes: 14 received, 14 sent."]
    assert "connection 1 accepted from" in err
    assert "connection 1 closed: fin, 14 bytes received, 14 bytes sent" in err
    assert "Traceback" not in err


def test_no_event_is_lost_to_ctrl_c(start_serving: StartServing) -> None:
    """Pressed while events come all the time: each one is told, and once."""
    for _ in range(3):
        serving = start_serving()
        for _ in range(20):
            ws2echo.Client(serving.port).close()
        status, _, err = serving.ctrl_c()
        assert status == 0
        told = [int(number) for number in re.findall(r"connection (\d+) closed", err)]
        assert sorted(told) == list(range(1, 1 + err.count(" accepted from ")))


def test_serve_drains_before_it_resets(start_serving: StartServing) -> None:
    serving = start_serving("--drain", "0.1", "--quiet")
    with ws2echo.Client(serving.port) as client:
        client.echo(b"x")
        status, out, err = serving.ctrl_c()
    assert status == 0
    assert "Connections: 1 accepted, 1 reset" in out
    assert "accepted" not in err


def test_serve_for_a_while() -> None:
    done = run("serve", "--port", "0", "--duration", "0.3")
    assert done.returncode == 0
    assert "listening on 127.0.0.1:" in done.stdout
    assert "Connections: 0 accepted" in done.stdout
    assert "listening on" in done.stderr


def test_serve_on_a_busy_port(server: Server) -> None:
    done = run("serve", "--port", str(server.port))
    assert done.returncode == 1
    assert str(server.port) in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_hands_its_options_on(start_serving: StartServing) -> None:
    serving = start_serving("--connections-max", "1", "--family", "ipv4", "--nagle", "--idle-timeout", "30")
    with (
        ws2echo.Client(serving.port, "127.0.0.1") as first,
        ws2echo.Client(serving.port, "127.0.0.1") as second,
    ):
        first.echo(b"x")
        assert second.recv() == b""
        first.shutdown()
        assert first.recv() == b""
    assert "[::1]" not in serving.greeting
    status, _, err = serving.ctrl_c()
    assert status == 0
    assert "connection 2 closed: cap" in err


def test_ctrl_break_restarts_on_the_same_port(start_serving: StartServing) -> None:
    """Who is still connected when the drain time is over is reset, and may connect again at once."""
    serving = start_serving("--drain", "0.1")
    port = serving.port
    for _ in range(2):
        with ws2echo.Client(port) as client:
            assert client.echo(b"before") == b"before"
            serving.ctrl_break()
            assert serving.read_line().startswith("Connections: 1 accepted, 1 reset at the end.")
            serving.read_greeting()
            assert serving.port == port
    status, out, err = serving.ctrl_c()
    assert (status, out.splitlines()) == (
        0,
        ["Connections: 0 accepted, 0 reset at the end. Bytes: 0 received, 0 sent."],
    )
    assert err.count("connection 1 closed: stopped") == 2
    assert err.count(f"listening on 127.0.0.1:{port}") == 3


def test_ctrl_break_and_the_duration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A restart does not make it longer. Here the key is pressed at once, whenever that is."""
    watch, deadlines = command_line._watch, []

    def pressed(server: Server, deadline: float, *others: Any) -> None:
        deadlines.append(deadline)
        if len(deadlines) == 1:
            signal.raise_signal(signal.SIGBREAK)
        watch(server, deadline, *others)

    monkeypatch.setattr(command_line, "_watch", pressed)
    before = time.monotonic()
    assert main(["serve", "--port", "0", "--duration", "0.5", "--quiet"]) == 0
    assert time.monotonic() - before >= 0.5
    assert deadlines == [deadlines[0]] * 2
    told = capsys.readouterr()
    assert (len(told.out.splitlines()), told.err) == (4, "")


def test_a_socket_of_udp_that_is_gone_is_told() -> None:
    with Server(protocol="udp") as server:
        listening = server.next_event(0)
    gone = replace(listening, kind=ws2echo.EventKind.CLOSED, reason=ws2echo.Reason.ERROR, error=10055)
    told = command_line.describe(replace(gone, time_us=1_500_000))
    assert told == f"     1.500 s  no longer serving {gone.local} over UDP: error 10055"


def test_the_counters_on_a_terminal_end_their_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What follows, the totals, would stand behind them."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["serve", "--port", "0", "--duration", "2"]) == 0  # it begins before the server is open
    told = capsys.readouterr().err
    assert told.startswith("\r0 connections now")
    assert told.endswith("\n")


@pytest.mark.parametrize(("protocol", "size"), [("tcp", 1_000_000), ("udp", 1000)])
def test_send_forever(protocol: str, size: int) -> None:
    """Until Ctrl-C; an echo that it cuts is read to its end."""
    with Server(protocol=protocol) as server:
        options = ("--port", str(server.port), "--protocol", protocol, "--size", str(size))
        with Command("send", "--forever", *options) as sending:
            wait_until(lambda: server.stats.bytes_received > 3 * size, "it goes on")
            status, out, err = sending.ctrl_c()
        told = out.splitlines()
        assert (status, err) == (0, "")
        sent = int(told[0].removeprefix("Bytes sent: "))
        wait_until(lambda: server.stats.bytes_received == sent, "the last datagram has come")
        if protocol == "tcp":
            assert told[1].removeprefix("Bytes received: ") == str(server.stats.bytes_sent)
            assert told[2] == "Connection closed"
            server.drain(LIMIT_S)
            assert server.stats.connections_closed[ws2echo.Reason.FIN] == 1


def test_models_tells_each_of_the_dll() -> None:
    done = run("models")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["NAME", "FAMILY", "CALLS", "LIMITS"]
    assert max(map(len, lines)) <= 100
    named = [line.split()[:2] for line in lines[1:] if not line.startswith(" ")]
    assert named == [[info.name, info.family] for info in ws2echo.models()]
    words = " ".join(done.stdout.split())
    assert all(
        info.calls.split()[0] in words and info.limits.split()[-1] in words for info in ws2echo.models()
    )


def test_models_as_json() -> None:
    done = run("models", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = [{**one, "accepts": tuple(one["accepts"])} for one in json.loads(done.stdout)]
    assert told == [info._asdict() for info in ws2echo.models()]


def test_a_row_of_the_table_is_wrapped_by_columns() -> None:
    row = table_row("name", "family", "word " * 20, "x" * 80)
    lines = row.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 100
    assert lines[0].split()[:3] == ["name", "family", "word"]
    assert "".join(lines).count("x") == 80
    assert [line.rstrip() for line in lines] == lines


@pytest.mark.parametrize("name", [info.name for info in ws2echo.models()])
def test_serve_serves_by_every_model(name: str, start_serving: StartServing) -> None:
    serving = start_serving("--model", name, "--accept", "wsaaccept")
    assert "over" not in serving.greeting
    with ws2echo.Client(serving.port) as client:
        assert client.echo(b"x") == b"x"
    status, out, err = serving.ctrl_c()
    assert status == 0
    assert out.startswith("Connections: 1 accepted")
    assert "over" not in err


def test_serve_says_what_a_model_does_not_offer() -> None:
    done = run("serve", "--port", "0", "--workers", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert "workers" in done.stderr
    assert "WSAEOPNOTSUPP" in done.stderr


# ---- UDP


def test_serve_and_send_over_udp(start_serving: StartServing) -> None:
    serving = start_serving("--protocol", "udp")
    assert "over UDP (Ctrl-C stops)" in serving.greeting
    port = str(serving.port)
    done = run("send", "--port", port, "--protocol", "udp", "--count", "3", "hello")
    assert done.stdout.splitlines() == ["Bytes sent: 15", "Bytes received: 15"]
    assert (done.returncode, done.stderr) == (0, "")
    assert run("send", "--port", port, "--protocol", "udp", "--size", "0").returncode == 0
    too_long = run("send", "--port", port, "--protocol", "udp", "--size", "70000")
    assert (too_long.returncode, too_long.stdout) == (1, "")
    assert "WSAEMSGSIZE" in too_long.stderr
    status, out, err = serving.ctrl_c()
    assert (status, out.splitlines()) == (
        0,
        ["Datagrams: 4 received, 4 sent. Bytes: 15 received, 15 sent."],
    )
    assert f"listening on 127.0.0.1:{port} over UDP" in err


def test_serve_both(start_serving: StartServing) -> None:
    serving = start_serving("--protocol", "both", "--family", "ipv4", "--no-udp-connreset")
    assert "over TCP and UDP (Ctrl-C stops)" in serving.greeting
    arguments = ("send", "--host", "127.0.0.1", "--port", str(serving.port))
    assert run(*arguments).stdout.endswith("Connection closed\n")
    assert run(*arguments, "--protocol", "udp").returncode == 0
    status, out, err = serving.ctrl_c()
    assert status == 0
    assert out.splitlines() == [
        "Connections: 1 accepted, 0 reset at the end. Datagrams: 1 received, 1 sent. "
        "Bytes: 28 received, 28 sent."
    ]
    assert [line.partition(":")[2].split(" ", 1)[1:] for line in err.splitlines()[:2]] == [[], ["over UDP"]]


def test_ping() -> None:
    with Server("127.0.0.1", protocol="udp") as server:
        arguments = ("send", "--host", "127.0.0.1", "--port", str(server.port))
        done = run(*arguments, "--ping", "20", "--size", "500", "--window", "4", "--interval", "0.001")
        assert server.stats.bytes_received == 20 * 500
    lines = done.stdout.splitlines()
    assert lines[0] == f"--- 127.0.0.1:{server.port} ---"
    assert lines[1].startswith("20 datagrams sent, 20 received, 0 lost (0.0%), ")
    assert re.fullmatch(r"round trip min/avg/max = \d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3} ms", lines[-1])
    assert (done.returncode, done.stderr, len(lines)) == (0, "", 3)


def test_ping_of_somebody_silent() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        arguments = ("--ping", "2", "--reply-timeout", "0.1", "--protocol", "udp")
        done = run("send", "--host", "127.0.0.1", "--port", str(port), *arguments)
    assert done.stdout.splitlines()[1].startswith("2 datagrams sent, 0 received, 2 lost (100.0%), ")
    assert "round trip" not in done.stdout
    assert (done.returncode, done.stderr) == (1, "")


def test_ping_with_values_that_cannot_be() -> None:
    with Server(protocol="udp") as server:
        for value in (("--size", "15"), ("--window", "1025"), ("--reply-timeout", "0")):
            done = run("send", "--port", str(server.port), "--ping", "2", *value)
            assert (done.returncode, done.stdout) == (2, "")
            assert "WSAEINVAL" in done.stderr


PINGED = ws2echo.PingResult(8, 6, 2, 0, 0, 0, 0, 0, 0, 0.0001, 0.0025, 1.5, 2.25)


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        (
            PINGED,
            [
                "--- host ---",
                "8 datagrams sent, 6 received, 2 lost (25.0%), 2.250 s",
                "round trip min/avg/max = 0.100/2.500/1500.000 ms",
            ],
        ),
        (
            replace(PINGED, late=1, duplicated=2, corrupt=3, rtt_min=None, rtt_avg=None, rtt_max=None),
            [
                "--- host ---",
                "8 datagrams sent, 6 received, 2 lost (25.0%), 2.250 s",
                "1 late, 2 duplicated, 3 corrupt",
            ],
        ),
    ],
)
def test_the_summary_of_a_ping(result: ws2echo.PingResult, lines: list[str]) -> None:
    assert summary("host", result).splitlines() == lines


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 0),
        ({"late": 1, "reordered": 1, "foreign": 1, "unreachable": 1}, 0),
        ({"lost": 1}, 1),
        ({"corrupt": 1}, 1),
        ({"duplicated": 1}, 1),
    ],
    ids=str,
)
def test_the_exit_status_of_a_ping(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changed: dict[str, int], status: int
) -> None:
    asked: list[object] = []

    class Pinging:
        peer_address = ws2echo.Address("::1", 7)

        def __init__(self, *arguments: object, **options: object) -> None:
            asked.append((*arguments, options["protocol"], options["connect_timeout"]))

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def ping(self, *arguments: object, **options: object) -> ws2echo.PingResult:
            asked.append((arguments, options))
            return replace(PINGED, **{"lost": 0, **changed})

    monkeypatch.setattr(command_line, "Client", Pinging)
    assert main(["send", "--ping", "8", "--port", "7", "--size", "32", "--window", "2"]) == status
    assert asked == [(7, "localhost", "udp", 10.0), ((8,), {"window": 2, "datagram_bytes": 32})]
    assert capsys.readouterr().out.startswith("--- [::1]:7 ---\n8 datagrams sent")


def test_a_ping_that_is_interrupted_tells_what_there_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(client: ws2echo.Client, count: int) -> None:
        stopped = KeyboardInterrupt()
        vars(stopped)["result"] = PINGED
        raise stopped

    monkeypatch.setattr(ws2echo.Client, "ping", interrupted)
    monkeypatch.setattr(command_line, "_client", lambda arguments, protocol: ws2echo.Client(arguments.port))
    with Server() as server:
        assert main(["send", "--port", str(server.port), "--ping", "9"]) == 1
    told = capsys.readouterr()
    assert "8 datagrams sent, 6 received" in told.out
    assert told.err == "ws2echo: interrupted\n"
