"""The Python binding: calls that block let others run, end at Ctrl-C, and keep their timeouts."""

import _thread
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import ws2echo
from test_python_api import is_held
from waiting import LIMIT_S, Task, wait_until
from ws2echo import Client, EventKind, Server, _waiting
from ws2echo._handle import Handle
from ws2echo._waiting import INFINITE, SLICE_MS, Pace, microseconds, milliseconds, wait

BIG = bytes(64 << 20)

# Were the interpreter lock held, nothing but its own timeout could end a call: so each has one here.
HELD_S = LIMIT_S / 3


@pytest.fixture
def pair() -> Iterator[tuple[Client, socket.socket]]:
    """A client, and a plain socket at the other end that neither reads nor writes by itself."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Client(listener.getsockname()[1], "127.0.0.1", send_timeout=HELD_S, receive_timeout=HELD_S) as client,
        listener.accept()[0] as peer,
    ):
        peer.settimeout(LIMIT_S)
        yield client, peer


# ---- the interpreter lock: were it held, the thread that makes the call return could not run


def test_recv_lets_others_run(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    task = Task(client.recv)
    peer.sendall(b"x")
    assert task.result() == b"x"


def test_recv_into_lets_others_run(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    buffer = bytearray(1)
    task = Task(client.recv_into, buffer)
    wait_until(lambda: is_held(buffer), "recv_into waits")
    peer.sendall(b"x")
    assert task.result() == 1
    assert buffer == b"x"


def test_send_lets_others_run(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    task = Task(client.send, BIG)
    wait_until(lambda: client.stats.bytes_sent > 0, "something is sent")
    left = len(BIG)
    while left:
        left -= len(peer.recv(1 << 20))
    assert task.result() == len(BIG)


def test_echo_lets_others_run(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    task = Task(client.echo, b"abc")
    peer.sendall(peer.recv(3, socket.MSG_WAITALL))
    assert task.result() == b"abc"


def test_next_event_lets_others_run() -> None:
    with Server() as server:
        list(server.events())
        task = Task(server.next_event, HELD_S)
        with Client(server.port):
            assert task.result().kind is EventKind.ACCEPTED


def test_drain_and_stop_let_others_run() -> None:
    for call in (lambda server: server.drain(HELD_S), lambda server: server.stop(drain_timeout=HELD_S)):
        with Server() as server, Client(server.port) as client:
            client.echo(b"x")
            task = Task(call, server)
            client.shutdown()
            assert client.recv() == b""
            task.result()
            assert server.stats.connections_closed[ws2echo.Reason.FIN] == 1


# ---- Ctrl-C

CTRL_C = """
    import _thread, socket, sys, threading, time
    import ws2echo

    listener = socket.create_server(("127.0.0.1", 0))
    client = ws2echo.Client(listener.getsockname()[1], "127.0.0.1", send_timeout=None, receive_timeout=None)
    peer, _ = listener.accept()
    server = ws2echo.Server()
    guest = ws2echo.Client(server.port)
    guest.echo(b"x")
    list(server.events())
    big = bytes(64 << 20)

    def trickle():
        for _ in range(400):
            time.sleep(0.01)
            peer.recv(1 << 16)

    def check(name, call):
        timer = threading.Timer(0.3, _thread.interrupt_main)
        began = time.monotonic()
        try:
            timer.start()
            call()
            print(name, "returned")
        except KeyboardInterrupt:
            print(name, "interrupted" if time.monotonic() - began < 30 else "late")
        timer.join()

    check("recv", client.recv)
    check("recv_into", lambda: client.recv_into(bytearray(9)))
    check("recv_exactly", lambda: client.recv_exactly(9))
    check("next_event", server.next_event)
    check("events", lambda: list(server.events(None)))
    check("drain", server.drain)
    check("stop", lambda: server.stop(drain_timeout=None))
    check("echo", lambda: client.echo(b"abc"))
    check("send", lambda: client.send(big))
    threading.Thread(target=trickle, daemon=True).start()
    check("send to one who reads slowly", lambda: client.send(big))
    check("echo to one who reads slowly", lambda: client.echo(big))
    for each in (client, guest, server, peer, listener):
        each.close()
    print("end")
"""


def test_ctrl_c_ends_every_wait() -> None:
    """In a process of its own, so that an interrupt that comes late does not hit pytest."""
    lines = run_python(CTRL_C).stdout.splitlines()
    assert lines[-1] == "end"
    assert len(lines) == 12
    assert [line for line in lines[:-1] if not line.endswith(" interrupted")] == []


def run_python(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(script)],
        input="",
        capture_output=True,
        text=True,
        timeout=LIMIT_S * 2,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


# ---- slices


class Clock:
    """Time that only passes where a test says so."""

    def __init__(self) -> None:
        self._now_ms = 0

    def pass_by(self, time_ms: int) -> None:
        self._now_ms += time_ms

    def __call__(self) -> float:
        return self._now_ms / 1000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Instead of the clock by which calls are sliced. Only for calls that do not really wait."""
    clock = Clock()
    monkeypatch.setattr(_waiting, "monotonic", clock)
    return clock


