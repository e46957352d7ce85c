"""The C example programs do and print what the tutorial's do."""

import re
import socket
import time
from pathlib import Path

import abi
import pytest
from fixtures import OpenServer
from programs import LIMIT_S, Program, run

CLIENT_LINES = ["Bytes Sent: 14", "Bytes received: 14", "Connection closed"]


@pytest.fixture
def examples(build: Path) -> Path:
    return build / "examples"


def port_told(server: Program) -> int:
    return int(server.read_line().rsplit(":", 1)[1])


def test_server_and_client_hold_a_session(examples: Path) -> None:
    with Program(examples / "server.exe", 0, "--once") as server:
        port = port_told(server)
        status, lines, errors = run(examples / "client.exe", "localhost", port)
        assert (status, lines, errors) == (0, CLIENT_LINES, "")
        status, lines, errors = server.finish()
    assert (status, errors) == (0, "")
    assert lines[0] == f"Listening on 127.0.0.1:{port}"
    assert lines[-3:] == ["Bytes received: 14", "Bytes sent: 14", "Connection closed"]


def test_their_default_port_is_the_tutorials(examples: Path) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 27015)) == 0:
            pytest.skip("something else serves port 27015 on this machine")
    with Program(examples / "server.exe", "--once") as server:
        assert port_told(server) == 27015
        assert run(examples / "client.exe")[:2] == (0, CLIENT_LINES)
        assert server.finish()[0] == 0


def test_server_serves_one_after_the_other(examples: Path) -> None:
    with Program(examples / "server.exe", 0) as server:
        port = port_told(server)
        for _ in range(3):
            assert run(examples / "client.exe", "127.0.0.1", port)[:2] == (0, CLIENT_LINES)


def test_client_says_why_it_cannot_connect(examples: Path) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        status, lines, errors = run(examples / "client.exe", "127.0.0.1", port)
    assert (status, lines) == (1, [])
    assert f"127.0.0.1:{port}" in errors
    assert "WSAECONNREFUSED (10061)" in errors


def test_server_says_why_it_cannot_listen(examples: Path, open_server: OpenServer) -> None:
    status, lines, errors = run(examples / "server.exe", open_server().port)
    assert (status, lines) == (1, [])
    assert errors.startswith("bind 127.0.0.1:")


@pytest.mark.parametrize("argument", ["x", "--twice", "27015x"])
def test_server_tells_its_usage(examples: Path, argument: str) -> None:
    status, lines, errors = run(examples / "server.exe", argument)
    assert (status, lines, errors.splitlines()) == (2, [], ["usage: server [PORT] [--once]"])


LATENCIES = [f"Latency {percent:5.1f} %" for percent in (0, 50, 90, 99, 99.9, 100)]


@pytest.mark.parametrize("protocol", [abi.TCP, abi.UDP], ids=["tcp", "udp"])
def test_load_checks_and_times_what_comes_back(
    examples: Path, open_server: OpenServer, protocol: int
) -> None:
    server = open_server(protocol=protocol)
    options = ["--connections", 4, "--messages", 100, "--bytes", 1000, *(["--udp"] * (protocol == abi.UDP))]
    status, lines, errors = run(examples / "load.exe", "127.0.0.1", server.port, *options)
    assert (status, errors) == (0, "")
    assert re.fullmatch(r"Messages: 100 in \d+\.\d{3} s \(\d+ a second\)", lines[0])
    assert lines[1:4] == [
        "Bytes sent: 100000",
        "Bytes received: 100000",
        "Connections: 4 begun, 4 ended well",
    ]
    latencies = lines[-len(LATENCIES) :]
    assert [line.split(":")[0] for line in latencies] == LATENCIES
    times = [int(line.removesuffix(" us").split(": ")[1]) for line in latencies]
    assert times == sorted(times)
    assert lines[4 : -len(LATENCIES)] == ["Datagrams lost: 0"] * (protocol == abi.UDP)


def test_load_ends_after_its_time(examples: Path, open_server: OpenServer) -> None:
    options = ["--seconds", 1, "--rate", 100]
    port = open_server().port
    begun = time.monotonic()
    status, lines, errors = run(examples / "load.exe", "127.0.0.1", port, *options)
    took = time.monotonic() - begun
    assert (status, errors) == (0, "")
    messages, seconds = re.match(r"Messages: (\d+) in (\S+) s", lines[0]).groups()  # type: ignore[union-attr]
    assert took >= 1
    assert 0 < float(seconds) <= took, (
        "its rate counts until a byte moved last, so up to the last that was due"
    )
    assert 0 < int(messages) <= 110, "more than the rate"


def test_load_says_what_went_wrong(examples: Path) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        options = ["--connections", 1, "--messages", 1]
        status, lines, errors = run(examples / "load.exe", "127.0.0.1", unheard.getsockname()[1], *options)
    assert status == 1
    assert lines[0].startswith("Messages: 0 in ")
    assert errors == "connection 0: cannot connect: WSAECONNREFUSED (10061)\n"


def test_load_says_where_the_echo_is_wrong(examples: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        options = ["--connections", 1, "--messages", 1, "--bytes", 100]
        with Program(examples / "load.exe", "127.0.0.1", port, *options) as load:
            listener.settimeout(LIMIT_S)
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(LIMIT_S)
                data = bytearray()
                while len(data) < 100:
                    data += peer.recv(100)
                data[42] ^= 1
                peer.sendall(data)
                status, _, errors = load.finish()
    assert (status, errors) == (1, "connection 0: a wrong byte at offset 42\n")


@pytest.mark.parametrize(
    "arguments",
    [["127.0.0.1", "x"], ["a", "1", "2"], ["--twice", "2"], ["--messages"], ["--seconds", "1s"]],
    ids=" ".join,
)
def test_load_tells_its_usage(examples: Path, arguments: list[str]) -> None:
    status, lines, errors = run(examples / "load.exe", *arguments)
    assert (status, lines, errors[:20]) == (2, [], "usage: load [HOST [P")


def test_load_says_which_option_is_wrong(examples: Path) -> None:
    status, lines, errors = run(examples / "load.exe", "--connections", 0)
    assert (status, lines) == (1, [])
    assert "connections" in errors


def test_minimal(examples: Path) -> None:
    assert run(examples / "minimal.exe") == (0, ["3 bytes came back as they went"], "")
