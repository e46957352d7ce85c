"""docs/sdk-samples.md, line by line: its commands are run as they stand there, and what it says is checked.

At the end, what the samples made us think of and no other test shows for every model.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from ctypes import wintypes
from dataclasses import dataclass
from pathlib import Path

import abi
import handles
import pytest
import resources
import tampering
import ws2echo
from commands import Command, Serving, run
from fixtures import LOOPBACK, OpenClient, OpenServer, StartServing
from handles import Server
from plain import fill_up, payload, read_exactly, read_to_fin, send_and_shut_down
from programs import Program
from programs import run as run_program
from waiting import LIMIT_S, Task, wait_until

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "sdk-samples.md").read_text("utf-8")
COMMAND = ["python", "-m", "ws2echo"]
PORT_7 = 7

# ---- The page


def rows(*header: str) -> Iterator[list[str]]:
    """The rows of all tables of the page with this header."""
    inside = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")] if line.startswith("|") else []
        if cells == list(header):
            inside = True
        elif not cells:
            inside = False
        elif inside and set(line) - set("|- "):
            assert len(cells) == len(header), line
            yield cells


@dataclass(frozen=True)
class Sample:
    name: str
    commands: tuple[str, ...]

    @property
    def serve(self) -> str | None:
        """The first command that serves."""
        return next((command for command in self.commands if words(command)[:4] == [*COMMAND, "serve"]), None)


@dataclass(frozen=True)
class Claim:
    sample: str
    about: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.sample}: {self.about}"


def words(command: str) -> list[str]:
    return shlex.split(command)


def code(cell: str) -> tuple[str, ...]:
    """What stands in backticks."""
    return tuple(re.findall(r"`([^`]+)`", cell))


SAMPLES = {
    name: Sample(name, code(command)) for name, _, command in rows("sample", "what it shows", "the same here")
}
CLAIMS = [
    Claim(sample, about, code(tests))
    for sample, about, _, _, tests in rows("sample", "about", "there", "here", "for every model")
]


class Row:
    """A sample's row, with the server of its command running if it has one."""

    def __init__(self, sample: Sample, start_serving: StartServing, build: Path) -> None:
        self.sample = sample
        self.start_serving = start_serving
        self.build = build
        self._server: Serving | None = None

    @property
    def server(self) -> Serving:
        if self._server is None:
            assert self.sample.serve
            self._server = self.start_serving(*words(self.sample.serve)[4:])
        return self._server

    @property
    def port(self) -> int:
        return self.server.port

    def option(self, name: str) -> str:
        """The value that an option has in the command."""
        assert self.sample.serve
        found = words(self.sample.serve)
        return found[found.index(name) + 1]

    def sending(self, *options: str) -> list[str]:
        """The arguments of the sample's command `send` that has these options; over TCP unless one is
        --protocol.
        """
        for command in self.sample.commands:
            found = words(command)
            over_udp = "--protocol" in found
            if (
                found[:4] == [*COMMAND, "send"]
                and {*options} <= {*found}
                and over_udp == ("--protocol" in options)
            ):
                return found[3:]
        raise AssertionError(f"no command with {options}")

    def finish(self) -> None:
        """The server ends as it should, and each connection that it told of is closed."""
        if self._server:
            status, _, errors = self._server.ctrl_c()
            assert status == 0
            assert "Traceback" not in errors
            accepted = len(re.findall(r"connection \d+ accepted", errors))
            assert accepted == len(re.findall(r"connection \d+ closed", errors)), errors


Check = Callable[[Row], None]
CHECKS: dict[tuple[str, str], Check] = {}


def checks(about: str, *samples: str) -> Callable[[Check], Check]:
    """The function checks what the page says about this, of these samples."""

    def registered(check: Check) -> Check:
        CHECKS.update({(sample, about): check for sample in samples})
        return check

    return registered