def test_what_is_sliced_is_called_until_it_succeeds(clock: Clock) -> None:
    slices: list[int] = []

    def call(timeout_ms: int) -> str:
        slices.append(timeout_ms)
        if len(slices) < 3:
            clock.pass_by(timeout_ms)
            raise TimeoutError
        return "done"

    assert wait(call, INFINITE) == "done"
    assert slices == [SLICE_MS] * 3


def test_slices_make_up_the_timeout(clock: Clock) -> None:
    slices: list[int] = []

    def call(timeout_ms: int) -> None:
        slices.append(timeout_ms)
        clock.pass_by(timeout_ms)
        raise TimeoutError(len(slices))

    with pytest.raises(TimeoutError) as caught:
        wait(call, 3 * SLICE_MS + 50)
    assert slices == [*[SLICE_MS] * 3, 50]
    assert caught.value.args == (len(slices),)


def test_slices_that_take_longer_are_fewer(clock: Clock) -> None:
    slices: list[int] = []

    def call(timeout_ms: int) -> None:
        slices.append(timeout_ms)
        clock.pass_by(timeout_ms + 70)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        wait(call, 3 * SLICE_MS + 50)
    assert slices == [SLICE_MS, SLICE_MS, 10]
    slices.clear()
    with pytest.raises(TimeoutError):
        wait(call, SLICE_MS + 20)
    assert slices == [SLICE_MS, 0], "what came meanwhile is looked for once more"


def test_progress_starts_the_timeout_anew(clock: Clock) -> None:
    slices: list[int] = []

    def call(timeout_ms: int) -> None:
        slices.append(timeout_ms)
        clock.pass_by(timeout_ms)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        wait(call, 2 * SLICE_MS + 50, lambda: min(len(slices), 5))
    # Five slices with progress, and then as long as the timeout; what is left of it is rounded up.
    assert slices[:-1] == [*[SLICE_MS] * 5, SLICE_MS, SLICE_MS]
    assert slices[-1] in (50, 51)


def test_a_wait_that_was_begun_before_has_the_rest_and_then_the_whole(clock: Clock) -> None:
    slices: list[int] = []

    def call(timeout_ms: int) -> None:
        slices.append(timeout_ms)
        clock.pass_by(timeout_ms)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        wait(call, 2 * SLICE_MS + 50, lambda: 7, SLICE_MS)
    assert slices == [SLICE_MS, 50]
    slices.clear()
    with pytest.raises(TimeoutError):  # the first of them brings something
        wait(call, 2 * SLICE_MS + 50, lambda: min(len(slices), 1), SLICE_MS)
    assert slices == [SLICE_MS, SLICE_MS, SLICE_MS, 50]
    slices.clear()
    with pytest.raises(TimeoutError):  # also where the rest is less than a slice
        wait(call, SLICE_MS + 50, lambda: min(len(slices), 1), SLICE_MS)
    rest, whole, rest_again = slices
    assert whole == SLICE_MS
    assert {rest, rest_again} <= {50, 51}, "rounded up"


