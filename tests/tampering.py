"""An echo server of plain sockets that changes what it sends back, so that a load has something to find."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator

from plain import read_exactly
from waiting import LIMIT_S, Task

# What comes of the bytes that every connection sent: what goes back on each, in the same order.
Tamper = Callable[[list[bytes]], list[bytes]]


def flipped(place: int) -> Tamper:
    return lambda sent: [data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :] for data in sent]


def dropped(place: int, count: int) -> Tamper:
    return lambda sent: [data[:place] + data[place + count :] for data in sent]


def repeated(place: int, count: int) -> Tamper:
    return lambda sent: [data[:place] + data[place - count :] for data in sent]


def swapped(sent: list[bytes]) -> list[bytes]:
    return sent[::-1]


def cut(place: int) -> Tamper:
    return lambda sent: [data[:place] for data in sent]


def lengthened(sent: list[bytes]) -> list[bytes]:
    return [data + b"and more" for data in sent]


def first_difference(one: bytes, other: bytes) -> int:
    return next(place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)


class Tampered:
    """What the server saw and did. Filled in once it has answered."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sent: list[bytes] = []
        self.answered: list[bytes] = []


@contextlib.contextmanager
def tampering(tamper: Tamper, size: int, *, connections: int = 1, end: str = "fin") -> Iterator[Tampered]:
    """Within the block a server takes so many connections, reads so many bytes of each, and then answers.

    ``end``: after the answer it sends FIN and waits for the other's ("fin"), or resets ("reset").
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT_S)
        tampered = Tampered(listener.getsockname()[1])
        task = Task(_serve, listener, tamper, size, connections, end, tampered)
        try:
            yield tampered
        finally:
            task.result()


def _serve(
    listener: socket.socket, tamper: Tamper, size: int, connections: int, end: str, tampered: Tampered
) -> None:
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(listener.accept()[0]) for _ in range(connections)]
        for peer in peers:
            peer.settimeout(LIMIT_S)
        tampered.sent = [read_exactly(peer, size) for peer in peers]
        tampered.answered = tamper(tampered.sent)
        for peer, data in zip(peers, tampered.answered, strict=True):
            with contextlib.suppress(ConnectionError):  # the load ends a connection at its first wrong byte
                peer.sendall(data)
                _end(peer, end)


def _end(peer: socket.socket, end: str) -> None:
    if end == "reset":
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh", 1, 0))
        return
    peer.shutdown(socket.SHUT_WR)
    while peer.recv(65536):
        pass