@contextlib.contextmanager
def connected(port: int, host: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection((host, port), timeout=LIMIT_S) as plain:
        plain.settimeout(None)  # under Wine only a recv that blocks tells a reset from FIN
        yield plain


def assert_echoes(plain: socket.socket, data: bytes) -> None:
    plain.sendall(data)
    assert read_exactly(plain, len(data)) == data


def serves_all_at_once(port: int, count: int) -> None:
    """Many clients, none of which leaves before the others have come, and each with bytes of its own."""
    with contextlib.ExitStack() as stack:
        plains = [stack.enter_context(connected(port)) for _ in range(count)]
        for round_ in range(3):
            for index, plain in enumerate(plains):
                plain.sendall(payload(100 + 31 * index, seed=1000 * round_ + index))
            for index, plain in enumerate(plains):
                assert read_exactly(plain, 100 + 31 * index) == payload(
                    100 + 31 * index, seed=1000 * round_ + index
                )
        for plain in plains:
            plain.shutdown(socket.SHUT_WR)
            assert plain.recv(1) == b""


# ---- What it says of the servers


@checks("FIN", "iocp/iocpserver", "iocp/iocpserverex")
def fin_is_answered_with_fin(row: Row) -> None:
    with connected(row.port) as plain:
        data = payload(300_000)
        sending = Task(plain.sendall, data)
        assert read_exactly(plain, len(data)) == data
        sending.result()
        waiting = Task(plain.recv, 1)
        assert waiting.blocks()
        plain.shutdown(socket.SHUT_WR)
        assert waiting.result() == b""


@checks("processors", "iocp/iocpserver", "iocp/iocpserverex")
def as_many_workers_as_asked_for(row: Row) -> None:
    assert len(resources.threads_of(row.server.process_id)) > int(row.option("--workers"))
    serves_all_at_once(row.port, 100)


@checks("restart", "iocp/iocpserver", "iocp/iocpserverex")
def restarts_in_place(row: Row) -> None:
    port = row.port
    with connected(port) as leaving, connected(port) as staying:
        assert_echoes(leaving, b"before")
        assert_echoes(staying, b"before")
        row.server.ctrl_break()
        assert_echoes(leaving, b"meanwhile")
        leaving.shutdown(socket.SHUT_WR)
        assert leaving.recv(1) == b""
        totals = row.server.read_line()
        row.server.read_greeting()
        assert row.server.port == port
        with connected(port) as new:
            assert_echoes(new, b"after")
    assert totals.startswith("Connections: 2 accepted, 1 reset at the end.")


@checks("addresses", "iocp/iocpserver")
def on_each_loopback_address(row: Row) -> None:
    hosts = ["127.0.0.1", *(["::1"] if "[::1]" in row.server.greeting else [])]
    for host in hosts:
        with connected(row.port, host) as plain:
            assert_echoes(plain, b"x\0y")
    assert "0.0.0.0" not in row.server.greeting
    assert "[::]" not in row.server.greeting


@checks("silent clients", "iocp/iocpserverex")
def the_silent_hold_nobody_up(row: Row) -> None:
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(connected(row.port)) for _ in range(5 * int(row.option("--accepts-pending")))
        ]
        with connected(row.port) as late:
            assert_echoes(late, b"first data")
        assert_echoes(silent[0], b"and now a word")


@checks("NULs", "iocp/iocpserverex")
def nuls_in_the_first_chunk(row: Row) -> None:
    for first in (b"\0", b"\0\0leading", b"in the\0middle", b"trailing\0\0", bytes(1000)):
        with connected(row.port) as plain:
            send_and_shut_down(plain, first)
            assert read_to_fin(plain) == first


@checks("lengths", "overlap")
def answers_are_as_long_as_what_came(row: Row) -> None:
    for size in (1, 127, 128, 129, 1000, 100_000):
        with connected(row.port) as plain:
            sending = Task(send_and_shut_down, plain, payload(size, seed=size))
            assert read_to_fin(plain) == payload(size, seed=size)
            sending.result()


@checks("other clients' data", "overlap")
def nobody_gets_the_bytes_of_another(row: Row) -> None:
    """All of them in the middle of something: what moved a buffer now would show."""
    with contextlib.ExitStack() as stack:
        plains = [stack.enter_context(connected(row.port)) for _ in range(20)]
        for round_ in range(30):
            for index, plain in enumerate(plains):
                plain.sendall(b"%d of client %d\0" % (round_, index))
            for index, plain in reversed(list(enumerate(plains))):
                expected = b"%d of client %d\0" % (round_, index)
                assert read_exactly(plain, len(expected)) == expected


@checks("clients", "overlap", "simple/simples", "simple/simples_ioctl", "accept, with select")
def a_hundred_at_once(row: Row) -> None:
    serves_all_at_once(row.port, 100)


@checks("finished sockets", "overlap")
def each_is_closed_when_it_ends(row: Row) -> None:
    for _ in range(40):
        with connected(row.port) as plain:
            send_and_shut_down(plain, b"x")
            assert read_to_fin(plain) == b"x"
    wait_until(
        lambda: sum("closed: fin" in line for line in row.server.error_lines()) == 40, "40 connections closed"
    )


