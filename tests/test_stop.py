"""Stop and close: what they promise is true when they return, under load, from any thread, 100 times over."""

import contextlib
import random
import socket
import threading
from collections.abc import Callable

import abi
import pytest
import resources
from endings import ending
from fixtures import OpenClient, OpenServer
from handles import CallError, Server, fails
from plain import fill_up, read_to_fin
from waiting import Task, wait_until

Connect = Callable[..., socket.socket]
EXCLUSIVE = -5  # SO_EXCLUSIVEADDRUSE


def assert_free(addresses: list[tuple[str, int]]) -> None:
    """Nobody holds the addresses: they can be bound exclusively, and listened on."""
    for host, port in addresses:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as plain:
            plain.setsockopt(socket.SOL_SOCKET, EXCLUSIVE, 1)
            plain.bind((host, port))
            plain.listen()


def test_stop_resets_what_is_left_and_says_how_many(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model)
    plains = [connect(host, server.port) for _ in range(5)]
    wait_until(lambda: server.stats.connections_current == 5, "all are accepted")
    assert server.stop() == 5
    stats = server.stats
    assert (stats.connections_current, stats.connections_closed[abi.STOPPED]) == (0, 5)
    for plain in plains:
        assert ending(plain) == "reset"


def test_after_stop_nothing_listens_and_much_can_be_read(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str
) -> None:
    server = open_server(model=model)
    port, addresses = server.port, server.addresses
    client = open_client(port, host=host)
    client.echo(b"x")
    assert server.stop() == 1
    with fails(abi.WSAECONNREFUSED):
        open_client(port, host=host)
    assert server.port == port
    assert server.addresses == addresses
    assert server.stats.bytes_received == 1
    assert server.options.port == port
    assert server.stop(1000) == 0, "stopping a stopped server does nothing"
    server.drain(0)


def test_close_frees_the_port(model: int, host: str) -> None:
    with Server(model=model) as server, socket.create_connection((host, server.port)) as plain:
        addresses = server.addresses
        plain.sendall(b"x")
        assert plain.recv(1) == b"x"
        server.close()
        with fails(abi.WSAENOTSOCK):
            _ = server.port
        assert ending(plain) == "reset"
    assert_free(addresses)


