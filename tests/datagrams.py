"""A UDP socket of Python as the other end, which does what it is told with the datagrams that come."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Self

from waiting import LIMIT_S

# What comes of a datagram, the 0th, 1st, …: the datagrams that go back.
Policy = Callable[[int, bytes], list[bytes]]


def echo(_: int, data: bytes) -> list[bytes]:
    return [data]


def silent(_: int, __: bytes) -> list[bytes]:
    return []


def scripted(*steps: Policy) -> Policy:
    """Each step for one datagram; those that come after the last are echoed."""

    def policy(number: int, data: bytes) -> list[bytes]:
        return steps[number](number, data) if number < len(steps) else [data]

    return policy


class Peer:
    """A bound socket; where the last datagram came from is where it sends to."""

    def __init__(self, host: str, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.socket.settimeout(LIMIT_S)
        self.port = int(self.socket.getsockname()[1])
        self.client: tuple[object, ...] = ()
        self.seen: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def recv(self) -> bytes:
        data, self.client = self.socket.recvfrom(1 << 17)
        return data

    def send(self, *datagrams: bytes) -> None:
        for data in datagrams:
            assert self.socket.sendto(data, self.client) == len(data)

    @contextlib.contextmanager
    def answering(self, policy: Policy = echo) -> Iterator[Self]:
        """Within the block each datagram is kept in `seen`, and answered as the policy says."""
        ended = threading.Event()
        failures: list[BaseException] = []
        thread = threading.Thread(target=self._answer, args=(policy, ended, failures), daemon=True)
        self.socket.settimeout(0.02)
        thread.start()
        try:
            yield self
        finally:
            ended.set()
            thread.join(LIMIT_S)
            self.socket.settimeout(LIMIT_S)
        assert not failures, failures

    def _answer(self, policy: Policy, ended: threading.Event, failures: list[BaseException]) -> None:
        while not ended.is_set():
            try:
                data = self.recv()
                self.seen.append(data)
                self.send(*policy(len(self.seen) - 1, data))
            except (TimeoutError, ConnectionResetError):  # the latter: an answer met a client that is closed
                continue
            except BaseException as failure:
                failures.append(failure)
                return
