"""Thousands of connections at once, from sockets that are not Wine's; and what an idle one costs."""

import contextlib
import os
import resource
import socket
from pathlib import Path

import pytest
from packages import LIMIT_S
from serving import DURATION_S, models, resident_bytes, server_process, serving

CONNECTIONS = 2000
CONNECTIONS_OF_THREADS = 1000  # a thread each
TABLE = Path(os.environ["WS2ECHO_BUILD"]) / "connections.txt"


@pytest.fixture(scope="module", autouse=True)
def many_sockets() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 100:
        pytest.skip(f"this system allows a process {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="module", autouse=True)
def table() -> None:
    TABLE.write_text("Model        connections   resident memory of each, idle\n")


def echo_over_all(plains: list[socket.socket], round_: int) -> None:
    for index, plain in enumerate(plains):
        plain.sendall(b"%d of round %d" % (index, round_))
    for index, plain in enumerate(plains):
        assert plain.recv(100) == b"%d of round %d" % (index, round_)


@pytest.mark.parametrize("model", models())
def test_thousands_of_connections_each_echo_and_idle(model: str) -> None:
    count = CONNECTIONS_OF_THREADS if model == "threads" else CONNECTIONS
    duration_s = DURATION_S + models().index(model)
    with serving("--model", model, duration_s=duration_s) as port, contextlib.ExitStack() as stack:
        process = server_process(duration_s)

        def connected() -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S))

        echo_over_all([connected() for _ in range(50)], 0)  # what is made once is made
        before = resident_bytes(process)
        plains = [connected() for _ in range(count)]
        echo_over_all(plains, 1)
        each = (resident_bytes(process) - before) / count
        echo_over_all(plains[::-1], 2)
        for plain in plains:
            plain.shutdown(socket.SHUT_WR)
        for plain in plains:
            assert plain.recv(1) == b""
        with TABLE.open("a") as table:
            table.write(f"{model:<12} {count:>11}   {each / 1024:>8.1f} KiB\n")
