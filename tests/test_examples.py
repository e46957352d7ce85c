"""The C example programs do and print what the tutorial's do."""

import socket
from pathlib import Path

import pytest
from fixtures import OpenServer
from programs import Program, run

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


def test_minimal(examples: Path) -> None:
    assert run(examples / "minimal.exe") == (0, ["3 bytes came back as they went"], "")