def test_a_timeout_of_the_connection_itself_is_not_repeated(clock: Clock) -> None:
    calls = 0

    def call(timeout_ms: int) -> None:
        nonlocal calls
        calls += 1
        clock.pass_by(timeout_ms // 2 - 1)
        raise TimeoutError("the peer is gone")

    with pytest.raises(TimeoutError, match="gone"):
        wait(call, INFINITE)
    assert calls == 1


def test_other_threads_wait_in_one_go() -> None:
    slices: list[int] = []
    Task(wait, slices.append, INFINITE).result()
    assert slices == [INFINITE]


def test_short_waits_are_not_cut() -> None:
    for timeout_ms in (0, 1, SLICE_MS):
        slices: list[int] = []
        wait(slices.append, timeout_ms)
        assert slices == [timeout_ms]


def test_pieces_grow_while_they_are_quick(clock: Clock) -> None:
    pace = Pace()
    call = pace.timed(clock.pass_by)
    first = pace.bytes
    for _ in range(40):
        for _ in range(5):  # what only waits is over after a slice
            call(SLICE_MS)
        pace.adapt()
    assert first < pace.bytes == Pace.LARGEST
    call(2 * SLICE_MS)
    pace.adapt()
    assert pace.bytes == Pace.LARGEST, "it took about as long as it should"
    call(2 * SLICE_MS + 1)
    pace.adapt()
    assert pace.bytes == Pace.LARGEST // 2
    for _ in range(40):
        call(3 * SLICE_MS)
        pace.adapt()
    assert pace.bytes == Pace.SMALLEST


def test_pieces_of_other_threads_are_whole() -> None:
    assert Task(lambda: Pace().bytes).result() > 1 << 60


def test_seconds_become_milliseconds() -> None:
    assert [milliseconds("t", value) for value in (0, 0.0001, 0.001, 1, 1.5, None)] == [
        0,
        1,
        1,
        1000,
        1500,
        INFINITE,
    ]


def test_whole_milliseconds_and_microseconds_stay_what_they_are() -> None:
    """As a product of binary fractions many come out a little larger: 2.007 * 1000 is 2007.0000000000002."""
    for count in [*range(5000), 86_400_001]:
        assert milliseconds("t", count / 1000) == count
        assert microseconds("t", count / 1e6) == count


@pytest.mark.parametrize("call", [lambda c, t: c.recv(timeout=t), lambda c, t: c.echo(b"x", timeout=t)])
def test_timeouts_are_not_shorter_than_asked(
    pair: tuple[Client, socket.socket], call: Callable[[Client, float], object]
) -> None:
    for timeout in (0.05, 0.25):  # in one call, and in slices
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            call(pair[0], timeout)
        assert time.monotonic() - began >= timeout - 0.02


def test_a_client_connects_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real thing cannot be made slow everywhere, so its first slices are made to run out here."""
    slices: list[int] = []
    real = ws2echo._swig.client_connect

    def slow(client: int, timeout_ms: int) -> None:
        slices.append(timeout_ms)
        if len(slices) < 3:
            time.sleep(timeout_ms / 1000)
            raise TimeoutError
        real(client, timeout_ms)

    monkeypatch.setattr(ws2echo._swig, "client_connect", slow)
    with Server() as server, Client(server.port, connect_timeout=LIMIT_S) as client:
        assert client.echo(b"x") == b"x"
    assert slices == [SLICE_MS] * 3


def test_a_client_that_is_interrupted_while_connecting_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(client: int, timeout_ms: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ws2echo._swig, "client_connect", interrupted)
    with Server() as server, pytest.raises(KeyboardInterrupt):
        Client(server.port)  # the leak check says whether it was


def test_many_threads_share_a_server() -> None:
    failures: list[BaseException] = []

    def session(number: int, port: int) -> None:
        try:
            with Client(port) as client:
                for turn in range(20):
                    client.echo(f"{number} {turn} ".encode() * 100)
        except BaseException as failure:
            failures.append(failure)

    with Server() as server:
        threads = [threading.Thread(target=session, args=(number, server.port)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        assert server.stats.connections_accepted == 16
    assert failures == []


# ---- an echo is one call, or several of which each goes on where the one before was


def test_threads_that_echo_on_one_client_have_their_turns() -> None:
    """Also where an answer takes longer than a slice."""
    with (
        Server(faults=[f"latency:latency={4 * SLICE_MS}"]) as server,
        Client(server.port, "127.0.0.1") as client,
    ):
        messages = [bytes([65 + number]) * 50 for number in range(3)]
        tasks = [Task(client.echo, message) for message in messages]
        assert [task.result() for task in tasks] == messages


# ---- opening, which may have to ask somebody for a name


class Opened(Handle):
    """Remembers who opened it, and what is closed."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.gone: list[int] = []

    def opening(self) -> int:
        self.threads.append(threading.get_ident())
        return 7

    def _close_handle(self, handle: int) -> None:
        self.gone.append(handle)


@pytest.mark.parametrize("host", [None, "*", "localhost", "127.0.0.1", "::1", "fe80::1%3"])
def test_what_asks_nobody_is_opened_at_once(host: str | None) -> None:
    with Opened() as opened:
        opened._open(opened.opening, host)
        assert opened.threads == [threading.get_ident()]
    assert opened.gone == [7]


def test_a_name_is_resolved_by_another_thread() -> None:
    with Opened() as opened:
        opened._open(opened.opening, "some.name")
        assert opened.threads != [threading.get_ident()]
        assert not opened.closed
    assert opened.gone == [7]


def test_a_name_that_cannot_be_resolved_fails_as_it_is() -> None:
    failure = socket.gaierror(11001, "nobody")

    def opening() -> int:
        raise failure

    opened = Opened()
    with pytest.raises(socket.gaierror) as caught:
        opened._open(opening, "some.name")
    assert caught.value is failure
    assert opened.closed
    assert opened.gone == []


def test_ctrl_c_closes_what_is_opened_after_it() -> None:
    resolved = threading.Event()
    opened = Opened()

    def opening() -> int:
        _thread.interrupt_main()
        assert resolved.wait(LIMIT_S)
        return 7

    with pytest.raises(KeyboardInterrupt):
        opened._open(opening, "some.name")
    assert opened.gone == []
    resolved.set()
    wait_until(lambda: opened.gone == [7], "it is closed")
    assert opened.closed


def test_ctrl_c_closes_what_was_opened_before_it() -> None:
    class Late(Opened):
        def _opened(self, handle: int) -> None:
            super()._opened(handle)
            raise KeyboardInterrupt

    opened = Late()
    with pytest.raises(KeyboardInterrupt):
        opened._open(opened.opening, "some.name")
    assert opened.gone == [7]
    assert opened.closed
