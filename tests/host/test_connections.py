"""Thousands of connections at once, from sockets that are not Wine's: what an idle one costs, and the end."""

import contextlib
import os
import queue
import resource
import socket
from pathlib import Path

import pytest
from packages import LIMIT_S
from serving import PYTHON, listening, models, resident_bytes, server_process

CONNECTIONS = 5000
CONNECTIONS_OF_THREADS = 1000  # a thread each
FIRST = 50
SERVER = "tests/crowd_server.py"
TABLE = Path(os.environ["WS2ECHO_BUILD"]) / "connections.txt"


@pytest.fixture(scope="module", autouse=True)
def many_sockets() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 100:
        pytest.skip(f"this system allows a process {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="module", autouse=True)
def table() -> None:
    TABLE.write_text("Model        connections   resident memory of each, idle   drained in\n")


def message(index: int, round_: int) -> bytes:
    return b"%06d of round %03d" % (index, round_)


def echo_over_all(plains: list[socket.socket], round_: int) -> None:
    for index, plain in enumerate(plains):
        plain.sendall(message(index, round_))
    for index, plain in enumerate(plains):
        assert plain.recv(100) == message(index, round_)


def drained(said: queue.SimpleQueue[str]) -> str:
    """What the server said of that."""
    while not (line := said.get(timeout=LIMIT_S)).startswith("drained in "):
        pass
    return line.removeprefix("drained in ").strip()


@pytest.mark.parametrize("model", models())
def test_thousands_of_connections_echo_idle_and_are_drained(model: str) -> None:
    count = CONNECTIONS_OF_THREADS if model == "threads" else CONNECTIONS
    told = (model, str((FIRST + 2 * count) * len(message(0, 0))))
    with listening([*PYTHON, SERVER, *told]) as server, contextlib.ExitStack() as stack:
        process = server_process(*told)

        def connected() -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S))

        echo_over_all([connected() for _ in range(FIRST)], 0)  # what is made once is made
        before = resident_bytes(process)
        plains = [connected() for _ in range(count)]
        echo_over_all(plains, 1)
        each = (resident_bytes(process) - before) / count
        echo_over_all(plains[::-1], 2)
        stack.close()
        took = drained(server.said)
        with TABLE.open("a") as table:
            table.write(f"{model:<12} {count:>11}   {each / 1024:>25.1f} KiB   {took:>10}\n")
