"""Users for Locust, whose master and workers then drive clients of ws2echo, on one machine or on many.

A locustfile names a class of users, and what it wants otherwise::

    class LongMessages(ws2echo.locust.EchoUser):
        message_bytes = 64 * 1024

The host is ``tcp://127.0.0.1:7`` or ``udp://[::1]:7``. Locust is not installed with ws2echo: ``pip install
ws2echo[locust]`` does both.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from ._choices import Protocol
from ._client import Client

try:
    import gevent
    from locust import User, task
except ImportError as error:
    raise ImportError(f"ws2echo.locust needs Locust ({error}): pip install ws2echo[locust]") from error

THREADS = 64


def parse_host(host: str | None) -> tuple[Protocol, str, int]:
    """The protocol, the address and the port of ``tcp://127.0.0.1:7``.

    Raises:
        ValueError: It is written otherwise.
    """
    parts = urlsplit(host or "")
    if parts.scheme not in (Protocol.TCP, Protocol.UDP) or not parts.hostname or not parts.port:
        raise ValueError(f"host: {host!r} is not like tcp://127.0.0.1:7 or udp://[::1]:7")
    return Protocol(parts.scheme), parts.hostname, parts.port


def _threads() -> Any:
    """Threads for calls of the DLL, which must not block the one that runs all greenlets."""
    pool = gevent.get_hub().threadpool
    pool.maxsize = max(pool.maxsize, THREADS)
    return pool


class _Outcome(NamedTuple):
    result: Any
    failure: Exception | None
    start_time: float
    """Seconds since the epoch."""
    response_time: float
    """Milliseconds."""


def _outcome(call: Callable[[], Any]) -> _Outcome:
    """The result or the failure, of whatever kind, which is Locust's to tell, and not gevent's to print; and
    the times of the call alone, which may have waited for its thread.
    """
    result, failure = None, None
    start_time, began = time.time(), time.perf_counter()
    try:
        result = call()
    except Exception as error:
        failure = error
    return _Outcome(result, failure, start_time, (time.perf_counter() - began) * 1000)


class EchoUser(User):  # type: ignore[misc]
    """A user with a connection of its own, on which it echoes one message after the other.

    Each echo is a request of the type TCP or UDP and the name ``echo``, and compared byte by byte: a wrong
    byte is a failure, as a lost connection is, after which it connects anew (``connect``). Up to 64 users of
    a process wait at once; more wait their turn, which counts in no time, so have more workers. It is a class
    to derive from.
    """

    abstract = True
    message_bytes: ClassVar[int] = 64
    """How long a message is. Over UDP, at most 65,507."""
    timeout: ClassVar[float] = 10.0
    """No progress for so many seconds is a failure."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._protocol, self._host, self._port = parse_host(self.host)
        self._client: Client | None = None
        self._message = random.randbytes(self.message_bytes)
        self._echoes = 0

    def on_stop(self) -> None:
        """Close the connection. Locust calls it."""
        self._disconnect()

    @task  # type: ignore[untyped-decorator]
    def echo(self) -> None:
        """Send a message and compare what comes back. Locust calls it."""
        if self._client is None:
            self._client = self._timed("connect", self._connect, 0)
        client = self._client
        if client is None:
            gevent.sleep(0.1)  # whoever refuses does so at once: let others run
        else:
            message = self._next_message()
            if self._timed("echo", lambda: client.echo(message), len(message)) is None:
                self._disconnect()

    def _next_message(self) -> bytes:
        """Each begins with its number, as far as it has room, so that an earlier one's echo is none of it."""
        self._echoes += 1
        number = self._echoes.to_bytes(8, "little")[: self.message_bytes]
        return number + self._message[len(number) :]

    def _connect(self) -> Client:
        return Client(
            self._port,
            self._host,
            protocol=self._protocol,
            connect_timeout=self.timeout,
            send_timeout=self.timeout,
            receive_timeout=self.timeout,
        )

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _timed(self, name: str, call: Callable[[], Any], length: int) -> Any:
        """Do it in a thread, report it to Locust, and give its result; None if it failed."""
        outcome: _Outcome = _threads().apply(_outcome, (call,))
        self.environment.events.request.fire(
            request_type=self._protocol.upper(),
            name=name,
            response_time=outcome.response_time,
            response_length=length if outcome.failure is None else 0,
            exception=outcome.failure,
            context=self.context(),
            start_time=outcome.start_time,
            url=self.host,
        )
        return outcome.result
