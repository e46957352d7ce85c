"""How to test a protocol of your own against a real echo server, with the pytest fixtures of ws2echo.

python -m pytest test_own_protocol.py

``FrameClient`` stands for your code. It puts each message into a frame: its length, then itself.
"""

import socket
import struct
from collections.abc import Callable

import pytest
import ws2echo


class FrameClient:
    """Your code: messages over TCP."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("localhost", port), timeout=30)
        self._file = self._socket.makefile("rb")

    def send(self, message: bytes) -> None:
        self._socket.sendall(struct.pack(">I", len(message)) + message)

    def receive(self) -> bytes:
        header = self._file.read(4)
        if len(header) < 4:
            raise ConnectionError("the connection ended between two frames")
        (size,) = struct.unpack(">I", header)
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.mark.parametrize("message", [b"", b"this is a test", bytes(range(256)) * 4096], ids=len)
def test_a_frame_comes_back(echo_server: ws2echo.Server, message: bytes) -> None:
    client = FrameClient(echo_server.port)
    client.send(message)
    assert client.receive() == message
    client.close()


def test_frames_survive_being_cut_to_pieces(make_echo_server: Callable[..., ws2echo.Server]) -> None:
    server = make_echo_server(echo_buffer_bytes=1)  # echoes byte by byte
    client = FrameClient(server.port)
    for message in (b"one", b"two", b"three"):
        client.send(message)
    assert [client.receive() for _ in range(3)] == [b"one", b"two", b"three"]
    client.close()


def test_a_server_that_is_full_is_an_error_not_a_hang(
    make_echo_server: Callable[..., ws2echo.Server],
) -> None:
    server = make_echo_server(connections_max=1)
    first = FrameClient(server.port)
    first.send(b"x")
    assert first.receive() == b"x"
    second = FrameClient(server.port)
    with pytest.raises(ConnectionError):
        second.receive()
    first.close()
    second.close()


def test_the_server_saw_the_client_leave_in_good_order(echo_server: ws2echo.Server) -> None:
    FrameClient(echo_server.port).close()
    closed = [event for event in iter_until_closed(echo_server) if event.kind == "closed"]
    assert closed[0].reason == "fin"


def iter_until_closed(server: ws2echo.Server) -> list[ws2echo.Event]:
    """The server's events up to the end of the first connection."""
    events = [server.next_event(timeout=30)]
    while events[-1].kind != "closed":
        events.append(server.next_event(timeout=30))
    return events
