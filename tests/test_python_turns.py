"""The Python binding: threads that share a client have their turns; one that closes ends what others do."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ws2echo
from test_python_api import open_pair
from waiting import LIMIT_S, Task, wait_until
from ws2echo import Client, Protocol, Server, _swig
from ws2echo._errors import WSA_OPERATION_ABORTED, WSAENOTSOCK, failure
from ws2echo._waiting import SLICE_MS, Pace, Turn

SIZE = 8 << 20
SHORT_S = 0.2


@pytest.fixture
def pair() -> Iterator[tuple[Client, socket.socket]]:
    with open_pair() as both:
        yield both


def after_the_other(client: Client, call: Callable[[], Any]) -> Any:
    """``call()``, once the main thread's call has sent something."""
    wait_until(lambda: client.stats.bytes_sent > 0, "the main thread's call has begun")
    return call()


def test_what_two_threads_send_does_not_mix(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    other = Task(after_the_other, client, lambda: client.send(b"B" * SIZE))

    def read_all() -> bytes:
        other.blocks()  # so that there were many slices between which it could have sent
        come = bytearray()
        while len(come) < 2 * SIZE:
            come += peer.recv(1 << 20)
        return bytes(come)

    reading = Task(read_all)
    client.send(b"A" * SIZE)
    assert other.result() == SIZE
    assert reading.result() == b"A" * SIZE + b"B" * SIZE


def test_echoes_of_two_threads_get_their_own_answers() -> None:
    slow = f"latency:latency={4 * SLICE_MS}"
    with Server(faults=[slow]) as server, Client(server.port) as client:
        other = Task(after_the_other, client, lambda: client.echo(b"b" * 50))
        assert client.echo(b"a" * 50) == b"a" * 50
        assert other.result() == b"b" * 50


def test_two_threads_that_ping_do_not_take_each_others_answers() -> None:
    with Server(protocol=Protocol.UDP) as server, Client(server.port, protocol=Protocol.UDP) as client:
        other = Task(after_the_other, client, lambda: client.ping(5))
        result = client.ping(20, interval=SLICE_MS / 5 / 1000, reply_timeout=LIMIT_S)
        assert (result.sent, result.received, result.foreign) == (20, 20, 0)
        assert other.result().sent == 5


def test_two_threads_that_receive_exactly_have_whole_answers(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    first = Task(client.recv_exactly, 4)
    assert first.blocks()
    second = Task(client.recv_exactly, 4)
    assert second.blocks()
    peer.sendall(b"aa")
    wait_until(lambda: client.stats.bytes_received == 2, "half an answer is there")
    peer.sendall(b"aabbbb")
    assert (first.result(), second.result()) == (b"aaaa", b"bbbb")


def test_who_waits_for_a_turn_waits_no_longer_than_asked(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    reading = Task(client.recv)
    assert reading.blocks()
    with pytest.raises(TimeoutError, match="another call on this client") as caught:
        client.echo(b"x", SHORT_S)
    assert vars(caught.value) == {"bytes_sent": 0, "bytes_received": 0}
    with pytest.raises(TimeoutError, match="another call on this client"):
        client.recv(timeout=SHORT_S)
    with pytest.raises(TimeoutError, match="another call on this client") as caught:
        client.recv_exactly(2, timeout=SHORT_S)
    assert vars(caught.value) == {"partial": b""}
    peer.sendall(b"x")
    assert reading.result() == b"x"
    peer.sendall(b"y")
    assert client.recv() == b"y", "the turn was given back"


def test_what_needs_no_turn_waits_for_none(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    reading = Task(client.recv)
    assert reading.blocks()
    assert client.recv(0) == client.recv_exactly(0) == b""
    with pytest.raises(ws2echo.UsageError):
        client.ping()  # over TCP
    peer.sendall(b"x")
    assert reading.result() == b"x"


def test_the_wait_for_a_turn_is_not_taken_off_the_time_for_an_echo() -> None:
    """Each takes two thirds of it, the second after as long a wait."""
    with Server(faults=["latency:latency=2000"]) as server, Client(server.port) as client:
        echoes = [Task(client.echo, data, 3.0) for data in (b"a", b"b")]
        assert [task.result() for task in echoes] == [b"a", b"b"]


def test_ctrl_c_gives_a_turn_back(
    pair: tuple[Client, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is heard just when the turn was won."""
    client, peer = pair

    def interrupting(plain: Callable[..., bool]) -> Callable[..., bool]:
        def acquire(*arguments: Any, **options: Any) -> bool:
            plain(*arguments, **options)
            raise KeyboardInterrupt

        return acquire

    calls: list[tuple[Turn, Callable[[], object]]] = [
        (client._receiving, client.recv),
        (client._sending, lambda: client.send(b"x")),
        (client._sending, lambda: client.echo(b"x")),
        (client._receiving, lambda: client.echo(b"x")),
    ]
    for turn, call in calls:
        with monkeypatch.context() as patch:
            patch.setattr(turn, "_acquire", interrupting(turn._acquire))
            with pytest.raises(KeyboardInterrupt):
                call()
    peer.sendall(b"y")
    assert Task(client.recv, 1, SHORT_S).result() == b"y"
    assert Task(client.send, b"z", SHORT_S).result() == 1


def test_a_ping_that_had_no_turn_has_a_result() -> None:
    with Server(protocol=Protocol.UDP) as server, Client(server.port, protocol=Protocol.UDP) as client:
        reading = Task(client.recv)
        assert reading.blocks()
        with pytest.raises(TimeoutError) as caught:
            client.ping(timeout=SHORT_S)
        assert vars(caught.value)["result"].sent == 0
        client.close()
        with pytest.raises(OSError, match=str(WSA_OPERATION_ABORTED)):
            reading.result()


def test_close_interrupts_those_that_wait_for_their_turn(pair: tuple[Client, socket.socket]) -> None:
    client, _ = pair
    waiting = [Task(client.recv, 1, None) for _ in range(3)]
    waiting += [Task(client.echo, data, None) for data in (b"x", bytes(1 << 16))]
    assert all(task.blocks() for task in waiting)
    client.close()
    for task in waiting:
        with pytest.raises(OSError, match="ABORTED") as caught:
            task.result()
        assert caught.value.winerror == WSA_OPERATION_ABORTED


def test_close_interrupts_a_trickle(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    trickling = Task(client.trickle, bytes(1000), 0.05)
    assert peer.recv(1) == b"\0"
    client.close()
    with pytest.raises(OSError, match="ABORTED") as caught:
        trickling.result()
    assert caught.value.winerror == WSA_OPERATION_ABORTED
    assert 0 < vars(caught.value)["bytes_sent"] < 1000


def test_nothing_comes_between_the_bytes_of_a_trickle(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    trickling = Task(client.trickle, b"aaaa", 0.2)
    assert peer.recv(1) == b"a"
    client.send(b"b")
    assert trickling.result() == 4
    client.shutdown()
    assert peer.recv(5, socket.MSG_WAITALL) == b"aaab"


def test_close_between_two_slices_interrupts(
    pair: tuple[Client, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = pair
    plain = _swig.client_recv_bytes

    def closed_in_the_end(handle: int, size: int, timeout_ms: int) -> bytes:
        try:
            return plain(handle, size, timeout_ms)
        except TimeoutError:
            Task(client.close).result()
            raise

    monkeypatch.setattr(_swig, "client_recv_bytes", closed_in_the_end)
    with pytest.raises(OSError, match="closed while the call was waiting") as caught:
        client.recv(timeout=None)
    assert caught.value.winerror == WSA_OPERATION_ABORTED
    with pytest.raises(OSError, match="NOTSOCK") as caught:
        client.recv(timeout=None)
    assert caught.value.winerror == WSAENOTSOCK, "it was closed before"


def test_whoever_closes_second_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    plain = Server._close_handle

    def slowly(server: Server, handle: int) -> None:
        begun.set()
        assert go_on.wait(LIMIT_S)
        plain(server, handle)

    monkeypatch.setattr(Server, "_close_handle", slowly)
    server = Server()
    first = Task(server.close)
    assert begun.wait(LIMIT_S)
    second = Task(server.close)
    assert second.blocks(), "the port is not free yet"
    go_on.set()
    first.result()
    second.result()
    assert server.closed


@pytest.mark.parametrize(
    "meanwhile",
    [lambda server, rule: server.remove_fault(rule), lambda server, _: _swig.server_close(server._handle)],
    ids=["removed", "closed"],
)
def test_the_end_of_a_fault_hides_no_failure(meanwhile: Callable[[Server, int], None]) -> None:
    def body(server: Server) -> None:
        with server.fault("latency:latency=1") as rule:
            meanwhile(server, rule)
            raise ZeroDivisionError

    with Server() as server, pytest.raises(ZeroDivisionError):
        body(server)


def test_a_fault_that_cannot_be_removed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    code = 10048

    def fail(handle: int, rule: int) -> None:
        raise failure(code, "the port is taken")

    with Server() as server:
        monkeypatch.setattr(_swig, "server_fault_remove", fail)
        with pytest.raises(OSError, match="taken"), server.fault("latency:latency=1"):
            pass


def test_a_server_that_answers_late_does_not_make_an_echo_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece is answered before the next: the fewer there are, the better."""
    pieces: list[object] = []
    plain = _swig.EchoProgress

    def counted() -> _swig.EchoProgress:
        pieces.append(plain())
        return pieces[-1]  # type: ignore[return-value]

    monkeypatch.setattr(_swig, "EchoProgress", counted)
    data = bytes(8 * Pace.FIRST)
    late = f"latency:latency={SLICE_MS + SLICE_MS // 2}"
    with Server(faults=[late]) as server, ws2echo.Client(server.port) as client:
        assert client.echo(data) == data
    assert len(pieces) <= 8, "no piece is smaller than the first"
