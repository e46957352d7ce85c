"""A pytest plugin: echo servers as fixtures, closed even when the test fails.

It is there as soon as ws2echo is installed::

    def test_my_protocol(echo_server):
        my_client.connect("127.0.0.1", echo_server.port)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from ws2echo import Server


@pytest.fixture
def make_echo_server() -> Iterator[Callable[..., Server]]:
    """A function that opens echo servers: ``make_echo_server(idle_timeout=1)`` takes what `ws2echo.Server`
    takes.
    """
    with contextlib.ExitStack() as servers:

        def make(*args: object, **options: object) -> Server:
            return servers.enter_context(Server(*args, **options))  # type: ignore[arg-type]

        yield make


@pytest.fixture
def echo_server(make_echo_server: Callable[..., Server]) -> Server:
    """A `ws2echo.Server` with the default options: on 127.0.0.1 and ::1, at a free port."""
    return make_echo_server()
