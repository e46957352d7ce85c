"""The Python binding: values in and out, and each exception."""

import array
import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ws2echo
from waiting import LIMIT_S, Task, more_and_more, wait_until
from ws2echo import Accept, Client, EventKind, Reason, Server, UsageError
from ws2echo._waiting import Pace

WSAEOPNOTSUPP = 10045
WSAEINVAL, WSAEADDRINUSE, WSAENOTSOCK, WSAESHUTDOWN, WSAEDISCON = 10022, 10048, 10038, 10058, 10101
WSA_OPERATION_ABORTED, WSAHOST_NOT_FOUND = 995, 11001


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as opened:
        yield opened


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.port) as opened:
        yield opened


@contextlib.contextmanager
def open_pair() -> Iterator[tuple[Client, socket.socket]]:
    """A client, and a plain socket at the other end, which does what the test makes it do."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Client(listener.getsockname()[1], "127.0.0.1") as client,
        listener.accept()[0] as peer,
    ):
        peer.settimeout(LIMIT_S)
        yield client, peer


@pytest.fixture
def pair() -> Iterator[tuple[Client, socket.socket]]:
    with open_pair() as both:
        yield both


# ---- values


def test_the_session_of_the_readme() -> None:
    with Server(model="threads", protocol="tcp") as server:
        with Client(port=server.port) as client:
            assert client.echo(b"x\0y") == b"x\0y"
        assert server.stats.connections_accepted == 1


def test_options_come_back_as_given() -> None:
    given = {
        "backlog": 7,
        "connections_max": 9,
        "idle_timeout": 12.5,
        "send_timeout": 0.001,
        "no_delay": False,
        "udp_connreset": False,
        "linger": 3,
        "echo_buffer_bytes": 4096,
        "journal_events": 16,
    }
    with Server("127.0.0.1", family="ipv4", **given) as server:  # type: ignore[arg-type]
        options = server.options
        assert {name: getattr(options, name) for name in given} == given
        assert (options.host, options.port, options.family) == ("127.0.0.1", server.port, "ipv4")
        assert server.addresses == (("127.0.0.1", server.port),)
        assert str(server.addresses[0]) == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("name", [info.name for info in ws2echo.models()])
def test_every_model_holds_a_session(name: str) -> None:
    with Server(model=name) as server:
        assert server.options.model == name
        with Client(server.port) as client:
            data = bytes(range(256)) * 1200
            assert client.echo(data) == data
            client.shutdown()
            assert client.recv() == b""
            mine = client.local_address
        server.drain(LIMIT_S)
        assert server.stop() == 0
        *listening, accepted, closed = server.events(timeout=None)
        assert [event.local for event in listening] == list(server.addresses)
        assert {event.protocol for event in (*listening, accepted, closed)} == {ws2echo.Protocol.TCP}
        assert accepted.peer == closed.peer == mine
        assert (closed.reason, closed.bytes_received, closed.bytes_sent) == (Reason.FIN, len(data), len(data))
        stats = server.stats
        assert (stats.connections_closed[Reason.FIN], stats.datagrams_received, stats.datagrams_sent) == (
            1,
            0,
            0,
        )


@pytest.mark.parametrize("info", ws2echo.models(), ids=lambda info: str(info.name))
def test_what_a_model_offers_is_what_it_takes(info: ws2echo.ModelInfo) -> None:
    for way in set(Accept) - {Accept.DEFAULT}:
        if way not in info.accepts:
            with pytest.raises(OSError, match="accept") as caught:
                Server(model=info.name, accept=way)
            assert caught.value.winerror == WSAEOPNOTSUPP
            continue
        with Server(model=info.name, accept=way) as server, Client(server.port) as client:
            assert client.echo(b"x") == b"x"
            assert server.options.accept is way
    if info.workers:
        with Server(model=info.name, workers=2) as server, Client(server.port) as client:
            assert client.echo(b"x") == b"x"
            assert server.options.workers == 2
    else:
        with pytest.raises(OSError, match="workers") as caught:
            Server(model=info.name, workers=2)
        assert caught.value.winerror == WSAEOPNOTSUPP


@pytest.mark.parametrize("info", ws2echo.models(), ids=lambda info: str(info.name))
def test_the_librarys_choices_are_told(info: ws2echo.ModelInfo) -> None:
    with Server(model=info.name) as server:
        options = server.options
    by_accept_ex = Accept.ACCEPTEX in info.accepts
    assert options.accept is (Accept.ACCEPTEX if by_accept_ex else Accept.WSAACCEPT)
    assert options.accepts_pending == (16 if by_accept_ex else 0)
    assert (options.workers > 0) is info.workers
    if by_accept_ex:
        with Server(model=info.name, accept="acceptex", accepts_pending=3) as server:
            assert server.options.accepts_pending == 3


def test_options_not_given_are_the_dlls_own() -> None:
    with Server() as server, Client(server.port) as client:
        options = server.options
        assert (options.connections_max, options.idle_timeout, options.send_timeout, options.linger) == (
            None,
        ) * 4
        assert (options.no_delay, options.echo_buffer_bytes, options.journal_events) == (True, 262144, 4096)
        assert (options.model, options.protocol, options.udp_connreset) == ("threads", "tcp", True)
        assert client.options.connect_timeout == 10.0
        assert client.options.send_timeout == client.options.receive_timeout == 30.0
        assert (client.options.host, client.options.no_delay, client.options.linger) == (
            "localhost",
            True,
            None,
        )


def test_times_are_seconds_rounded_up_to_milliseconds() -> None:
    with Server(idle_timeout=1e-9, send_timeout=None) as server:
        assert server.options.idle_timeout == 0.001
        assert server.options.send_timeout is None


def test_options_and_counters_cannot_be_changed(server: Server) -> None:
    for value in (server.options, server.stats, server.next_event(LIMIT_S)):
        with pytest.raises(AttributeError):
            value.port = 1  # type: ignore[union-attr, misc]


def test_events_tell_the_story(server: Server) -> None:
    with Client(server.port, "127.0.0.1") as client:
        client.echo(b"this is a test")
        client.shutdown()
        assert client.recv() == b""
        mine = client.local_address
    server.drain(LIMIT_S)
    server.stop()
    events = list(server.events(timeout=None))
    kinds = [event.kind for event in events]
    assert kinds == [EventKind.LISTENING] * len(server.addresses) + [EventKind.ACCEPTED, EventKind.CLOSED]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    listening, accepted, closed = events[0], events[-2], events[-1]
    assert listening.peer is None
    assert listening.local == server.addresses[0]
    assert accepted.peer == closed.peer == mine
    assert (accepted.reason, closed.reason, closed.error) == (Reason.NONE, Reason.FIN, 0)
    assert (closed.bytes_received, closed.bytes_sent, closed.connection_id) == (14, 14, 1)
    assert closed.time_us >= closed.duration_us > 0
    assert server.stats.connections_closed[Reason.FIN] == 1


def test_events_that_are_there_now_do_not_wait(server: Server) -> None:
    assert len(list(server.events())) == len(server.addresses)
    assert list(server.events()) == []


def test_counters_of_a_client(client: Client) -> None:
    client.echo(b"123")
    stats = client.stats
    assert (stats.bytes_sent, stats.bytes_received) == (3, 3)
    assert (stats.datagrams_sent, stats.datagrams_received, stats.datagrams_unreachable) == (0, 0, 0)
    assert stats.uptime_us > 0


@pytest.mark.parametrize("name", [info.name for info in ws2echo.models()])
def test_stop_says_how_many_it_had_to_reset(name: str) -> None:
    with Server(model=name) as server, contextlib.ExitStack() as opened:
        clients = [opened.enter_context(Client(server.port)) for _ in range(3)]
        for each in clients:
            each.echo(b"x")
        assert server.stop(drain_timeout=0.05) == 3
        assert server.stop() == 0
        assert server.stats.connections_closed[Reason.STOPPED] == 3
        for each in clients:
            with pytest.raises(ConnectionError):
                each.echo(b"x")


def test_repr_names_the_ends(server: Server, client: Client) -> None:
    assert f"127.0.0.1:{server.port}" in repr(server)
    assert str(client.peer_address) in repr(client)
    client.close()
    assert "closed" in repr(client)


# ---- buffers


def test_bytes_like_objects_go_in(client: Client) -> None:
    numbers = array.array("I", range(1000))
    grid = memoryview(bytes(range(256))).cast("B", (16, 16))
    for data in (
        b"bytes",
        bytearray(b"bytearray"),
        memoryview(b"memoryview")[2:7],
        numbers,
        grid,
        bytearray(),
    ):
        assert client.echo(data) == bytes(data)
        assert client.send(data) == memoryview(data).nbytes
        assert client.recv_exactly(memoryview(data).nbytes) == bytes(data)


def test_what_is_no_buffer_does_not_go_in(client: Client) -> None:
    for wrong in ("text", 5, None, [1]):
        with pytest.raises(TypeError):
            client.send(wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            client.echo(wrong)  # type: ignore[arg-type]
    scattered = memoryview(bytes(10))[::2]
    with pytest.raises(BufferError):
        client.send(scattered)
    with pytest.raises(BufferError):
        client.echo(scattered)
    assert client.echo(b"still fine") == b"still fine"


def test_receiving_into_a_buffer_of_the_caller(client: Client) -> None:
    client.send(b"abcdef")
    buffer = bytearray(b"........")
    with memoryview(buffer) as view:
        received = 0
        while received < 6:
            received += client.recv_into(view[1 + received : 7])
    assert buffer == b".abcdef."
    items = array.array("I", [0, 0])
    client.send(b"\1\0\0\0\2\0\0\0")
    assert client.recv_into(items) <= 8


def test_a_buffer_that_cannot_be_written_is_refused(client: Client) -> None:
    for wrong in (b"bytes", memoryview(b"bytes")):
        with pytest.raises(BufferError):
            client.recv_into(wrong)  # type: ignore[arg-type, unused-ignore]
        with pytest.raises(BufferError):
            client.echo_into(b"12345", wrong)  # type: ignore[arg-type, unused-ignore]
    with pytest.raises(BufferError):
        client.recv_into(memoryview(bytearray(8))[::2])
    with pytest.raises(TypeError):
        client.recv_into("text")  # type: ignore[arg-type]


def test_echo_into(client: Client) -> None:
    reply = bytearray(300_000)
    data = bytes(range(250)) * 1200
    assert client.echo_into(data, reply) == len(data)
    assert reply == data
    with pytest.raises(ValueError, match="299999"):
        client.echo_into(data, memoryview(reply)[1:])
    with pytest.raises(ValueError, match="overlap"):
        client.echo_into(memoryview(reply)[:10], memoryview(reply)[9:19])
    with pytest.raises(ValueError, match="overlap"):
        client.echo_into(memoryview(reply)[:200_000], memoryview(reply)[100_000:])
    assert client.echo_into(memoryview(reply)[:10], memoryview(reply)[10:20]) == 10
    assert client.echo_into(array.array("I"), array.array("I")) == 0


def test_a_buffer_is_free_again_after_the_call(client: Client, server: Server) -> None:
    data, reply = bytearray(b"12345"), bytearray(5)
    client.echo_into(data, reply)
    client.send(data)
    client.recv_into(reply)
    with pytest.raises(TimeoutError):
        client.recv_into(reply, timeout=0)
    server.stop()
    failures = []
    for call in (lambda: client.send(data), lambda: client.echo_into(data, reply), lambda: client.echo(data)):
        with pytest.raises(ConnectionError) as caught:
            _repeat(call)
        failures.append(caught)  # with its traceback
    data.append(0)
    reply.append(0)  # BufferError if anything still held it


def _repeat(call: Callable[[], object]) -> None:
    while True:
        call()


def test_recv_does_not_allocate_what_may_never_come(client: Client) -> None:
    client.send(b"x")
    assert client.recv(1 << 62) == b"x"
    assert client.recv(0) == b""
    for wrong in (-1, 1 << 63):
        with pytest.raises(ValueError, match="size"):
            client.recv(wrong)
    with pytest.raises(TypeError):
        client.recv(1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 14, 512, 513, 65536, 1 << 24])
def test_sizes(client: Client, size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    assert client.echo(data) == data
    reply = client.echo(bytearray(data))
    assert type(reply) is bytes
    assert reply == data


def is_held(buffer: bytearray) -> bool:
    """Whether a call has the buffer: while it does, its memory must stay where it is."""
    try:
        buffer.append(0)
    except BufferError:
        return True
    del buffer[-1]
    return False


# ---- what a peer can do


def test_a_wrong_echo(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    peer.sendall(b"abXdeY")
    with pytest.raises(ws2echo.EchoMismatchError, match=r"byte 2 of 6 came back as 0x58") as caught:
        client.echo(b"abcdef")
    assert (caught.value.offset, caught.value.sent, caught.value.reply) == (2, b"abcdef", b"abXdeY")
    peer.sendall(b"xyz")
    assert client.echo(b"abc", check=False) == b"xyz"
    reply = bytearray(3)
    peer.sendall(b"xyz")
    assert client.echo_into(b"abc", reply, check=False) == 3
    assert reply == b"xyz"


def test_a_wrong_byte_late_in_a_large_echo(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    data = bytes(1_000_000)
    wrong = bytearray(data)
    wrong[777_777] = 1
    sending = Task(peer.sendall, wrong)
    receiving = Task(_receive_all, peer, len(data))
    with pytest.raises(ws2echo.EchoMismatchError) as caught:
        client.echo(data)
    assert caught.value.offset == 777_777
    sending.result()
    receiving.result()


def _receive_all(peer: socket.socket, size: int) -> None:
    while size:
        size -= len(peer.recv(min(size, 65536)))


def test_an_echo_that_ends_early(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    peer.sendall(b"ab")
    peer.shutdown(socket.SHUT_WR)
    with pytest.raises(OSError, match="WSAEDISCON") as caught:
        client.echo(b"abcdef")
    assert caught.value.winerror == WSAEDISCON
    assert vars(caught.value)["bytes_received"] == 2


def test_recv_exactly_that_ends_early(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    peer.sendall(b"ab")
    with pytest.raises(TimeoutError) as late:
        client.recv_exactly(3, timeout=0.05)
    assert vars(late.value)["partial"] == b"ab"
    peer.sendall(b"cd")
    peer.shutdown(socket.SHUT_WR)
    with pytest.raises(EOFError, match="2 of 3") as early:
        client.recv_exactly(3)
    assert vars(early.value)["partial"] == b"cd"


def test_a_send_that_gets_stuck_says_how_far_it_came(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    data = bytes(range(251)) * 300_000
    with pytest.raises(TimeoutError) as caught:
        client.send(data, timeout=0.25)
    sent = vars(caught.value)["bytes_sent"]
    assert 0 < sent < len(data)
    assert sent == client.stats.bytes_sent
    received = bytearray()
    reading = Task(_read_to_the_end, peer, received)
    assert client.send(memoryview(data)[sent:]) == len(data) - sent
    client.shutdown()
    reading.result()
    assert received == data


def _read_to_the_end(peer: socket.socket, received: bytearray) -> None:
    while piece := peer.recv(1 << 20):
        received += piece


# ---- exceptions


def test_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionRefusedError, match="WSAECONNREFUSED") as caught:
            Client(port, "127.0.0.1")
    assert caught.value.winerror == 10061
    assert str(port) in str(caught.value)


def test_timed_out(client: Client, server: Server) -> None:
    with pytest.raises(TimeoutError, match="WSAETIMEDOUT") as caught:
        client.recv(timeout=0.01)
    assert caught.value.winerror == 10060
    list(server.events())
    with pytest.raises(TimeoutError):
        client.recv(timeout=0)
    with Client(server.port, receive_timeout=0.01) as hasty, pytest.raises(TimeoutError):
        hasty.recv()


def received_when_reset(pause_s: float) -> int | OSError:
    """What a recv that began so long before its peer resets the connection comes to."""
    with open_pair() as (client, peer):
        buffer = bytearray(1)
        task = Task(client.recv_into, buffer)
        wait_until(lambda: is_held(buffer), "recv_into has its buffer")
        time.sleep(pause_s)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh", 1, 0))
        peer.close()
        try:
            return int(task.result())
        except OSError as failure:
            return failure


def test_reset() -> None:
    # To be inside of the system by then: Wine reports a reset that came before as the end of the stream.
    for pause_s in more_and_more(0.1):
        came = received_when_reset(pause_s)
        if came != 0:
            break
    assert isinstance(came, ConnectionResetError)
    assert came.winerror == 10054


def test_sending_after_shutdown(client: Client) -> None:
    client.shutdown("send")
    with pytest.raises(BrokenPipeError) as caught:
        client.send(b"x")
    assert caught.value.winerror == WSAESHUTDOWN
    assert vars(caught.value)["bytes_sent"] == 0


def test_port_in_use(server: Server) -> None:
    with pytest.raises(OSError, match=f"{server.port}.*WSAE(ADDRINUSE|ACCES)") as caught:
        Server(port=server.port)
    assert caught.value.winerror in (WSAEADDRINUSE, 10013)


def test_unknown_host() -> None:
    for opening in (lambda: Client(1, "no-such-host.invalid"), lambda: Server("no-such-host.invalid")):
        with pytest.raises(socket.gaierror) as caught:
            opening()
        assert 11001 <= caught.value.winerror <= 11004
        assert caught.value.errno == caught.value.winerror


def test_address_of_another_machine() -> None:
    with pytest.raises(OSError, match="WSAEADDRNOTAVAIL") as caught:
        Server("192.0.2.1")
    assert caught.value.winerror == 10049


def test_value_out_of_the_dlls_range() -> None:
    values = {"port": 65536, "backlog": 65536, "connections_max": 0, "idle_timeout": 0}
    for name, value in {**values, "accepts_pending": 1025, "workers": 257}.items():
        with pytest.raises(OSError, match=name) as caught:
            Server(**{name: value})  # type: ignore[arg-type]
        assert caught.value.winerror == WSAEINVAL


def test_port_zero_of_a_client() -> None:
    with pytest.raises(OSError, match="port") as caught:
        Client(0)
    assert caught.value.winerror == WSAEINVAL


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"port": 65536}, "option port: WSAEINVAL"),
        ({"idle_timeout": 0}, "option idle_timeout (in ms): WSAEINVAL"),
        ({"connections_max": 0}, "at least 1, or None"),
        ({"linger": 65536}, "option linger: WSAEINVAL"),
        ({"linger": 65536}, "None, or 0 to 65535"),
        ({"model": "threads", "workers": 2}, "option workers: WSAEOPNOTSUPP"),
        ({"faults": "slicers"}, "option faults: WSAEINVAL"),
    ],
)
def test_what_the_dll_refuses_is_told_in_words_of_python(options: dict[str, Any], text: str) -> None:
    """And is a ValueError, as what Python refuses."""
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        Server(**options)
    assert isinstance(caught.value, UsageError)
    assert not re.search(r"ws2echo_|WS2ECHO_|_ms\b", str(caught.value))


def test_protocols_of_a_client_in_words_of_python() -> None:
    with pytest.raises(UsageError, match="'tcp' or 'udp'"):
        Client(9, protocol="both")


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"port": -1}, ValueError, "port"),
        ({"port": 1 << 32}, ValueError, "port"),
        ({"linger": -1}, ValueError, "linger"),
        ({"idle_timeout": -0.1}, ValueError, "idle_timeout"),
        ({"idle_timeout": float("nan")}, ValueError, "idle_timeout"),
        ({"idle_timeout": 5e6}, ValueError, "idle_timeout"),
        ({"idle_timeout": float("inf")}, ValueError, "idle_timeout"),
        ({"model": "magic"}, ValueError, "'magic' is none of 'threads'"),
        ({"model": 0}, ValueError, "model"),
        ({"protocol": "ip"}, ValueError, "protocol"),
        ({"accept": "maybe"}, ValueError, "'maybe' is none of 'default', 'acceptex', 'wsaaccept'"),
        ({"workers": -1}, ValueError, "workers"),
        ({"workers": None}, TypeError, "workers"),
        ({"accepts_pending": 1 << 32}, ValueError, "accepts_pending"),
        ({"udp_connreset": 2}, ValueError, "udp_connreset"),
        ({"family": 4}, ValueError, "family"),
        ({"host": "a\0b"}, ValueError, "null"),
        ({"host": "\udc80"}, ValueError, "UTF-8"),
        ({"host": b"localhost"}, TypeError, "host"),
        ({"port": "http"}, TypeError, "port"),
        ({"port": 80.0}, TypeError, "port"),
        ({"send_timeout": "soon"}, TypeError, "send_timeout"),
    ],
)
def test_arguments_that_python_refuses(options: dict[str, Any], kind: type[Exception], match: str) -> None:
    with pytest.raises(kind, match=match):
        Server(**options)


def test_wrong_choices_of_a_client(client: Client) -> None:
    with pytest.raises(ValueError, match="family"):
        Client(1, family="ipx")
    with pytest.raises(ValueError, match="'receive', 'send', 'both'"):
        client.shutdown("all")


def test_use_after_close() -> None:
    server = Server()
    client = Client(server.port)
    client.close()
    server.close()
    client.close()
    server.close()
    assert client.closed
    assert server.closed
    calls: list[Callable[[], object]] = [
        lambda: client.send(b"x"),
        lambda: client.recv(),
        lambda: client.recv_into(bytearray(1)),
        lambda: client.echo(b"x"),
        lambda: client.shutdown(),
        lambda: client.stats,
        lambda: client.options,
        lambda: server.next_event(),
        lambda: list(server.events()),
        lambda: server.drain(),
        lambda: server.stop(),
        lambda: server.stop(1),
        lambda: server.stats,
        lambda: server.options,
    ]
    for call in calls:
        with pytest.raises(OSError, match="WSAENOTSOCK") as caught:
            call()
        assert caught.value.winerror == WSAENOTSOCK


def test_closing_ends_what_waits_in_another_thread(server: Server) -> None:
    client = Client(server.port)
    list(server.events())
    waiting = [Task(client.recv, 1, None), Task(_wait_for_all_events, server)]
    assert all(task.running for task in waiting)
    client.close()
    server.close()
    for task in waiting:
        with pytest.raises(OSError, match="WSA") as caught:
            task.result()
        # WSAENOTSOCK: it had not begun to wait.
        assert caught.value.winerror in (WSA_OPERATION_ABORTED, WSAENOTSOCK)


def _wait_for_all_events(server: Server) -> None:
    while True:
        server.next_event()


def test_no_more_events_after_a_stop(server: Server) -> None:
    server.stop()
    assert len(list(server.events(None))) == len(server.addresses)
    with pytest.raises(OSError, match="WSAEDISCON") as caught:
        server.next_event()
    assert caught.value.winerror == WSAEDISCON


def test_closing_from_many_threads_at_once() -> None:
    for _ in range(20):
        server = Server()
        start = threading.Barrier(4)

        def close(server: Server = server, start: threading.Barrier = start) -> None:
            start.wait()
            server.close()

        for task in [Task(close) for _ in range(4)]:
            task.result()


def test_a_wrong_byte_is_told_though_the_end_came_after_it() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Client(listener.getsockname()[1], "127.0.0.1") as client,
        listener.accept()[0] as peer,
    ):
        peer.sendall(b"abXd")
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(ws2echo.EchoMismatchError) as caught:
            client.echo(b"abcdefgh")
        assert caught.value.offset == 2


@pytest.mark.parametrize("into", [False, True])
def test_a_wrong_byte_is_told_though_the_end_came_pieces_later(into: bool) -> None:
    data = bytes(3 * Pace.FIRST)
    echoed = bytearray(Pace.FIRST)
    echoed[5] = 1

    def answer(peer: socket.socket) -> None:
        come = 0
        while come < len(echoed):
            come += len(peer.recv(len(echoed) - come))
        peer.sendall(echoed)
        assert peer.recv(1), "the next piece, so the first is back"
        peer.shutdown(socket.SHUT_WR)

    for check in (True, False):
        reply = bytearray(len(data))
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            Client(listener.getsockname()[1], "127.0.0.1") as client,
            listener.accept()[0] as peer,
        ):
            answering = Task(answer, peer)
            if check:
                with pytest.raises(ws2echo.EchoMismatchError) as caught:
                    client.echo_into(data, reply) if into else client.echo(data)
                assert caught.value.offset == 5
            elif into:
                assert client.echo_into(data, reply, check=False) == len(echoed)
                assert reply[: len(echoed)] == echoed
            else:
                assert client.echo(data, check=False) == echoed
            answering.result()
