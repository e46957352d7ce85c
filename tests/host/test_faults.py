"""How faults end connections, seen by sockets that are not Wine's but this system's own."""

import socket
import time

import pytest
from packages import LIMIT_S
from serving import models, serving


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)


def read_to_end(plain: socket.socket) -> bytes:
    """What came before FIN; a reset raises."""
    return b"".join(iter(lambda: plain.recv(16), b""))


@pytest.mark.parametrize("model", models())
def test_faults_end_connections_as_they_say(model: str) -> None:
    faults = ["reset:at=3@first=1", "fin:at=3@peers=127.0.0.0/8"]
    options = [option for fault in faults for option in ("--fault", fault)]
    with serving("--model", model, *options) as port:
        with connected(port) as first:
            first.sendall(b"hello")
            with pytest.raises(ConnectionResetError):
                read_to_end(first)
        with connected(port) as second:
            second.sendall(b"hello")
            assert read_to_end(second) == b"hel"


@pytest.mark.parametrize("model", models())
def test_an_idle_connection_is_reset(model: str) -> None:
    with serving("--model", model, "--fault", "reset_peer:timeout=200") as port, connected(port) as plain:
        began = time.monotonic()
        with pytest.raises(ConnectionResetError):
            plain.recv(1)
        assert time.monotonic() - began > 0.1


def test_refused_connections_are_reset() -> None:
    with serving("--fault", "refuse@first=2") as port:
        for _ in range(2):
            # The reset may come while connect still looks.
            with pytest.raises(ConnectionResetError), connected(port) as plain:
                plain.recv(1)
        with connected(port) as third:
            third.sendall(b"hello")
            assert third.recv(5) == b"hello"
