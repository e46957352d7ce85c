"""Whether a server echoes, seen by sockets of this system: what a server must do before its speed counts."""

from __future__ import annotations

import select
import socket
import struct
from contextlib import ExitStack

HOST = "127.0.0.1"
LIMIT_S = 60.0
AT_ONCE = 70
"""More than the 64 objects that one wait of Windows takes."""
STALLED_S = 0.5
FLOOD_BYTES = 64 * 1024 * 1024
DATAGRAM_TRIES = 5
DATAGRAM_LIMIT_S = 5.0


class WrongEchoError(Exception):
    """What came back is not what was sent."""


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def _connected(port: int) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=LIMIT_S)


def _expect(got: bytes, wanted: bytes, what: str) -> None:
    if got != wanted:
        raise WrongEchoError(f"{what}: {len(got)} bytes came back for {len(wanted)}, or others")


def _read(plain: socket.socket, size: int) -> bytes:
    """As many bytes, fewer only when FIN comes first; a reset raises."""
    data = bytearray()
    while len(data) < size and (more := plain.recv(min(size - len(data), 1 << 20))):
        data += more
    return bytes(data)


def _end(plain: socket.socket, what: str) -> None:
    plain.shutdown(socket.SHUT_WR)
    _expect(plain.recv(1), b"", f"FIN after {what}")


def check_bytes(port: int) -> None:
    """One byte, and 64 KiB; FIN is answered with FIN, after every byte, and at once if there was none."""
    for size in (0, 1, 65536):
        with _connected(port) as plain:
            plain.sendall(pattern(size))
            _expect(_read(plain, size), pattern(size), f"{size} bytes")
            _end(plain, f"{size} bytes")
        with _connected(port) as plain:  # now with the FIN right behind
            plain.sendall(pattern(size))
            plain.shutdown(socket.SHUT_WR)
            _expect(_read(plain, size + 1), pattern(size), f"{size} bytes and FIN")


def check_crowd(port: int) -> None:
    """Many connections at once, each with bytes of its own."""
    with ExitStack() as stack:
        crowd = [stack.enter_context(_connected(port)) for _ in range(AT_ONCE)]
        texts = [f"this is connection {number}".encode() for number in range(AT_ONCE)]
        for _ in range(2):
            for plain, text in zip(crowd, texts, strict=True):
                plain.sendall(text)
            for plain, text in reversed(list(zip(crowd, texts, strict=True))):
                _expect(_read(plain, len(text)), text, f"one of {AT_ONCE} connections")
        for plain in crowd:
            _end(plain, "the crowd")


def check_flood(port: int) -> None:
    """A client that does not read until nothing more can be sent: so sends are cut short, and go on later."""
    piece = pattern(1 << 20)
    with _connected(port) as plain:
        plain.setblocking(False)
        sent = 0
        while sent < FLOOD_BYTES and select.select([], [plain], [], STALLED_S)[1]:
            sent += plain.send(piece[sent % len(piece) :])
        plain.settimeout(LIMIT_S)
        _expect(_read(plain, sent), (piece * (sent // len(piece) + 1))[:sent], f"a flood of {sent} bytes")
        _end(plain, "a flood")


def check_reset(port: int) -> None:
    """A client that resets is nothing to the others."""
    with _connected(port) as other:
        for _ in range(3):
            with _connected(port) as plain:
                plain.sendall(b"x")
                _expect(_read(plain, 1), b"x", "before a reset")
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.sendall(b"y")
        _expect(_read(other, 1), b"y", "beside a reset")
        _end(other, "a reset beside it")


def check_datagrams(port: int) -> None:
    """Each comes back whole, to whom it came from; since one may be lost, it is sent again."""
    with ExitStack() as stack:
        for size in (1, 64, 1400, 8192):
            plain = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            plain.settimeout(DATAGRAM_LIMIT_S)
            plain.connect((HOST, port))
            for left in reversed(range(DATAGRAM_TRIES)):
                plain.send(pattern(size))
                try:
                    _expect(plain.recv(65536), pattern(size), f"a datagram of {size} bytes")
                    break
                except TimeoutError:
                    if left == 0:
                        raise


def check(port: int, protocol: str) -> None:
    """All of it; WrongEchoError, or the error of the socket, if something is amiss."""
    if protocol == "udp":
        check_datagrams(port)
        return
    for one in (check_bytes, check_crowd, check_flood, check_reset, check_bytes):
        one(port)
