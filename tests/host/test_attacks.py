"""Clients that mean harm: the server's memory keeps its bound, the cap holds, the others are served.

From sockets that are not Wine's, against a process that only serves, so that its memory is the server's.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from packages import LIMIT_S
from serving import DURATION_S, models, resident_bytes, server_process, serving

CAP = 150
SLOW_READERS = 20
SILENT = 40
FLOOD = 400
IDLE_S = 6
ECHO_BUFFER_BYTES = 65536
# What a connection may cost beside its echo buffer: its own memory, its thread's stack, journal and heap.
CONNECTION_BYTES = 96 * 1024
SLACK_BYTES = 4 << 20

Connect = Callable[[], socket.socket]

# Wide, for a server starts slowly on a machine that is busy.
pytestmark = pytest.mark.timeout(2 * LIMIT_S)


@contextlib.contextmanager
def connecting(port: int) -> Iterator[Connect]:
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S))


def is_served(plain: socket.socket) -> bool:
    """Whether it answers; those over the cap get FIN, or a reset when what they sent is not read any more."""
    try:
        plain.sendall(b"served?")
        return plain.recv(7, socket.MSG_WAITALL) == b"served?"
    except (ConnectionResetError, BrokenPipeError):
        return False


def wait_until_served(connect: Connect) -> None:
    """The places of those that have gone are free a moment later; and who is late by the idle timeout is not
    served.
    """
    until = time.monotonic() + LIMIT_S
    while not is_served(connect()):
        assert time.monotonic() < until, "nobody is served"
        time.sleep(0.1)


def send_some(plains: list[socket.socket], data: bytes) -> bool:
    """Whether one of them takes something. Those that are reset by now, as idle, are left out of the list:
    it is told to who sends, and to nobody again. (Of who was sent FIN before, it would be a broken pipe.)
    """
    taken = False
    for plain in plains[:]:
        try:
            taken = plain.send(data) > 0 or taken
        except BlockingIOError:
            pass
        except ConnectionResetError:
            plains.remove(plain)
    return taken


def fill(plains: list[socket.socket], resident: Callable[[], int]) -> int:
    """Send and never read, until the system takes no more: the server, too, is stuck with its echoes then.

    Gives the most that the server had in memory meanwhile.
    """
    peak = resident()
    for plain in plains:
        plain.setblocking(False)
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 0.5:
        if send_some(plains, bytes(65536)):
            quiet_since = time.monotonic()
        peak = max(peak, resident())
        time.sleep(0.01)
    return peak


def wait_for_reset(plain: socket.socket) -> None:
    """The idle timeout ends it: whatever is still to be read comes first."""
    plain.settimeout(LIMIT_S)
    with contextlib.suppress(ConnectionResetError):
        while plain.recv(1 << 20):
            pass
        pytest.fail("the server ended an idle connection by FIN")


@contextlib.contextmanager
def attacked(model: str, *options: str) -> Iterator[tuple[Connect, Callable[[], int]]]:
    """Connecting to a server, and what its process has in memory."""
    duration_s = DURATION_S + 60 + models().index(model)  # by which its process is known
    common = ["--quiet", "--model", model, "--echo-buffer-bytes", str(ECHO_BUFFER_BYTES)]
    with serving(*common, *options, duration_s=duration_s) as port, connecting(port) as connect:
        process = server_process("--duration", str(duration_s))
        yield connect, lambda: resident_bytes(process)


def resident_once_warm(connect: Connect, resident: Callable[[], int]) -> int:
    """What it has when all is made that is made once."""
    for plain in [connect() for _ in range(20)]:
        is_served(plain)  # unless it has been idle for too long before its turn came
        plain.close()
    wait_until_served(connect)
    return resident()


def assert_bounded(more_bytes: int, connections: int) -> None:
    each = (more_bytes - SLACK_BYTES) / connections
    assert each < ECHO_BUFFER_BYTES + CONNECTION_BYTES, f"{each / 1024:.0f} KiB for each connection"


@pytest.mark.parametrize("model", models())
def test_slow_readers_and_silent_ones_cost_little_and_time_out(model: str) -> None:
    with attacked(model, "--idle-timeout", str(IDLE_S)) as (connect, resident):
        before = resident_once_warm(connect, resident)
        slow = [connect() for _ in range(SLOW_READERS)]
        assert_bounded(fill(slow, resident) - before, SLOW_READERS)
        wait_until_served(connect)  # beside slow readers
        silent = [connect() for _ in range(SILENT)]
        said_something = silent[::2]
        send_some(said_something, b"x")
        for plain in slow + silent[1::2] + said_something:
            wait_for_reset(plain)
        wait_until_served(connect)  # after all that


@pytest.mark.parametrize("model", models())
def test_a_flood_meets_the_cap_and_harms_nobody(model: str) -> None:
    with attacked(model, "--connections-max", str(CAP)) as (connect, resident):
        before = resident_once_warm(connect, resident)
        honest = connect()
        assert is_served(honest)
        flood = [connect() for _ in range(FLOOD)]
        assert sum(map(is_served, flood)) <= CAP - 1
        assert_bounded(resident() - before, CAP)
        assert is_served(honest), "beside a flood"
        for plain in flood:
            plain.close()
        wait_until_served(connect)