def test_stop_frees_the_port_and_the_threads(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    before = resources.holdings()
    server = open_server(model=model)
    plains = [connect(host, server.port) for _ in range(10)]
    wait_until(lambda: server.stats.connections_current == 10, "all are accepted")
    server.stop()
    for plain in plains:
        plain.close()
    wait_until(lambda: len(resources.own_threads()) <= len(before.threads), "the server's threads have gone")
    assert_free(server.addresses)


def test_drain_serves_to_the_last_byte(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model)
    plain = connect(host, server.port)
    plain.sendall(b"before")
    assert plain.recv(10) == b"before"
    draining = Task(server.drain, abi.INFINITE)
    wait_until(lambda: refused(host, server.port), "the draining server accepts nobody")
    plain.sendall(b"meanwhile")
    assert plain.recv(10) == b"meanwhile"
    assert draining.running
    plain.shutdown(socket.SHUT_WR)
    assert plain.recv(10) == b""
    draining.result()
    assert server.next_closed().reason == abi.FIN
    assert server.stop() == 0


def refused(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=60).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


def test_drain_ends_by_its_time_and_may_go_on(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model)
    plain = connect(host, server.port)
    plain.sendall(b"x")
    assert plain.recv(1) == b"x"
    for timeout_ms in (0, 1, 100):
        with fails(abi.WSAETIMEDOUT):
            server.drain(timeout_ms)
    plain.sendall(b"still served")
    assert plain.recv(20) == b"still served"
    plain.close()
    server.drain(60_000)
    assert server.stats.connections_current == 0


def test_stop_drains_until_all_have_left(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model)
    plains = [connect(host, server.port) for _ in range(2)]
    wait_until(lambda: server.stats.connections_current == 2, "both are accepted")
    stopping = Task(server.stop, 600_000)
    wait_until(lambda: refused(host, server.port), "the stopping server accepts nobody")
    for plain in plains:
        assert stopping.running
        plain.sendall(b"meanwhile")
        assert plain.recv(10) == b"meanwhile"
        plain.shutdown(socket.SHUT_WR)
        assert plain.recv(10) == b""
    assert stopping.result() == 0
    stats = server.stats  # who asked whether it accepts may have come just before
    assert stats.connections_closed[abi.FIN] == stats.connections_accepted >= 2


def test_stop_drains_for_its_time_then_resets(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model)
    staying, leaving = connect(host, server.port), connect(host, server.port)
    wait_until(lambda: server.stats.connections_current == 2, "both are accepted")
    leaving.shutdown(socket.SHUT_WR)
    assert leaving.recv(10) == b""
    assert server.next_closed().reason == abi.FIN
    before_us = server.stats.uptime_us
    assert server.stop(200) == 1
    closed = server.next_closed()
    assert closed.reason == abi.STOPPED
    assert closed.time_us - before_us >= 200_000
    assert ending(staying) == "reset"
    assert server.stats.connections_closed[abi.FIN] == 1


def test_stop_with_who_never_reads(open_server: OpenServer, connect: Connect, model: int, host: str) -> None:
    """A connection whose thread is stuck in send is reset as well, and at once."""
    server = open_server(model=model, echo_buffer_bytes=65536)
    plain = connect(host, server.port)
    fill_up(plain)
    assert server.stop() == 1


def test_half_a_connection_is_open_until_it_is_stopped(
    open_server: OpenServer, connect: Connect, model: int
) -> None:
    """The fault `fin` ends one half: as long as the peer has the other it is served, and left to be reset."""
    server = open_server(model=model, faults="fin:at=0", connections_max=1)
    plain = connect("127.0.0.1", server.port)
    assert read_to_fin(plain) == b""
    plain.sendall(b"still read")
    server.wait(abi.UNTIL_RECEIVED, 10)
    assert server.stats.connections_current == 1
    assert ending(connect("127.0.0.1", server.port)) == "fin"
    assert server.next_closed().reason == abi.CAP
    with fails(abi.WSAETIMEDOUT, "1 connections left"):
        server.drain(0)
    assert server.stop() == 1
    with pytest.raises(ConnectionError):  # Linux says EPIPE after FIN and a reset
        plain.send(b"x")
    closed = server.next_closed()
    assert (closed.reason, closed.rule, closed.bytes_received) == (abi.BY_FAULT, 1, 10)
    assert server.stats.connections_current == 0
    assert server.stop() == 0


def test_half_a_connection_gives_its_place_back(
    open_server: OpenServer, connect: Connect, model: int
) -> None:
    server = open_server(model=model, faults="fin:at=0", connections_max=1)
    for _ in range(3):
        plain = connect("127.0.0.1", server.port)
        assert read_to_fin(plain) == b""
        server.wait(abi.UNTIL_OPEN, 1)
        plain.close()
        assert server.next_closed().reason == abi.BY_FAULT
        assert server.stats.connections_current == 0
    assert server.stop() == 0


def test_stop_from_many_threads_counts_each_connection_once(
    open_server: OpenServer, connect: Connect, model: int
) -> None:
    server = open_server(model=model)
    for _ in range(20):
        connect("127.0.0.1", server.port)
    wait_until(lambda: server.stats.connections_current == 20, "all are accepted")
    stopping = [Task(server.stop, timeout_ms) for timeout_ms in (0, 0, 50, 0)]
    assert sum(task.result() for task in stopping) == 20


def test_close_from_many_threads_succeeds_once(connect: Connect, model: int) -> None:
    for _ in range(10):
        with Server(model=model) as server:
            plain = connect("127.0.0.1", server.port)
            plain.sendall(b"x")
            barrier = threading.Barrier(8)

            def close(server: Server = server, barrier: threading.Barrier = barrier) -> int:
                barrier.wait()
                try:
                    server.close()
                except CallError as failure:
                    return failure.code
                return 0

            codes = [task.result() for task in [Task(close) for _ in range(8)]]
        assert sorted(codes) == [0] + [abi.WSAENOTSOCK] * 7


class Load:
    """Threads that hold sessions with whatever server there is; servers vanish under them."""

    def __init__(self, count: int) -> None:
        self.address: tuple[str, int] | None = None
        self.sessions = 0
        self._ended = threading.Event()
        self._tasks = [Task(self._run, seed) for seed in range(count)]

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._ended.is_set():
            address = self.address
            if address is None:
                self._ended.wait(0.002)
                continue
            with contextlib.suppress(OSError), socket.create_connection(address, timeout=60) as plain:
                plain.sendall(chance.randbytes(chance.choice([1, 1000, 100_000])))
                if chance.random() < 0.5:
                    plain.shutdown(socket.SHUT_WR)
                    while plain.recv(65536):
                        pass
                    self.sessions += 1
                elif chance.random() < 0.5:
                    plain.recv(1)

    def end(self) -> None:
        self._ended.set()
        for task in self._tasks:
            task.result()


@pytest.mark.timeout(600)
def test_stop_and_close_under_load_a_hundred_times(model: int, host: str) -> None:
    """Handles, threads and sockets are back to where they were; what is left is told by name."""
    before = resources.holdings()
    load = Load(6)
    try:
        for turn in range(100):
            with Server(model=model, idle_timeout_ms=10_000) as server:
                addresses = server.addresses
                load.address = (host, server.port)
                wait_until(lambda server=server: server.stats.bytes_received > 1_000, "the load has begun")  # type: ignore[misc]
                if turn % 3:
                    server.stop(0 if turn % 3 == 1 else 20)
                load.address = None
                server.close()
            assert_free(addresses)
    finally:
        load.end()
    assert load.sessions > 0
    left = resources.left_behind(before)
    assert not left, left


def test_clients_opened_and_closed_under_way(open_server: OpenServer, model: int, host: str) -> None:
    """Clients closed at every stage of a session leave nothing, neither here nor in the server."""
    from handles import Client

    server = open_server(model=model)
    for turn in range(100):
        with Client(server.port, host=host, begin=turn % 2 == 0) as client:
            if turn % 2 == 0 and turn % 4:
                client.connect(30_000)
            if turn % 4:
                client.send(bytes(turn * 100))
    wait_until(lambda: server.stats.connections_current == 0, "no connection is left in the server")
