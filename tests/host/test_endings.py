"""How connections end, seen by sockets that are not Wine's but this system's own."""

import socket

import pytest
from packages import LIMIT_S
from serving import models, serving


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
    with serving(duration_s=3) as port, connected(port) as plain:
        plain.sendall(b"x")
        assert plain.recv(1) == b"x"
        with pytest.raises(ConnectionResetError):
            plain.recv(1)