@checks("echo", "wsapoll")
def every_byte_that_came(row: Row) -> None:
    done = subprocess.run(
        [sys.executable, *words(row.sample.commands[0])[1:]],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        stdin=subprocess.PIPE,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "b'012\\x00xyz'\n", "")
    with connected(row.port) as plain:
        for index in range(100):
            assert_echoes(plain, b"\0%d" % index)


@checks("errors", "wsapoll")
@checks("a reset by a client", "simple/simples")
def a_reset_ends_that_connection(row: Row) -> None:
    with connected(row.port) as staying:
        assert_echoes(staying, b"before")
        for _ in range(3):
            with ws2echo.Client(row.port, "127.0.0.1", linger=0) as leaving:
                leaving.echo(b"x")
        wait_until(
            lambda: sum("closed: reset" in line for line in row.server.error_lines()) == 3,
            "3 resets were told",
        )
        assert_echoes(staying, b"after")


@checks("a refused connect", "wsapoll")
def told_as_what_it_is(row: Row) -> None:
    """With a timeout of a minute, which is another error."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = str(unheard.getsockname()[1])
        done = run(*row.sending("--timeout"), "--host", "127.0.0.1", "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert "WSAECONNREFUSED" in done.stderr


@checks("long datagrams", "simple/simples")
def any_datagram_is_answered(row: Row) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.settimeout(LIMIT_S)
        for size in (0, 4096, 4097, 65_507, 1):
            plain.sendto(payload(size, seed=size), ("127.0.0.1", row.port))
            assert plain.recvfrom(70_000) == (payload(size, seed=size), ("127.0.0.1", row.port))
    limited = row.start_serving(*words(str(row.sample.serve))[4:], "--echo-buffer-bytes", "1000")
    with ws2echo.Client(limited.port, "127.0.0.1", protocol="udp") as client:
        client.send(bytes(1001))
        assert client.echo(b"the next one") == b"the next one"


@checks("exit status", "simple/simples")
def a_server_that_cannot_listen(row: Row) -> None:
    assert row.sample.serve
    done = run(*words(row.sample.serve)[3:], "--port", str(row.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert "WSAEADDRINUSE" in done.stderr


@checks("a send that took only a part", "simple/simples_ioctl")
@checks("the rest of an answer", "accept, with select")
def sent_to_its_end(row: Row) -> None:
    """The peer sends all it has before it begins to read, and nothing after: what is left comes by itself."""
    with connected(row.port) as plain:
        data = payload(1_000_000)
        sending = Task(send_and_shut_down, plain, data)
        sending.blocks()
        assert read_to_fin(plain) == data
        sending.result()


@checks("a peer that does not read", "accept, with select", "accept, with WSAAsyncSelect")
def delays_no_one(row: Row) -> None:
    with connected(row.port) as stuck:
        filling = Task(fill_up, stuck)
        for index in range(20):
            with connected(row.port) as plain:
                assert_echoes(plain, payload(10_000, seed=index))
        filling.result()
        with connected(row.port) as plain:
            assert_echoes(plain, b"still")


@checks("giving up", "accept, with select")
def reset_after_the_send_timeout(row: Row) -> None:
    with connected(row.port) as stuck, connected(row.port) as silent:
        fill_up(stuck)
        wait_until(
            lambda: any("closed: timeout" in line for line in row.server.error_lines()), "it was reset"
        )
        assert_echoes(silent, b"who owes nothing stays")


# A window station of its own, which shows nothing on any screen, as that of a service.
WITHOUT_DESKTOP = """if True:
    import ctypes
    user32 = ctypes.WinDLL("user32", use_last_error=True)
    for function in (user32.CreateWindowStationW, user32.CreateDesktopW, user32.GetProcessWindowStation):
        function.restype = ctypes.c_void_p
    station = ctypes.c_void_p(user32.CreateWindowStationW(None, 0, 0x37F, None))
    assert station and user32.SetProcessWindowStation(station), ctypes.get_last_error()
    assert user32.CreateDesktopW("none", None, None, 0, 0x1FF, None), ctypes.get_last_error()
    flags = (ctypes.c_ulong * 3)()
    asked = ctypes.c_void_p(user32.GetProcessWindowStation()), 1, flags, ctypes.sizeof(flags), None
    assert user32.GetUserObjectInformationW(*asked), ctypes.get_last_error()
    assert not flags[2] & 1, "the window station is visible"
