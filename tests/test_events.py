"""The journal: what happened, in order, once to each caller, bounded, and waited for without polling."""

import ctypes
import itertools
import socket
from collections.abc import Callable, Iterator
from ctypes import byref

import abi
import handles
import pytest
from abi import DLL
from fixtures import OpenClient, OpenServer
from handles import Server, fails
from waiting import Task, wait_until

Connect = Callable[..., socket.socket]

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_ulong)
kernel32.WaitForSingleObject.restype = ctypes.c_ulong
kernel32.CloseHandle.argtypes = (ctypes.c_void_p,)


def signalled(event: int, wait_ms: int = 0) -> bool:
    return bool(kernel32.WaitForSingleObject(event, wait_ms) == 0)


def told(address: abi.Address) -> tuple[str, int]:
    return address.host.decode(), address.port


def session(server: Server, open_client: OpenClient, data: bytes, host: str | None = None) -> None:
    client = open_client(server.port, host=host)
    client.echo(data)
    client.shutdown()
    assert client.recv() == b""


def test_the_life_of_a_connection(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str
) -> None:
    server = open_server(model=model, host=host)
    client = open_client(server.port, host=host)
    client.echo(b"fourteen bytes")
    client.shutdown()
    client.recv()
    listening, accepted, closed = (server.next_event() for _ in range(3))

    assert (listening.kind, listening.sequence, listening.connection_id) == (abi.LISTENING, 1, 0)
    assert told(listening.local) == (host, server.port)
    assert bytes(listening.peer) == bytes(ctypes.sizeof(abi.Address))

    assert (accepted.kind, accepted.sequence, accepted.connection_id) == (abi.ACCEPTED, 2, 1)
    assert (accepted.reason, accepted.error, accepted.duration_us) == (abi.NONE, 0, 0)
    assert (accepted.bytes_received, accepted.bytes_sent) == (0, 0)

    assert (closed.kind, closed.sequence, closed.connection_id) == (abi.CLOSED, 3, 1)
    assert (closed.reason, closed.error) == (abi.FIN, 0)
    assert (closed.bytes_received, closed.bytes_sent) == (14, 14)

    for event in (accepted, closed):
        assert event.size == ctypes.sizeof(abi.Event)
        assert told(event.local) == client.address(abi.PEER)
        assert told(event.peer) == client.address(abi.LOCAL)
        assert event.local.family == event.peer.family == (abi.IPV6 if ":" in host else abi.IPV4)
    assert listening.time_us <= accepted.time_us <= closed.time_us <= server.stats.uptime_us
    assert abs(closed.time_us - accepted.time_us - closed.duration_us) < 1_000_000


def test_listening_is_told_of_each_address(open_server: OpenServer, model: int) -> None:
    server = open_server(model=model)
    events = server.events()
    assert [event.kind for event in events] == [abi.LISTENING] * len(server.addresses)
    assert [told(event.local) for event in events] == server.addresses


def test_sequence_has_no_gap_and_each_end_follows_its_beginning(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    server = open_server(model=model)
    clients = [open_client(server.port) for _ in range(50)]
    for client in clients[::-1]:
        client.shutdown()
    wait_until(lambda: server.stats.connections_closed[abi.FIN] == 50, "all have ended")
    events = server.events()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.time_us for event in events] == sorted(event.time_us for event in events)
    accepted = {event.connection_id: event for event in events if event.kind == abi.ACCEPTED}
    closed = {event.connection_id: event for event in events if event.kind == abi.CLOSED}
    assert list(accepted) == list(range(1, 51))
    assert set(closed) == set(accepted)
    assert all(closed[number].sequence > accepted[number].sequence for number in accepted)


def test_reset_is_told_with_its_error(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str
) -> None:
    server = open_server(model=model)
    with open_client(server.port, host=host, linger_s=0) as client:
        client.echo(b"123")
    closed = server.next_closed()
    assert (closed.reason, closed.error) == (abi.RESET, abi.WSAECONNRESET)
    assert (closed.bytes_received, closed.bytes_sent) == (3, 3)
    assert server.stats.connections_closed[abi.RESET] == 1


def test_stopped_is_told_of_each_connection(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str
) -> None:
    server = open_server(model=model)
    client = open_client(server.port, host=host)
    client.echo(b"123")
    assert server.stop() == 1
    closed = server.next_closed()
    assert (closed.reason, closed.error, closed.bytes_received) == (abi.STOPPED, 0, 3)


