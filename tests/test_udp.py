"""The server over UDP: each datagram is answered by its equal, from where it was asked, whatever happens."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from time import process_time, sleep

import abi
import pytest
from endings import ON_WINE
from fixtures import OpenClient, OpenServer
from handles import Server, fails
from messages import sent_messages
from plain import payload
from waiting import Task, wait_until

SIZES = [0, 1, 14, 512, 1472, 9000, 65_507]
OpenSocket = Callable[[], socket.socket]


@pytest.fixture
def open_socket(host: str) -> Iterator[OpenSocket]:
    """Makes plain UDP sockets on the loopback address of the family, which are closed after the test."""
    with ExitStack() as stack:

        def opened() -> socket.socket:
            kind = socket.AF_INET6 if ":" in host else socket.AF_INET
            plain = stack.enter_context(socket.socket(kind, socket.SOCK_DGRAM))
            plain.bind((host, 0))
            plain.settimeout(60)
            return plain

        yield opened


def assert_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.bind((host, port))


def test_each_is_answered_by_its_equal_from_where_it_was_asked(
    open_server: OpenServer, open_socket: OpenSocket, model: int, host: str
) -> None:
    server = open_server(model=model, protocol=abi.UDP)
    plain = open_socket()
    for size in SIZES:
        plain.sendto(payload(size, seed=size), (host, server.port))
        data, source = plain.recvfrom(70_000)
        assert data == payload(size, seed=size)
        assert source[:2] == (host, server.port)
    stats = server.stats
    assert (stats.datagrams_received, stats.datagrams_sent) == (len(SIZES), len(SIZES))
    assert stats.bytes_received == stats.bytes_sent == sum(SIZES)
    assert stats.connections_accepted == 0


def test_client_of_the_dll(open_server: OpenServer, open_client: OpenClient, model: int, host: str) -> None:
    server = open_server(model=model, protocol=abi.UDP)
    client = open_client(server.port, host=host, protocol=abi.UDP)
    for size in SIZES:
        reply, progress = client.echo(payload(size, seed=size))
        assert reply == payload(size, seed=size)
        assert progress.mismatch_offset == abi.NO_MISMATCH
    pinged = client.ping(datagrams=200, window=8, datagram_bytes=1000, reply_timeout_ms=30_000)
    assert (pinged.sent, pinged.received, pinged.lost, pinged.corrupt) == (200, 200, 0, 0)


def test_64_peers_get_their_own_bytes(
    open_server: OpenServer, open_socket: OpenSocket, model: int, host: str
) -> None:
    server = open_server(model=model, protocol=abi.UDP)
    peers = [open_socket() for _ in range(64)]
    for round_ in range(5):
        for index, plain in enumerate(peers):
            plain.sendto(payload(100 + index, seed=1000 * round_ + index), (host, server.port))
        for index, plain in enumerate(peers):
            assert plain.recv(70_000) == payload(100 + index, seed=1000 * round_ + index)


def test_too_long_ones_are_counted_and_not_answered(
    open_server: OpenServer, open_socket: OpenSocket, model: int, host: str
) -> None:
    server = open_server(model=model, protocol=abi.UDP, echo_buffer_bytes=1000)
    plain = open_socket()
    for size in (1001, 65_507):
        plain.sendto(payload(size), (host, server.port))
        plain.sendto(payload(1000), (host, server.port))
        assert plain.recv(70_000) == payload(1000)
    stats = server.stats
    assert (stats.datagrams_oversize, stats.datagrams_received, stats.datagrams_sent) == (2, 4, 2)


def test_too_long_ones_that_wait_already_when_it_is_received(
    open_server: OpenServer, open_socket: OpenSocket, model: int, host: str
) -> None:
    """A receive that ends at once is another path than one that waits: here several come before the next."""
    server = open_server(model=model, protocol=abi.UDP, echo_buffer_bytes=1000)
    plain = open_socket()
    rounds, in_a_row = 40, 5
    for round_ in range(rounds):
        for index in range(in_a_row):
            plain.sendto(payload(1001), (host, server.port))
            plain.sendto(payload(1000, seed=round_ * in_a_row + index), (host, server.port))
        for index in range(in_a_row):
            assert plain.recv(70_000) == payload(1000, seed=round_ * in_a_row + index)
    stats, each = server.stats, rounds * in_a_row
    assert (stats.datagrams_oversize, stats.datagrams_received, stats.datagrams_sent) == (
        each,
        2 * each,
        each,
    )


@pytest.mark.parametrize("told", [0, 1])
def test_an_answer_to_a_closed_port_harms_nobody(
    open_server: OpenServer, open_socket: OpenSocket, model: int, host: str, told: int
) -> None:
    server = open_server(model=model, protocol=abi.UDP, udp_connreset=told)
    plain = open_socket()
    for _ in range(20):
        with open_socket() as gone:
            gone.sendto(b"closed before the answer comes", (host, server.port))
        plain.sendto(b"still there", (host, server.port))
        assert plain.recv(100) == b"still there"
    wait_until(lambda: server.stats.datagrams_received == 40, "all have come")
    assert told or server.stats.datagrams_unreachable == 0
    assert server.options.udp_connreset == told


def test_tcp_and_udp_on_one_port(
    open_server: OpenServer,
    open_client: OpenClient,
    open_socket: OpenSocket,
    model: int,
    host: str,
) -> None:
    server = open_server(model=model, protocol=abi.TCP_AND_UDP)
    listening = server.events()
    assert {event.protocol for event in listening} == {abi.TCP, abi.UDP}
    assert {event.local.port for event in listening} == {server.port}
    assert len(listening) == 2 * len(server.addresses)
    plain, client = open_socket(), open_client(server.port, host=host)
    for index in range(10):
        plain.sendto(b"datagram %d" % index, (host, server.port))
        assert client.echo(b"stream %d" % index)[0] == b"stream %d" % index
        assert plain.recv(100) == b"datagram %d" % index
    client.shutdown()
    assert server.next_closed().reason == abi.FIN
    server.stop(1000)
    assert_free(host, server.port)


def test_draining_ends_it_and_frees_the_port(
    open_server: OpenServer, open_socket: OpenSocket, model: int, host: str
) -> None:
    server = open_server(model=model, protocol=abi.UDP)
    plain = open_socket()
    plain.sendto(b"x", (host, server.port))
    assert plain.recv(10) == b"x"
    server.drain(30_000)
    assert_free(host, server.port)
    assert server.stats.datagrams_sent == 1
    assert server.stop() == 0, "no connection was reset, for there is none"


def test_closing_under_fire(open_server: OpenServer, open_socket: OpenSocket, model: int, host: str) -> None:
    for _ in range(5):
        server = open_server(model=model, protocol=abi.UDP)
        port = server.port
        plain = open_socket()
        going_on = [True]

        def fire(target: tuple[str, int], plain: socket.socket, going_on: list[bool]) -> None:
            while going_on[0]:
                plain.sendto(bytes(500), target)

        firing = Task(fire, (host, port), plain, going_on)
        wait_until(lambda server=server: server.stats.datagrams_sent > 50, "it answers")  # type: ignore[misc]
        server.close()
        going_on[0] = False
        firing.result()
        assert_free(host, port)


def test_a_burst_is_answered_as_far_as_the_system_kept_it(
    open_server: OpenServer, open_socket: OpenSocket, model: int, host: str
) -> None:
    server = open_server(model=model, protocol=abi.UDP, receive_buffer_bytes=1 << 20)
    assert server.options.receive_buffer_bytes >= 1 << 17
    plain = open_socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    for index in range(300):
        plain.sendto(b"%d" % index, (host, server.port))
    wait_until(lambda: server.stats.datagrams_sent == 300, "300 short ones fit into the buffer")
    assert [plain.recv(100) for _ in range(300)] == [b"%d" % index for index in range(300)]


def test_the_wildcard_answers_every_address(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    server = open_server(model=model, protocol=abi.TCP_AND_UDP, host="*")
    for address in ("127.0.0.1", "::1"):
        client = open_client(server.port, host=address, protocol=abi.UDP)
        assert client.echo(b"over UDP")[0] == b"over UDP"
        assert client.echo(b"")[1].datagram_received == 1
        client = open_client(server.port, host=address)
        assert client.echo(b"over TCP")[0] == b"over TCP"


def ask_each(
    server: Server, asked: list[tuple[socket.socket, str]]
) -> list[tuple[socket.socket, str, bytes]]:
    """Send a datagram to each address, the next when that has come: who sent what where."""
    sent: list[tuple[socket.socket, str, bytes]] = []
    for number, (plain, address) in enumerate(asked):
        data = b"%d to %s" % (number, address.encode())
        plain.sendto(data, (address, server.port))
        server.wait(abi.UNTIL_RECEIVED, sum(len(each) for _, _, each in sent) + len(data))
        sent.append((plain, address, data))
    return sent


@pytest.mark.parametrize(
    "asked", [["127.0.0.1", "127.0.0.2", "127.0.0.2"], ["::1", "127.0.0.1", "127.0.0.1", "::1"]]
)
def test_the_wildcard_answers_late_from_the_address_that_was_asked(model: int, asked: list[str]) -> None:
    """Later ones came to other addresses before the answers of the first ones are sent."""
    with ExitStack() as stack:
        left = stack.enter_context(sent_messages())
        server = stack.enter_context(
            Server(model=model, protocol=abi.UDP, host="*", faults="latency:latency=200")
        )
        plains = {}
        for address in set(asked):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            plains[address] = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            plains[address].settimeout(60)
        sent = ask_each(server, [(plains[address], address) for address in asked])
        for plain, address, data in sent:
            got, source = plain.recvfrom(100)
            assert got == data
            assert ON_WINE or source[:2] == (address, server.port)
        stats = server.stats
        assert (stats.datagrams_sent, stats.datagrams_failed) == (len(asked), 0)
    assert left == [(data, ip_address(address)) for _, address, data in sent]


def test_the_wildcard_rests_when_nothing_comes(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    server = open_server(model=model, protocol=abi.TCP_AND_UDP, host="*")
    assert open_client(server.port, host="127.0.0.1", protocol=abi.UDP).echo(b"before")[0] == b"before"
    seconds = 1.0
    used = process_time()
    sleep(seconds)  # the very thing that is tested: that nothing goes on meanwhile
    assert process_time() - used < seconds / 4


def test_a_port_that_is_taken_by_udp_is_refused(
    open_server: OpenServer, open_socket: OpenSocket, model: int, host: str
) -> None:
    taken = open_socket().getsockname()[1]
    with fails(abi.WSAEADDRINUSE, "bind"):
        open_server(model=model, protocol=abi.UDP, host=host, port=taken)
    with fails(abi.WSAEADDRINUSE, "bind"):
        open_server(model=model, protocol=abi.TCP_AND_UDP, host=host, port=taken)