"""


@checks("a desktop", "accept, with WSAAsyncSelect")
def none_is_needed(row: Row) -> None:
    assert row.sample.serve
    server = row.start_serving(*words(row.sample.serve)[4:], before=WITHOUT_DESKTOP)
    serves_all_at_once(server.port, 20)


# ---- What it says of the client


@contextlib.contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server for one client: its port."""

    def serve() -> None:
        with listener.accept()[0] as peer:
            answer(peer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT_S)
        serving = Task(serve)
        yield listener.getsockname()[1]
        serving.result()


def send_to(row: Row, port: int, *options: str, host: str = "127.0.0.1") -> subprocess.CompletedProcess[str]:
    return run(*row.sending("--count", *options), "--host", host, "--port", str(port))


@checks("an answer in pieces", "simple/simplec")
def read_to_its_end(row: Row) -> None:
    def byte_by_byte(peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := peer.recv(100):
            for byte in data:
                peer.sendall(bytes([byte]))

    with answering(byte_by_byte) as port:
        done = send_to(row, port)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Bytes sent: 1400", "Bytes received: 1400", "Connection closed"]


@checks("a wrong answer", "simple/simplec")
def the_first_wrong_byte(row: Row) -> None:
    def wrong(peer: socket.socket) -> None:
        data = bytearray(read_exactly(peer, 14))
        data[9] ^= 1
        peer.sendall(data)
        peer.recv(1)

    with answering(wrong) as port:
        done = send_to(row, port)
    assert (done.returncode, done.stdout) == (1, "")
    assert "byte 9 of 14" in done.stderr


@checks("a wrong byte", "iocp/iocpclient")
def wherever_it_is(row: Row) -> None:
    (command,) = row.sample.commands
    sizes = ("--sizes", "1000", "--messages", "1", "--connections", "1")
    with tampering.tampering(tampering.flipped(500), 1000) as tampered:
        done = run(*loading(command, f"127.0.0.1:{tampered.port}"), *sizes)
    assert done.returncode == 1
    assert "connection 0, offset 500: corrupt" in done.stdout


def loading(command: str, target: str) -> list[str]:
    """The arguments of a command `load`, of another server."""
    return ["load", target, *words(command)[5:]]


@checks("nobody answers", "simple/simplec")
def a_timeout(row: Row) -> None:
    """TCP and UDP at the same time, for each takes its time."""
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent,
    ):
        silent.bind(("127.0.0.1", 0))
        tasks = [
            Task(send_to, row, deaf.getsockname()[1]),
            Task(send_to, row, silent.getsockname()[1], "--protocol"),
        ]
        for task in tasks:
            done = task.result(2 * LIMIT_S)
            assert (done.returncode, done.stdout) == (1, "")
            assert "WSAETIMEDOUT" in done.stderr


@checks("exit status", "simple/simplec")
def of_the_client(row: Row) -> None:
    with ws2echo.Server() as server:
        assert send_to(row, server.port).returncode == 0
        port = server.port
    assert send_to(row, port).returncode == 1
    assert send_to(row, 0).returncode == 2


@checks("addresses", "simple/simplec")
def each_of_the_name(row: Row) -> None:
    for address in {
        str(info[4][0]) for info in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
    }:
        with ws2echo.Server(address, protocol="both") as server:
            assert send_to(row, server.port, host="localhost").returncode == 0


@checks("the loop", "simple/simplec")
def so_often_or_until_ctrl_c(row: Row) -> None:
    with ws2echo.Server(protocol="both") as server:
        port = str(server.port)
        for protocol in ([], ["--protocol"]):
            done = run(*row.sending("--count", *protocol), "--port", port)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.splitlines()[:2] == ["Bytes sent: 1400", "Bytes received: 1400"]
        assert server.stats.datagrams_received == 100
        with Command(*row.sending("--forever"), "--port", port) as sending:
            wait_until(lambda: server.stats.bytes_received > 10_000, "it goes on")
            status, out, errors = sending.ctrl_c()
        assert (status, errors, out.splitlines()[-1]) == (0, "", "Connection closed")
        server.drain(LIMIT_S)
        assert server.stats.connections_closed[ws2echo.Reason.FIN] == 2


# ---- What it says of the others


