"""The command line: python -m ws2echo."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ws2echo
from waiting import LIMIT_S, Task
from ws2echo import Server


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ws2echo", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT_S * 2,
        check=False,
    )


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
    assert run("send", "--port", str(server.port), "--file", str(tmp_path / "none")).returncode == 1


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
        ["send", "--size", "99999999999999"],
        ["send", "--host", "*"],
        ["serve", "--connections-max", "0"],
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
    for command in ([], ["serve"], ["send"]):
        done = run(*command, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith("usage: python -m ws2echo")
    assert "27015" in done.stdout


class Serving:
    """A server on the command line, in a process of its own, that gets Ctrl-C when its stdin ends."""

    SCRIPT = """if True:
        import _thread, sys, threading
        from ws2echo.__main__ import main
        threading.Thread(target=lambda: (sys.stdin.read(), _thread.interrupt_main()), daemon=True).start()
        sys.exit(main(["serve", "--port", "0", *sys.argv[1:]]))
    """

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.SCRIPT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.greeting = self.process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", self.greeting)
        assert found, self.greeting
        self.port = int(found.group(1))

    def ctrl_c(self) -> tuple[int, str, str]:
        out, err = self.process.communicate("", timeout=LIMIT_S)
        return self.process.returncode, out, err


def test_serve_tells_each_event_and_the_totals() -> None:
    serving = Serving()
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


def test_serve_drains_before_it_resets() -> None:
    serving = Serving("--drain", "0.1", "--quiet")
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


def test_serve_hands_its_options_on() -> None:
    serving = Serving("--connections-max", "1", "--family", "ipv4", "--nagle", "--idle-timeout", "30")
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
