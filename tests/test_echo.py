"""The echo itself: every byte comes back, in order, to the one who sent it, and FIN is answered with FIN."""

import random
import socket
from collections.abc import Callable

import abi
import pytest
from fixtures import OpenClient, OpenServer
from plain import fill_up, payload, read_exactly, read_to_fin, send_and_shut_down
from waiting import Task, wait_until

SIZES = [0, 1, 14, 512, 513, 64 * 1024, 16 * 1024 * 1024]
Connect = Callable[..., socket.socket]


@pytest.mark.parametrize("size", SIZES)
def test_client_gets_back_what_it_sent(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str, size: int
) -> None:
    server = open_server(model=model)
    client = open_client(server.port, host=host)
    data = payload(size)
    reply, progress = client.echo(data)
    assert reply == data
    assert (progress.bytes_sent, progress.bytes_received, progress.mismatch_offset) == (
        size,
        size,
        abi.NO_MISMATCH,
    )
    assert (client.stats.bytes_sent, client.stats.bytes_received) == (size, size)
    client.shutdown()
    assert client.recv() == b""
    closed = server.next_closed()
    assert (closed.reason, closed.bytes_received, closed.bytes_sent) == (abi.FIN, size, size)


@pytest.mark.parametrize("size", SIZES)
def test_half_close_comes_after_every_byte(
    open_server: OpenServer, connect: Connect, model: int, host: str, size: int
) -> None:
    """Everything is sent and the sending side shut down; all is read back, and then FIN, never a reset."""
    server = open_server(model=model)
    plain = connect(host, server.port)
    data = payload(size)
    sending = Task(send_and_shut_down, plain, data)
    assert read_to_fin(plain) == data
    sending.result()


def test_fin_and_no_reset_while_recv_waits(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    """A recv that waits when it happens tells a reset from FIN on every system."""
    server = open_server(model=model)
    plain = connect(host, server.port)
    plain.sendall(b"before")
    assert read_exactly(plain, 6) == b"before"
    waiting = Task(plain.recv, 10)
    assert waiting.blocks()
    plain.shutdown(socket.SHUT_WR)
    assert waiting.result() == b""
    assert server.next_closed().reason == abi.FIN


def test_half_close_by_the_client_of_the_dll(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str
) -> None:
    server = open_server(model=model)
    client = open_client(server.port, host=host)
    data = payload(3_000_000)

    def send() -> None:
        assert client.send(data) == len(data)
        client.shutdown()

    sending = Task(send)
    assert client.recv_to_fin() == data
    sending.result()
    assert client.recv() == b"", "FIN is told again at every further call"


def test_fin_is_answered_though_much_is_still_to_come(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    """The peer is done sending before it begins to read: the server holds on until the last byte has gone."""
    server = open_server(model=model, echo_buffer_bytes=4096)
    plain = connect(host, server.port)
    data = payload(2_000_000)
    sending = Task(send_and_shut_down, plain, data)
    wait_until(lambda: server.stats.bytes_received >= 65536, "the server received what it has room for")
    assert server.stats.connections_current == 1
    assert read_to_fin(plain) == data
    sending.result()
    assert server.next_closed().reason == abi.FIN


def test_byte_by_byte(open_server: OpenServer, connect: Connect, model: int, host: str) -> None:
    server = open_server(model=model)
    plain = connect(host, server.port)
    for value in range(256):
        plain.sendall(bytes([value]))
        assert plain.recv(10) == bytes([value])


def test_slices_need_not_meet_the_servers(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model)
    plain = connect(host, server.port)
    chance, data = random.Random(1), payload(200_000)

    def send() -> None:
        at = 0
        while at < len(data):
            step = chance.choice([1, 2, 511, 512, 513, 4096, 20_000])
            plain.sendall(data[at : at + step])
            at += step

    sending = Task(send)
    assert read_exactly(plain, len(data)) == data
    sending.result()


def test_200_connections_at_once_get_their_own_bytes(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str
) -> None:
    server = open_server(model=model)
    payloads = [payload(5_000 + 37 * index, seed=index) for index in range(200)]
    clients = [open_client(server.port, host=host) for _ in payloads]
    wait_until(lambda: server.stats.connections_current == 200, "200 connections at once")
    for client, data in zip(clients, payloads, strict=True):
        assert client.send(data[:4_000]) == 4_000
    for client, data in zip(reversed(clients), reversed(payloads), strict=True):
        assert client.send(data[4_000:]) == len(data) - 4_000
        client.shutdown()
    for client, data in zip(clients, payloads, strict=True):
        assert client.recv_to_fin() == data
    stats = server.stats
    assert (stats.connections_accepted, stats.connections_peak) == (200, 200)
    assert stats.bytes_received == stats.bytes_sent == sum(map(len, payloads))
    wait_until(lambda: server.stats.connections_closed[abi.FIN] == 200, "200 ends by FIN")
    assert server.stats.connections_current == 0


def test_who_never_reads_and_who_never_writes_slow_nobody(
    open_server: OpenServer, open_client: OpenClient, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model, echo_buffer_bytes=65536)
    silent = [connect(host, server.port) for _ in range(5)]
    stuck = [connect(host, server.port) for _ in range(3)]
    for filling in [Task(fill_up, plain) for plain in stuck]:
        filling.result()
    wait_until(lambda: server.stats.connections_current == 8, "all are accepted")
    data = payload(1_000_000)
    for _ in range(5):
        client = open_client(server.port, host=host)
        assert client.echo(data)[0] == data
    silent[0].sendall(b"and now a word")
    assert read_exactly(silent[0], 14) == b"and now a word"


def test_one_port_for_every_name_of_the_loopback(
    open_server: OpenServer, open_client: OpenClient, connect: Connect, model: int
) -> None:
    server = open_server(model=model)
    hosts = [address for address, port in server.addresses if port == server.port]
    assert set(hosts) <= {"127.0.0.1", "::1"}
    assert len(hosts) == len(server.addresses)
    for name in [*hosts, "localhost"]:
        plain = connect(name, server.port)
        plain.sendall(b"x\0y")
        assert read_exactly(plain, 3) == b"x\0y"
        assert open_client(server.port, host=name).echo(b"x\0y")[0] == b"x\0y"
    assert open_client(server.port).echo(b"default host")[0] == b"default host"


def test_reset_by_the_peer_ends_only_that_connection(
    open_server: OpenServer, open_client: OpenClient, model: int, host: str
) -> None:
    server = open_server(model=model)
    staying = open_client(server.port, host=host)
    leaving = open_client(server.port, host=host, linger_s=0)
    leaving.echo(b"before")
    leaving.close()
    assert server.next_closed().reason == abi.RESET
    assert staying.echo(b"after")[0] == b"after"