def need_port_7(hosts: list[str]) -> None:
    """Skips the test if something of this machine has the port, or does not let us have it."""
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as probe:
                try:
                    probe.bind((host, PORT_7))
                except OSError as error:
                    pytest.skip(f"port 7 of {host} cannot be had: {error}")


def stream_comes_back(host: str, port: int) -> None:
    """RFC 862: any data received is sent back, until the calling user terminates the connection."""
    with connected(port, host) as plain:
        for data in (b"a line\r\n", b"\0", payload(5000)):
            assert_echoes(plain, data)
        plain.shutdown(socket.SHUT_WR)
        assert plain.recv(1) == b""


def datagrams_come_back(host: str, port: int) -> None:
    """RFC 862: the data of a datagram is sent back in an answering datagram."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.settimeout(LIMIT_S)
        for data in (b"a line\r\n", b"", b"\0", payload(5000)):
            plain.sendto(data, (host, port))
            came, source = plain.recvfrom(10_000)
            assert (came, source[:2]) == (data, (host, port))


@checks("TCP", "RFC 862")
def tcp_port_7(row: Row) -> None:
    need_port_7(["127.0.0.1", "::1"])
    assert row.port == PORT_7
    stream_comes_back("127.0.0.1", row.port)
    done = run(*row.sending())
    assert done.stdout.splitlines() == ["Bytes sent: 14", "Bytes received: 14", "Connection closed"]


@checks("UDP", "RFC 862")
def udp_port_7(row: Row) -> None:
    need_port_7(["127.0.0.1", "::1"])
    assert row.port == PORT_7
    datagrams_come_back("127.0.0.1", row.port)
    done = run(*row.sending("--protocol"))
    assert done.stdout.splitlines() == ["Bytes sent: 14", "Bytes received: 14"]


@checks("its client", "the Winsock tutorial")
def the_tutorials_client(row: Row) -> None:
    for program in ("tests/plain_client.exe", "examples/client.exe"):
        status, lines, errors = run_program(row.build / program, "localhost", row.port)
        assert (status, errors) == (0, "")
        assert lines == ["Bytes Sent: 14", "Bytes received: 14", "Connection closed"]


@checks("its server", "the Winsock tutorial")
def the_tutorials_server(row: Row) -> None:
    with Program(row.build / "tests" / "plain_server.exe", "127.0.0.1", 0) as peer:
        port = peer.read_line().rsplit(" ", 1)[1]
        done = run(*row.sending(), "--port", port)
        status, lines, errors = peer.finish()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Bytes sent: 14", "Bytes received: 14", "Connection closed"]
    assert (status, errors, lines[-1]) == (0, "", "Connection closing...")


# ---- The page is run


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_what_the_page_says(claim: Claim, start_serving: StartServing, build: Path) -> None:
    row = Row(SAMPLES[claim.sample], start_serving, build)
    CHECKS[claim.sample, claim.about](row)
    row.finish()


OTHER_COMMANDS = [
    command for sample in SAMPLES.values() for command in sample.commands if command != sample.serve
]


@pytest.mark.parametrize("command", OTHER_COMMANDS)
def test_every_command_works(command: str, start_serving: StartServing) -> None:
    """The servers of the rows are tested above; here the rest."""
    found = words(command)
    assert found[0] == "python"
    if found[:3] != COMMAND:
        done = subprocess.run(
            [sys.executable, *found[1:]], stdin=subprocess.PIPE, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 0
    elif found[3] == "serve":
        serving = start_serving(*found[4:])
        host = "::1" if "ipv6" in found else "127.0.0.1"
        with ws2echo.Client(serving.port, host, protocol=found[found.index("--protocol") + 1]) as client:
            assert client.echo(b"x") == b"x"
        assert serving.ctrl_c()[0] == 0
    elif found[3] == "load":
        with ws2echo.Server(model="iocp") as server:
            loaded = run(*loading(command, str(server.port)))
        assert loaded.returncode == 0, loaded.stdout
        assert "64 ended well, 0 with a problem" in loaded.stdout
    else:
        with (
            ws2echo.Server(protocol="both") as server,
            Command(*found[3:], "--port", str(server.port)) as sending,
        ):
            if "--forever" in found:
                wait_until(lambda: server.stats.bytes_received > 1000, "it goes on")
                sending.end_input()
            status, lines, errors = sending.finish()
            assert (status, errors) == (0, "")
            assert lines[0].startswith("Bytes sent: ")


def test_every_row_has_its_check() -> None:
    assert len(SAMPLES) == 12
    told = [(claim.sample, claim.about) for claim in CLAIMS]
    assert len(told) == len(set(told)), "a line is there twice"
    assert set(told) == set(CHECKS)
    assert {sample for sample, _ in told} == set(SAMPLES)
    assert all(sample.commands for sample in SAMPLES.values())


def test_the_tests_that_it_names_exist() -> None:
    for claim in CLAIMS:
        assert claim.tests, f"{claim} names none"
        for test in claim.tests:
            file, _, name = test.partition("::")
            assert re.search(rf"^def {name}\(", (TESTS / file).read_text("utf-8"), re.MULTILINE), test


# ---- For every model


def test_restart_in_place(model: int, host: str) -> None:
    """Connections are open, and some have just ended, when the port is given up and taken again."""
    with Server(model=model) as first:
        port = first.port
        addresses = first.addresses
    for _ in range(5):
        with Server(model=model, port=port) as server:
            assert server.addresses == addresses
            with (
                connected(port, host) as ended,
                connected(port, host) as reset,
                connected(port, host) as silent,
            ):
                send_and_shut_down(ended, b"x")
                assert read_to_fin(ended) == b"x"
                assert_echoes(reset, b"y")
                wait_until(lambda server=server: server.stats.connections_accepted == 3, "all are accepted")  # type: ignore[misc]
                assert server.stop() == 2
                with Server(model=model, port=port) as successor, connected(port, host) as new:
                    assert_echoes(new, b"served anew")
                    assert successor.addresses == addresses
                    assert silent.fileno() != new.fileno()


def test_finished_sockets_are_closed(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str
) -> None:
    """While the server goes on: its sockets are as many as before those clients came."""
    server = open_server(model=model)
    with open_client(server.port, host=host) as first:
        first.echo(b"what is made once is made")
    wait_until(lambda: server.stats.connections_current == 0, "it has gone")
    before = len(resources.holdings().sockets)
    for linger in (-1, 0):
        clients = [open_client(server.port, host=host, linger_s=linger) for _ in range(20)]
        for client in clients:
            client.echo(b"x")
            client.close()
    wait_until(lambda: len(resources.holdings().sockets) <= before, "their sockets are closed")
    assert server.stats.connections_accepted == 41


def test_rfc_862_on_port_7(model: int, family: str, host: str) -> None:
    need_port_7([host])
    numbers = {"ipv4": abi.IPV4, "ipv6": abi.IPV6}
    with Server(model=model, protocol=abi.TCP_AND_UDP, port=PORT_7, family=numbers[family]) as server:
        assert server.addresses == [(LOOPBACK[family], PORT_7)]
        stream_comes_back(host, PORT_7)
        datagrams_come_back(host, PORT_7)


user32 = ctypes.WinDLL("user32")
EnumWindowsCallback = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
user32.GetWindowThreadProcessId.argtypes = (wintypes.HWND, ctypes.POINTER(wintypes.DWORD))
user32.FindWindowExW.argtypes = (wintypes.HWND, wintypes.HWND, wintypes.LPCWSTR, wintypes.LPCWSTR)
user32.FindWindowExW.restype = wintypes.HWND
HWND_MESSAGE = wintypes.HWND(-3)


def is_ours(window: int | None) -> bool:
    process = wintypes.DWORD()
    user32.GetWindowThreadProcessId(window, ctypes.byref(process))
    return process.value == os.getpid()


def top_level_windows() -> list[int]:
    found: list[int] = []

    def enumerate_one(window: int, _: int) -> bool:
        if is_ours(window):
            found.append(window)
        return True

    user32.EnumWindows(EnumWindowsCallback(enumerate_one), 0)
    return found


def message_only_windows() -> list[int]:
    found: list[int] = []
    window = None
    while window := user32.FindWindowExW(HWND_MESSAGE, window, None, None):
        if is_ours(window):
            found.append(window)
    return found


def test_no_window_can_be_seen(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    """Only the model async has windows at all: one that receives messages for each worker."""
    before = message_only_windows()
    is_async = handles.models()[model].name == b"async"
    server = open_server(model=model, **({"workers": 3} if is_async else {}))
    assert open_client(server.port).echo(b"x")[0] == b"x"
    assert top_level_windows() == []
    assert len(message_only_windows()) - len(before) == (3 if is_async else 0)
    server.close()
    assert message_only_windows() == before
