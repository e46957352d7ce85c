"""Many clients at once, bad ones among them, and every way to accept them: in every model."""

import contextlib
import random
import socket
import statistics
import struct
import time
from collections.abc import Callable

import abi
import handles
import pytest
from fixtures import OpenClient, OpenLoad, OpenServer
from handles import Client, Server, fails
from plain import fill_up, payload, read_exactly
from waiting import Task, wait_until

Connect = Callable[..., socket.socket]
WAYS = [
    pytest.param(info.model, way, id=f"{info.name.decode()}-{name}")
    for info in handles.models()
    for way, name in ((abi.ACCEPTEX, "acceptex"), (abi.WSAACCEPT, "wsaaccept"))
    if info.accepts & 1 << way
]


def connect_many(host: str, port: int, count: int) -> list[socket.socket]:
    """Connects that all begin before the first has ended."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    plains = [socket.socket(kind) for _ in range(count)]
    for plain in plains:
        plain.setblocking(False)
        plain.connect_ex((host, port))
    for plain in plains:
        plain.settimeout(60)
    return plains


@pytest.mark.parametrize(("model", "accept"), WAYS)
def test_500_clients_connect_at_once(open_server: OpenServer, model: int, accept: int, host: str) -> None:
    server = open_server(model=model, accept=accept)
    assert server.options.accept == accept
    with contextlib.ExitStack() as stack:
        plains = [stack.enter_context(plain) for plain in connect_many(host, server.port, 500)]
        for index, plain in enumerate(plains):
            wait_until(lambda plain=plain: connected(plain), "it is connected")  # type: ignore[misc]
            plain.sendall(b"\0%d" % index)
        for index, plain in enumerate(plains):
            assert read_exactly(plain, len(b"\0%d" % index)) == b"\0%d" % index
            plain.shutdown(socket.SHUT_WR)
        for plain in plains:
            assert plain.recv(1) == b""
    wait_until(lambda: server.stats.connections_closed[abi.FIN] == 500, "500 ends by FIN")
    assert server.stats.accept_failures == 0


def connected(plain: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        plain.getpeername()
        return True
    return False


@pytest.mark.parametrize(("model", "accept"), WAYS)
def test_a_silent_client_holds_nobody_up(
    open_server: OpenServer, connect: Connect, model: int, accept: int
) -> None:
    server = open_server(model=model, accept=accept, accepts_pending=2 if accept == abi.ACCEPTEX else 0)
    silent = [connect("127.0.0.1", server.port) for _ in range(20)]
    wait_until(lambda: server.stats.connections_current == 20, "they are accepted before they say anything")
    late = connect("127.0.0.1", server.port)
    late.sendall(b"first\0words")
    assert read_exactly(late, 11) == b"first\0words"
    silent[7].sendall(b"at last")
    assert read_exactly(silent[7], 7) == b"at last"


def reset(plain: socket.socket) -> None:
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh", 1, 0))
    plain.close()


@pytest.mark.parametrize(("model", "accept"), WAYS)
def test_peers_that_reset_at_once_hold_nobody_up(
    open_server: OpenServer, open_client: OpenClient, connect: Connect, model: int, accept: int
) -> None:
    """Whether they are accepted before is chance."""
    server = open_server(model=model, accept=accept)
    for index in range(40):
        gone = connect("127.0.0.1", server.port)
        if index % 2:
            gone.sendall(b"x" * 1000)
        reset(gone)
    assert open_client(server.port).echo(b"served")[0] == b"served"
    wait_until(lambda: server.stats.connections_current <= 1, "those that are gone are closed")
    assert server.stats.accept_failures == 0


@pytest.mark.parametrize(("model", "accept"), WAYS)
def test_a_busy_listener_leaves_the_other_its_turn(
    open_server: OpenServer, open_load: OpenLoad, model: int, accept: int
) -> None:
    """One address has always somebody to accept."""
    server = open_server(model=model, accept=accept)
    for busy, other in (("127.0.0.1", "::1"), ("::1", "127.0.0.1")):
        crowd = open_load(server.port, host=busy, connections=64, messages_per_connection=1)
        wait_until(lambda crowd=crowd: crowd.stats.connections_finished >= 64, "the crowd comes and goes")  # type: ignore[misc]
        for _ in range(5):
            with Client(server.port, host=other) as client:
                client.echo(b"x")
        assert not crowd.stats.finished
        crowd.stop()
        crowd.wait()
        assert crowd.problems() == []


def test_what_came_back_is_counted(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    """Statistics are not behind what a client has in its hands."""
    server = open_server(model=model, protocol=abi.TCP_AND_UDP)
    clients = [open_client(server.port, protocol=protocol) for protocol in (abi.TCP, abi.UDP)]
    for number in range(1, 101):
        for index, client in enumerate(clients):
            client.echo(b"ten bytes!")
            assert server.stats.bytes_sent == 10 * (2 * number - 1 + index)
    assert server.stats.datagrams_sent == 100


def await_accepted(server: Server, least: int) -> None:
    wait_until(lambda: server.stats.connections_accepted >= least, "some are accepted")


@pytest.mark.parametrize(("model", "accept"), WAYS)
def test_stop_while_they_connect(open_server: OpenServer, model: int, accept: int) -> None:
    """Each one that connects meanwhile is served, reset or refused; and stop ends."""
    chance = random.Random(model * 10 + accept)
    for _ in range(10):
        server = open_server(model=model, accept=accept)
        port = server.port
        with contextlib.ExitStack() as stack:
            plains = [stack.enter_context(plain) for plain in connect_many("127.0.0.1", port, 30)]
            await_accepted(server, chance.randrange(15))
            stopping = [Task(server.stop) for _ in range(2)]
            assert sum(task.result() for task in stopping) == server.stats.connections_closed[abi.STOPPED]
            assert server.stats.connections_current == 0
            assert len(plains) == 30


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_any_number_of_workers(
    open_server: OpenServer, open_client: OpenClient, model: int, workers: int
) -> None:
    if not handles.models()[model].workers:
        with fails(abi.WSAEOPNOTSUPP, "workers"):
            open_server(model=model, workers=workers)
        return
    server = open_server(model=model, workers=workers, protocol=abi.TCP_AND_UDP)
    assert server.options.workers == workers
    clients = [open_client(server.port) for _ in range(40)]
    for round_ in range(3):
        for index, client in enumerate(clients):
            data = payload(1000 * index, seed=round_)
            assert client.echo(data)[0] == data
    assert open_client(server.port, protocol=abi.UDP).echo(b"and UDP")[0] == b"and UDP"


def test_what_a_model_does_not_offer_is_refused(open_server: OpenServer, model: int) -> None:
    info = handles.models()[model]
    for way in (abi.ACCEPTEX, abi.WSAACCEPT):
        if not info.accepts & 1 << way:
            with fails(abi.WSAEOPNOTSUPP, "accept"):
                open_server(model=model, accept=way)
    with fails(abi.WSAEOPNOTSUPP, "accepts_pending"):
        open_server(model=model, accept=abi.WSAACCEPT, accepts_pending=4)


def echo_times(client: Client, count: int) -> list[float]:
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        client.echo(b"x" * 64)
        times.append(time.perf_counter() - begun)
    return times


@pytest.mark.alone
def test_bad_clients_leave_the_others_latency_as_it_was(
    open_server: OpenServer, open_client: OpenClient, connect: Connect, model: int
) -> None:
    """Compared with a server without them, in turns, so that a noisy machine disturbs both alike."""
    calm, crowded = open_server(model=model), open_server(model=model, echo_buffer_bytes=65536)
    stuck = connect("127.0.0.1", crowded.port)
    fill_up(stuck)
    silent = [connect("127.0.0.1", crowded.port) for _ in range(3)]
    clients = [open_client(server.port, host="127.0.0.1") for server in (calm, crowded)]
    ratios = []
    for _ in range(9):
        alone, beside = (statistics.median(echo_times(client, 60)) for client in clients)
        ratios.append(beside / alone)
    assert statistics.median(ratios) < 3, (
        f"echoes beside bad clients take {statistics.median(ratios):.1f} times as long"
    )
    assert len(silent) == 3


def test_16_mib_both_ways_by_several_at_once(open_server: OpenServer, model: int, host: str) -> None:
    server = open_server(model=model)
    data = payload(16 * 1024 * 1024)

    def echo() -> bool:
        with Client(server.port, host=host) as client:
            return client.echo(data, timeout_ms=60_000)[0] == data

    tasks = [Task(echo) for _ in range(3)]
    assert all(task.result(120) for task in tasks)


def test_closing_in_the_middle_of_transfers(connect: Connect, model: int) -> None:
    data = payload(1_000_000)
    for index in range(10):
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(Server(model=model))
            clients = [stack.enter_context(Client(server.port)) for _ in range(4)]

            def echo(client: Client) -> int:
                try:
                    while client.echo(data)[0] == data:
                        pass
                except handles.CallError as failure:
                    return failure.code
                return 0

            echoing = [Task(echo, client) for client in clients]
            wait_until(
                lambda server=server, least=100_000 * index: server.stats.bytes_sent >= least,  # type: ignore[misc]
                "bytes have gone back",
            )
            server.close()
            for task in echoing:
                assert task.result() in (abi.WSAECONNRESET, abi.WSAECONNABORTED, abi.WSAEDISCON)