def test_the_oldest_are_dropped_and_counted(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    server = open_server(model=model, journal_events=5)
    listening = len(server.addresses)
    for _ in range(10):
        session(server, open_client, b"x")
    wait_until(lambda: server.stats.connections_closed[abi.FIN] == 10, "all have ended")
    total = listening + 20
    assert server.stats.events_dropped == total - 5
    assert [event.sequence for event in server.events()] == list(range(total - 4, total + 1))
    session(server, open_client, b"x")
    assert server.next_event().sequence == total + 1
    assert server.stats.events_dropped == total - 5


def test_a_journal_of_one_keeps_the_newest(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    server = open_server(model=model, journal_events=1)
    session(server, open_client, b"x")
    wait_until(lambda: server.stats.connections_closed[abi.FIN] == 1, "it has ended")
    assert [event.kind for event in server.events()] == [abi.CLOSED]


def test_an_empty_journal_times_out(open_server: OpenServer, model: int) -> None:
    server = open_server(model=model)
    server.events()
    for timeout_ms in (0, 1, 50):
        with fails(abi.WSAETIMEDOUT):
            server.next_event(timeout_ms)


def test_an_event_wakes_who_waits(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    server = open_server(model=model)
    server.events()
    waiting = Task(server.next_event, abi.INFINITE)
    open_client(server.port)
    assert waiting.result().kind == abi.ACCEPTED


def test_each_event_goes_to_one_caller(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    server = open_server(model=model)

    def take_all() -> list[int]:
        found: list[int] = []
        with fails(abi.WSAEDISCON):
            while True:
                found.append(server.next_event(abi.INFINITE).sequence)
        return found

    takers = [Task(take_all) for _ in range(4)]
    for _ in range(40):
        session(server, open_client, b"x")
    wait_until(lambda: server.stats.connections_closed[abi.FIN] == 40, "all have ended")
    server.stop()
    taken = [taker.result() for taker in takers]
    assert all(one == sorted(one) for one in taken)
    assert sorted(itertools.chain.from_iterable(taken)) == list(range(1, len(server.addresses) + 81))


def test_after_stop_the_rest_is_told_and_then_the_end(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    server = open_server(model=model)
    open_client(server.port).echo(b"x")
    server.stop()
    kinds = [server.next_event().kind for _ in range(len(server.addresses) + 2)]
    assert kinds[-2:] == [abi.ACCEPTED, abi.CLOSED]
    for timeout_ms in (0, abi.INFINITE):
        with fails(abi.WSAEDISCON):
            server.next_event(timeout_ms)


def test_stop_wakes_who_waits(open_server: OpenServer, model: int) -> None:
    server = open_server(model=model)
    server.events()
    waiting = [Task(server.next_event, abi.INFINITE) for _ in range(3)]
    server.stop()
    for task in waiting:
        with fails(abi.WSAEDISCON):
            task.result()


@pytest.fixture
def watched(open_server: OpenServer, model: int) -> Iterator[tuple[Server, int]]:
    """A server with an empty journal, and its event object."""
    server = open_server(model=model)
    event = server.wait_handle()
    server.events()
    yield server, event
    assert kernel32.CloseHandle(event)


def test_wait_handle_is_signalled_while_there_are_events(
    watched: tuple[Server, int], open_client: OpenClient
) -> None:
    server, event = watched
    assert not signalled(event, 20)
    session(server, open_client, b"x")
    assert signalled(event, 60_000)
    wait_until(lambda: server.stats.connections_closed[abi.FIN] == 1, "it has ended")
    server.next_event(0)
    assert signalled(event), "one of two events is left"
    server.next_event(0)
    assert not signalled(event)


def test_wait_handle_is_signalled_once_stopped(watched: tuple[Server, int]) -> None:
    server, event = watched
    server.stop()
    assert signalled(event)
    with fails(abi.WSAEDISCON):
        server.next_event(0)
    assert signalled(event), "next_event would still not wait"


def test_wait_handle_is_signalled_once_closed(watched: tuple[Server, int]) -> None:
    server, event = watched
    server.close()
    assert signalled(event)


def test_wait_handles_are_each_their_callers(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    server = open_server(model=model)
    first, second = server.wait_handle(), server.wait_handle()
    assert first != second
    assert signalled(first)
    assert signalled(second)
    assert kernel32.CloseHandle(first)
    server.events()
    assert not signalled(second)
    session(server, open_client, b"x")
    assert signalled(second, 60_000)
    third = server.wait_handle()
    assert signalled(third)
    for event in (second, third):
        assert kernel32.CloseHandle(event)


def test_a_failed_call_leaves_the_event_as_it_was(open_server: OpenServer, model: int) -> None:
    server = open_server(model=model)
    event = handles.sized(abi.Event)
    handles.check(DLL.ws2echo_server_next_event(server.handle, 0, byref(event)))
    before = bytes(event)
    server.events()
    assert DLL.ws2echo_server_next_event(server.handle, 0, byref(event)) == abi.WSAETIMEDOUT
    assert bytes(event) == before
