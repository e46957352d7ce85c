"""How connections end, seen by sockets that are not Wine's but this system's own."""

import socket
import subprocess
import threading

import pytest
from commands import Command
from packages import LIMIT_S, SOURCE
from serving import PYTHON, listening, models, serving


def connected(port: int, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port), timeout=LIMIT_S)


def read_to_end(plain: socket.socket) -> int:
    """How many bytes came before FIN; a reset raises."""
    return sum(map(len, iter(lambda: plain.recv(65536), b"")))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("model", models())
def test_fin_is_answered_with_fin_and_never_with_a_reset(model: str, host: str) -> None:
    with serving("--model", model) as port:
        for size in (0, 1, 300_000):
            for _ in range(20):
                with connected(port, host) as plain:
                    plain.sendall(bytes(size))
                    plain.shutdown(socket.SHUT_WR)
                    assert read_to_end(plain) == size
                    assert plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_linger_of_0_answers_fin_with_a_reset() -> None:
    with serving("--linger", "0") as port, connected(port) as plain:
        plain.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            plain.recv(1)


def test_an_idle_connection_is_reset() -> None:
    with (
        serving("--idle-timeout", "0.3") as port,
        connected(port) as plain,
        pytest.raises(ConnectionResetError),
    ):
        plain.recv(1)


def test_one_over_the_cap_gets_fin() -> None:
    with serving("--connections-max", "1") as port, connected(port) as first:
        first.sendall(b"x")
        assert first.recv(1) == b"x"
        for _ in range(20):
            with connected(port) as second:
                second.sendall(b"sent before the FIN was seen")
                assert second.recv(1) == b""
        first.shutdown(socket.SHUT_WR)
        assert first.recv(1) == b""
        with connected(port) as third:  # the place is free as soon as the FIN is to be seen
            third.sendall(b"x")
            assert third.recv(1) == b"x"


def test_stop_resets_what_is_left() -> None:
    command = [*PYTHON, "-c", Command.SCRIPT, "serve", "--port", "0"]
    with listening(command) as server, connected(server.port) as plain:
        plain.sendall(b"x")
        assert plain.recv(1) == b"x"
        server.end_input()  # which stands for Ctrl-C
        with pytest.raises(ConnectionResetError):
            plain.recv(1)


def echo_to_the_end(listener: socket.socket, endings: list[str]) -> None:
    plain, _ = listener.accept()
    with plain:
        plain.settimeout(LIMIT_S)
        try:
            while data := plain.recv(65536):
                plain.sendall(data)
            endings.append("fin")
        except ConnectionResetError:
            endings.append("reset")


@pytest.mark.parametrize(
    ("model", "option", "ending"),
    [
        ("iocp", [], "fin"),
        ("iocp", ["--reset"], "reset"),
        ("select", ["--reset"], "reset"),
        ("threads", ["--reset"], "reset"),
    ],
)
def test_a_load_ends_its_connections_as_it_is_told(model: str, option: list[str], ending: str) -> None:
    endings: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT_S)
        peers = [threading.Thread(target=echo_to_the_end, args=(listener, endings)) for _ in range(3)]
        for peer in peers:
            peer.start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [*PYTHON, "-m", "ws2echo", "load", address, "--connections", "3", "--messages", "6"]
        subprocess.run([*command, "--model", model, *option], cwd=SOURCE, check=True, timeout=LIMIT_S)
        for peer in peers:
            peer.join(LIMIT_S)
    assert endings == [ending] * 3
