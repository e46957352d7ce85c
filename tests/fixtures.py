"""Fixtures for the tests that run inside Windows' Python, and the leak check around each of them."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import handles
import pytest
import resources
import ws2echo
from commands import Serving
from handles import Client, Load, Server
from waiting import Task

OpenServer = Callable[..., Server]
OpenClient = Callable[..., Client]
OpenLoad = Callable[..., Load]
StartServing = Callable[..., Serving]
LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Asking for `model` runs a test in every model of the DLL; asking for `family`, over IPv4 and IPv6."""
    own: set[str] = set()
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0]
        own.update(names.split(",") if isinstance(names, str) else names)
    if "model" in metafunc.fixturenames and "model" not in own:
        found = handles.models()
        metafunc.parametrize(
            "model", [info.model for info in found], ids=[info.name.decode() for info in found]
        )
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", list(LOOPBACK))


@pytest.fixture(scope="session")
def warm() -> None:
    """What is made once per process, by Windows or Python, is made before anything is counted."""
    for info in handles.models():
        with Server(model=info.model) as server, Client(server.port) as client:
            client.echo(b"warm")
    Task(time.sleep, 0).result()
    with contextlib.suppress(OSError):
        socket.getaddrinfo("localhost", None)
    ws2echo.models()  # ends by a failure: Python makes a semaphore for the first OSError of a process
    with ws2echo.Server() as python_server, ws2echo.Client(python_server.port) as python_client:
        python_client.echo(b"warm")


@pytest.fixture(autouse=True)
def cell(request: pytest.FixtureRequest) -> None:
    """Notes which cell (model x protocol x family) the test is in; conftest.py counts them."""
    arguments = getattr(getattr(request.node, "callspec", None), "params", {})
    if "model" in arguments:
        names = {info.model: info.name.decode() for info in handles.models()}
        protocol = "UDP" if "udp" in request.path.stem else "TCP"
        family = {"ipv4": "IPv4", "ipv6": "IPv6"}.get(str(arguments.get("family")), "both")
        model = names.get(arguments["model"], arguments["model"])
        request.node.user_properties.append(("cell", f"{model}/{protocol}/{family}"))


@pytest.fixture(autouse=True)
def leak_check(warm: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """No test may leave a handle, a socket or a thread behind."""
    before = resources.holdings()
    yield
    left = resources.left_behind(before)
    assert not left, f"{request.node.name} left behind:\n{left}"


@pytest.fixture(scope="module", autouse=True)
def far_leak_check(warm: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """Nor may a file of tests, however many handles there were in it at once."""
    before = resources.holdings(resources.FAR)
    yield
    left = resources.left_behind(before, unused_max=resources.FAR)
    assert not left, f"a test of {request.node.name} left behind:\n{left}"


@pytest.fixture
def host(family: str) -> str:
    """The loopback address of the family."""
    address = LOOPBACK[family]
    probe = socket.socket(socket.AF_INET6 if family == "ipv6" else socket.AF_INET)
    with probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            pytest.skip(f"this machine has no {address}: {error}")
    return address


@pytest.fixture
def open_server() -> Iterator[OpenServer]:
    """Opens servers, which are closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(Server(**options))


@pytest.fixture
def open_client() -> Iterator[OpenClient]:
    """Opens clients, which are closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda port, **options: stack.enter_context(Client(port, **options))


@pytest.fixture
def open_load() -> Iterator[OpenLoad]:
    """Opens loads, which are closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda port, **options: stack.enter_context(Load(port, **options))


@pytest.fixture
def connect() -> Iterator[Callable[..., socket.socket]]:
    """Connects plain sockets of Python, which are closed after the test."""
    with contextlib.ExitStack() as stack:

        def connected(host: str, port: int, **options: Any) -> socket.socket:
            plain = stack.enter_context(socket.create_connection((host, port), timeout=60, **options))
            plain.settimeout(None)  # under Wine only a recv that blocks tells a reset from FIN
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return plain

        yield connected


@pytest.fixture
def start_serving() -> Iterator[StartServing]:
    """Starts `python -m ws2echo serve` in processes of their own, which are ended after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(Serving(*arguments, **options))


@pytest.fixture(scope="session")
def build() -> Path:
    """Where the DLL and programs were built."""
    chosen = os.environ.get("WS2ECHO_BUILD")
    return (Path(chosen) if chosen else Path(__file__).resolve().parents[1] / "build") / "win64"


@pytest.fixture
def listener(host: str) -> Iterator[socket.socket]:
    """A plain listening socket of Python on the loopback address of the family, for clients of the DLL."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as plain:
        plain.bind((host, 0))
        plain.listen()
        plain.settimeout(60)
        yield plain


@pytest.fixture
def closed_port(host: str) -> Iterator[int]:
    """A port that nothing listens on, and that nobody else gets meanwhile: it is bound, without listening."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as plain:
        plain.bind((host, 0))
        yield int(plain.getsockname()[1])


@pytest.fixture
def deaf_port(host: str) -> Iterator[int]:
    """A port where connecting takes for ever, for the queue is full. Not every system lets that happen."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    fillers: list[socket.socket] = []
    with socket.socket(kind) as plain:
        plain.bind((host, 0))
        plain.listen(0)
        try:
            for _ in range(8):
                filler = socket.socket(kind)
                fillers.append(filler)
                filler.settimeout(0.5)
                try:
                    filler.connect(plain.getsockname()[:2])
                except TimeoutError:
                    yield int(plain.getsockname()[1])
                    return
                except OSError:
                    break
            pytest.skip("this system refuses a connection when the queue is full")
        finally:
            for filler in fillers:
                filler.close()
