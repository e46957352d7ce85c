"""What the tests do with plain sockets of Python, and the bytes that they send."""

from __future__ import annotations

import random
import socket


def payload(size: int, seed: int = 0) -> bytes:
    """Bytes of every value, NULs among them; the same for the same arguments."""
    data = bytearray(random.Random(seed).randbytes(size))
    data[::97] = bytes(len(data[::97]))
    return bytes(data)


def read_to_fin(plain: socket.socket) -> bytes:
    """All bytes until FIN; a reset raises ConnectionResetError."""
    return b"".join(iter(lambda: plain.recv(65536), b""))


def read_exactly(plain: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = plain.recv(size - len(data))
        assert piece, f"FIN after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def send_and_shut_down(plain: socket.socket, data: bytes) -> None:
    plain.sendall(data)
    plain.shutdown(socket.SHUT_WR)


def fill_up(plain: socket.socket) -> None:
    """Send, and never read, until neither side can take more."""
    plain.settimeout(2.0)
    try:
        while True:
            plain.send(bytes(262144))
    except TimeoutError:
        plain.settimeout(None)
