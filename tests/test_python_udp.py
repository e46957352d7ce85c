"""The Python binding over UDP: datagrams as bytes, what goes wrong with them, and ping."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ws2echo
from plain import payload
from test_python_blocking import run_python
from waiting import LIMIT_S, Task, more_and_more
from ws2echo import Client, Server, _swig
from ws2echo._waiting import INFINITE, SLICE_MS

WSAEINVAL, WSAEMSGSIZE, WSAEOPNOTSUPP, WSAENOTSOCK = 10022, 10040, 10045, 10038
LONGEST = 65507  # over IPv4
Answer = Callable[[int, bytes], list[bytes]]


class Peer:
    """A plain UDP socket that answers the datagrams, counted from 0, as it is told to."""

    def __init__(self, answer: Answer) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._answer = answer
        self._ended = threading.Event()
        self.port = int(self._socket.getsockname()[1])
        self.received = 0
        self._task = Task(self._run)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                data, sender = self._socket.recvfrom(65535)
            except (TimeoutError, ConnectionResetError):  # a reset: what was sent before met a closed port
                continue
            answers = self._answer(self.received, data)
            self.received += 1
            for answer in answers:
                self._socket.sendto(answer, sender)

    def close(self) -> None:
        self._ended.set()
        self._task.result()
        self._socket.close()


@pytest.fixture
def answering() -> Iterator[Callable[[Answer], Client]]:
    """Opens a client of a peer that answers so."""
    with contextlib.ExitStack() as stack:

        def opened(answer: Answer) -> Client:
            peer = stack.enter_context(contextlib.closing(Peer(answer)))
            return stack.enter_context(Client(peer.port, "127.0.0.1", protocol="udp"))

        yield opened


@pytest.fixture
def pair() -> Iterator[tuple[Client, socket.socket]]:
    """A client, and a plain socket at the other end that is connected to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(LIMIT_S)
        with Client(peer.getsockname()[1], "127.0.0.1", protocol="udp") as client:
            peer.connect(client.local_address)
            yield client, peer


def echo(number: int, data: bytes) -> list[bytes]:
    return [data]


def silence(number: int, data: bytes) -> list[bytes]:
    return []


# ---- a server


@pytest.mark.parametrize("name", [info.name for info in ws2echo.models()])
def test_every_model_echoes_datagrams(name: str) -> None:
    with Server(model=name, protocol="udp") as server:
        assert server.options.protocol is ws2echo.Protocol.UDP
        with Client(server.port, protocol="udp") as client:
            for data in (b"x\0y", b"", payload(LONGEST)):
                assert client.echo(data) == data
            stats = client.stats
        assert (stats.datagrams_sent, stats.datagrams_received, stats.datagrams_unreachable) == (3, 3, 0)
        assert stats.bytes_sent == stats.bytes_received == 3 + LONGEST
        served = server.stats
        assert (served.datagrams_received, served.datagrams_sent, served.bytes_sent) == (3, 3, 3 + LONGEST)
        assert (served.datagrams_oversize, served.datagrams_failed, served.connections_accepted) == (0, 0, 0)
        events = list(server.events())
        assert {event.kind for event in events} == {ws2echo.EventKind.LISTENING}
        assert {event.protocol for event in events} == {ws2echo.Protocol.UDP}
        assert {event.local for event in events} == set(server.addresses)


@pytest.mark.parametrize("name", [info.name for info in ws2echo.models()])
def test_both_protocols_on_one_port(name: str) -> None:
    with (
        Server("127.0.0.1", model=name, protocol="both") as server,
        Client(server.port, "127.0.0.1") as stream,
        Client(server.port, "127.0.0.1", protocol="udp") as datagrams,
    ):
        assert stream.echo(b"over TCP") == b"over TCP"
        assert datagrams.echo(b"over UDP") == b"over UDP"
        assert server.options.protocol == "both"
        assert (stream.options.protocol, datagrams.options.protocol) == ("tcp", "udp")
        stats = server.stats
        assert (stats.connections_accepted, stats.datagrams_received, stats.bytes_received) == (1, 1, 16)
        listening = [event for event in server.events() if event.kind is ws2echo.EventKind.LISTENING]
        assert sorted(event.protocol for event in listening) == ["tcp", "udp"]


def test_the_session_of_the_readme() -> None:
    with (
        Server(model=ws2echo.models()[-1].name, protocol="both") as server,
        Client(server.port, protocol="udp") as client,
    ):
        assert client.echo(b"one datagram") == b"one datagram"
        result = client.ping(datagrams=100, window=8)
        assert (result.received, result.lost, result.duplicated) == (100, 0, 0)


def test_a_datagram_that_is_too_long_is_counted() -> None:
    with Server(protocol="udp", echo_buffer_bytes=100) as server:
        with Client(server.port, protocol="udp") as client:
            client.send(bytes(101))
            assert client.echo(bytes(100)) == bytes(100)
        stats = server.stats
    assert (stats.datagrams_received, stats.datagrams_oversize, stats.datagrams_sent) == (2, 1, 1)


# ---- send, recv and echo


def test_each_call_is_a_datagram(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    for data in (b"one", b"", bytearray(b"three"), memoryview(b"0123456789")[3:5], payload(LONGEST)):
        assert client.send(data) == len(data)
        assert peer.recv(65535) == data
        peer.send(data)
    assert [client.recv() for _ in range(4)] == [b"one", b"", b"three", b"34"]
    buffer = bytearray(65535)
    assert client.recv_into(buffer) == LONGEST
    assert buffer[:LONGEST] == payload(LONGEST)
    with pytest.raises(TimeoutError):
        client.recv(timeout=0.05)


def test_an_empty_datagram_is_no_end(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    for data in (b"", b"", b"still here"):
        peer.send(data)
    assert [client.recv(), client.recv_into(bytearray(9)), client.recv()] == [b"", 0, b"still here"]


def test_a_datagram_that_is_longer_than_the_buffer(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    for data in (b"too long", b"too long", b"next"):
        peer.send(data)
    with pytest.raises(OSError, match="WSAEMSGSIZE") as caught:
        client.recv(3)
    assert caught.value.winerror == WSAEMSGSIZE
    assert vars(caught.value)["partial"] == b"too"
    buffer = bytearray(5)
    with pytest.raises(OSError, match="WSAEMSGSIZE"):
        client.recv_into(buffer)
    assert buffer == b"too l"
    assert client.recv() == b"next"


def test_a_datagram_that_is_too_long_to_send(pair: tuple[Client, socket.socket]) -> None:
    client, _ = pair
    for call in (client.send, client.echo):
        with pytest.raises(OSError, match="WSAEMSGSIZE") as caught:
            call(bytes(LONGEST + 1))
        assert caught.value.winerror == WSAEMSGSIZE
        assert vars(caught.value)["bytes_sent"] == 0
    with pytest.raises(OSError, match="WSAEMSGSIZE"):
        client.send(bytes(1 << 20))


def test_what_had_come_before_is_no_echo(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    for stray in (b"stray", b"another", b""):
        peer.send(stray)
    task = Task(client.echo, b"hello")
    assert peer.recv(65535) == b"hello"
    peer.send(b"hello")
    assert task.result() == b"hello"


@pytest.mark.parametrize(
    ("answer", "offset", "reply", "match"),
    [
        (b"abXdef", 2, b"abXdef", "byte 2 of 6 came back as 0x58"),
        (b"abc", 3, b"abc", "6 bytes were sent, but 3 came back"),
        (b"", 0, b"", "6 bytes were sent, but 0 came back"),
        (b"aXc", 1, b"aXc", "byte 1 of 6"),
        (b"abcdefg", 6, b"abcdef", "6 bytes were sent, but more came back"),
    ],
)
def test_a_wrong_echo(
    answering: Callable[[Answer], Client], answer: bytes, offset: int, reply: bytes, match: str
) -> None:
    client = answering(lambda number, data: [answer])
    with pytest.raises(ws2echo.EchoMismatchError, match=match) as caught:
        client.echo(b"abcdef")
    assert (caught.value.offset, caught.value.sent, caught.value.reply) == (offset, b"abcdef", reply)
    assert client.echo(b"abcdef", check=False) == reply
    buffer = bytearray(6)
    assert client.echo_into(b"abcdef", buffer, check=False) == len(reply)
    assert buffer[: len(reply)] == reply


def test_an_answer_to_an_empty_datagram_that_is_not_empty(answering: Callable[[Answer], Client]) -> None:
    client = answering(lambda number, data: [b"x"])
    with pytest.raises(ws2echo.EchoMismatchError, match="0 bytes were sent, but more came back") as caught:
        client.echo(b"")
    assert (caught.value.offset, caught.value.reply) == (0, b"")


def test_an_echo_that_is_lost(answering: Callable[[Answer], Client]) -> None:
    client = answering(lambda number, data: [] if number == 0 else [data])
    with pytest.raises(TimeoutError, match="WSAETIMEDOUT") as caught:
        client.echo(b"lost", timeout=0.25)
    assert vars(caught.value)["bytes_sent"] == 4
    assert vars(caught.value)["bytes_received"] == 0
    assert client.stats.datagrams_sent == 1  # not sent again
    assert client.echo(b"found") == b"found"


def test_a_closed_port_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
    with Client(port, "127.0.0.1", protocol="udp", receive_timeout=LIMIT_S) as client:
        with pytest.raises(ConnectionResetError, match="WSAECONNRESET"):
            client.echo(b"anybody there?")
        assert client.stats.datagrams_unreachable >= 1
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.05)
    with Client(port, "127.0.0.1", protocol="udp", udp_connreset=False) as client:
        assert client.options.udp_connreset is False
        with pytest.raises(TimeoutError):
            client.echo(b"anybody there?", timeout=0.25)


def test_what_there_is_not_over_udp(pair: tuple[Client, socket.socket]) -> None:
    client, _ = pair
    with pytest.raises(OSError, match="recv_exactly: WSAEOPNOTSUPP") as caught:
        client.recv_exactly(5)
    assert caught.value.winerror == WSAEOPNOTSUPP
    with pytest.raises(OSError, match="protocol") as caught:
        Client(client.peer_address.port, protocol="both")
    assert caught.value.winerror == WSAEINVAL


# ---- ping


def test_ping_of_a_server() -> None:
    with Server(protocol="udp") as server, Client(server.port, protocol="udp") as client:
        result = client.ping()
        assert (result.sent, result.received, server.stats.datagrams_sent) == (10, 10, 10)
        result = client.ping(200, 1000, window=16)
        assert (result.sent, result.received, result.loss_ratio) == (200, 200, 0.0)
        assert (result.lost, result.late, result.duplicated, result.reordered) == (0, 0, 0, 0)
        assert (result.corrupt, result.foreign, result.unreachable) == (0, 0, 0)
        assert result.rtt_min is not None
        assert result.rtt_avg is not None
        assert result.rtt_max is not None
        assert 0 <= result.rtt_min <= result.rtt_avg <= result.rtt_max <= result.elapsed
        assert server.stats.bytes_received == 10 * 64 + 200 * 1000


def test_ping_keeps_its_interval(answering: Callable[[Answer], Client]) -> None:
    result = answering(echo).ping(5, interval=0.06)
    assert result.received == 5
    assert result.elapsed >= 4 * 0.06


def test_ping_counts_what_is_lost(answering: Callable[[Answer], Client]) -> None:
    for reply_timeout in more_and_more(0.5):
        client = answering(lambda number, data: [] if number % 4 == 1 else [data])
        result = client.ping(8, reply_timeout=reply_timeout)
        assert (result.sent, result.received + result.lost, result.corrupt) == (8, 8, 0)
        assert result.received + result.late <= 6
        assert result.elapsed >= 2 * reply_timeout
        if result.received == 6:  # none was late
            break
    assert (result.received, result.lost, result.late, result.loss_ratio) == (6, 2, 0, 0.25)


def test_ping_of_nobody_who_answers(answering: Callable[[Answer], Client]) -> None:
    result = answering(silence).ping(4, window=4, reply_timeout=0.2)
    assert (result.sent, result.received, result.lost, result.loss_ratio) == (4, 0, 4, 1.0)
    assert (result.rtt_min, result.rtt_avg, result.rtt_max) == (None, None, None)


def test_ping_counts_what_is_wrong(answering: Callable[[Answer], Client]) -> None:
    """The one whose answer is corrupt is lost once its time is over; that of another may be so by then."""
    kept: list[bytes] = []

    def answer(number: int, data: bytes) -> list[bytes]:
        match number:
            case 0:
                return [data, data, data]
            case 1:
                return [b"no answer to anything", data]
            case 2:
                return [data[:-1] + bytes([data[-1] ^ 1])]
            case 3:
                kept.append(data)
                return []
            case 4:
                return [data, kept.pop()]
        return [data]

    for reply_timeout in more_and_more(1.0):
        kept.clear()
        result = answering(answer).ping(8, 200, window=3, reply_timeout=reply_timeout)
        assert (result.sent, result.received + result.lost) == (8, 8)
        if result.lost == 1:
            break
    assert (result.received, result.lost, result.late) == (7, 1, 0)
    assert (result.duplicated, result.foreign, result.corrupt, result.reordered) == (2, 1, 1, 1)


def test_ping_that_runs_out_of_time(answering: Callable[[Answer], Client]) -> None:
    for timeout in more_and_more(0.4):
        client = answering(lambda number, data: [data] if number < 2 else [])
        with pytest.raises(TimeoutError, match="WSAETIMEDOUT") as caught:
            client.ping(5, reply_timeout=LIMIT_S, timeout=timeout)
        so_far = vars(caught.value)["result"]
        assert so_far.sent - so_far.received in (0, 1)
        assert so_far.lost == 0
        if so_far.sent == 3:  # the time was enough for both
            break
    assert (so_far.sent, so_far.received, so_far.lost) == (3, 2, 0)


def test_ping_of_a_closed_port() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
    with Client(port, "127.0.0.1", protocol="udp") as client:
        result = client.ping(3, reply_timeout=0.2)
    assert (result.sent, result.received, result.lost) == (3, 0, 3)
    assert result.unreachable >= 1


def test_ping_lets_others_run(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    task = Task(lambda: client.ping(1, reply_timeout=LIMIT_S))
    peer.send(peer.recv(65535))
    assert task.result().received == 1


def test_closing_ends_a_ping(pair: tuple[Client, socket.socket]) -> None:
    client, peer = pair
    task = Task(lambda: client.ping(1, reply_timeout=LIMIT_S))
    peer.recv(65535)
    client.close()
    with pytest.raises(OSError, match="WSA_OPERATION_ABORTED") as caught:
        task.result()
    assert vars(caught.value)["result"].sent == 1


def test_there_is_no_ping_over_tcp() -> None:
    with Server() as server, Client(server.port) as client:
        with pytest.raises(OSError, match="WSAEOPNOTSUPP") as caught:
            client.ping()
        assert caught.value.winerror == WSAEOPNOTSUPP
        client.close()
        with pytest.raises(OSError, match="WSAENOTSOCK") as caught:
            client.ping()
        assert caught.value.winerror == WSAENOTSOCK


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"datagrams": 0}, "datagrams"),
        ({"datagrams": (1 << 40) + 1}, "datagrams"),
        ({"datagram_bytes": 15}, "datagram_bytes"),
        ({"datagram_bytes": 65508}, "datagram_bytes"),
        ({"window": 0}, "window"),
        ({"window": 1025}, "window"),
        ({"interval": 1000.1}, "interval "),
        ({"reply_timeout": 0}, "reply_timeout "),
        ({"reply_timeout": None}, "reply_timeout "),
    ],
    ids=str,
)
def test_ping_values_out_of_the_dlls_range(options: dict[str, Any], match: str) -> None:
    """Told before the protocol is looked at."""
    with Server() as server, Client(server.port) as client, pytest.raises(OSError, match=match) as caught:
        client.ping(**options)
    assert caught.value.winerror == WSAEINVAL


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"datagrams": -1}, ValueError, "datagrams"),
        ({"datagrams": 1 << 64}, ValueError, "datagrams"),
        ({"datagrams": 1.5}, TypeError, "datagrams"),
        ({"datagram_bytes": -1}, ValueError, "datagram_bytes"),
        ({"window": 1 << 32}, ValueError, "window"),
        ({"interval": -0.1}, ValueError, "interval"),
        ({"interval": float("nan")}, ValueError, "interval"),
        ({"interval": 5000}, ValueError, "interval"),
        ({"interval": "often"}, TypeError, "interval"),
        ({"reply_timeout": -1}, ValueError, "reply_timeout"),
        ({"timeout": -1}, ValueError, "timeout"),
    ],
    ids=str,
)
def test_ping_arguments_that_python_refuses(
    options: dict[str, Any], kind: type[Exception], match: str
) -> None:
    with Server() as server, Client(server.port) as client, pytest.raises(kind, match=match):
        client.ping(**options)


def test_ping_goes_on_from_slice_to_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the DLL would do, done here: a call that runs out of its slice, and then one that ends."""
    asked: list[tuple[int, ...]] = []

    def called(
        handle: int, options: _swig.PingOptions, timeout_ms: int, progress: _swig.PingProgress
    ) -> None:
        asked.append(
            (
                *(options.datagrams, options.datagram_bytes, options.window, options.interval_us),
                *(options.reply_timeout_ms, timeout_ms, progress.sent),
            )
        )
        progress.sent += 2
        if len(asked) < 3:
            time.sleep(timeout_ms / 1000)
            raise TimeoutError
        progress.received, progress.lost, progress.duplicated = 4, 2, 1
        progress.rtt_min_us, progress.rtt_max_us, progress.rtt_sum_us = 1000, 5000, 8000
        progress.elapsed_us = 250_000

    monkeypatch.setattr(_swig, "client_ping", called)
    with Server(protocol="udp") as server, Client(server.port, protocol="udp") as client:
        result = client.ping(6, 100, window=3, interval=0.0000011, reply_timeout=0.7)
        assert [call[:5] for call in asked] == [(6, 100, 3, 2, 700)] * 3
        assert [call[5:] for call in asked] == [(SLICE_MS, 0), (SLICE_MS, 2), (SLICE_MS, 4)]
        assert (result.sent, result.received, result.lost, result.duplicated) == (6, 4, 2, 1)
        assert (result.rtt_min, result.rtt_avg, result.rtt_max, result.elapsed) == (0.001, 0.002, 0.005, 0.25)
        assert result.loss_ratio == 1 / 3
        asked[:] = [(), ()]
        Task(lambda: client.ping()).result()  # another thread waits in one go
        assert asked[-1] == (10, 64, 1, 0, 1000, INFINITE, 0)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ConnectionAbortedError])
def test_a_ping_that_fails_says_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    def called(
        handle: int, options: _swig.PingOptions, timeout_ms: int, progress: _swig.PingProgress
    ) -> None:
        progress.sent, progress.lost = 3, 1
        raise kind

    monkeypatch.setattr(_swig, "client_ping", called)
    with Server() as server, Client(server.port) as client, pytest.raises(kind) as caught:
        client.ping()
    result = vars(caught.value)["result"]
    assert (result.sent, result.lost, result.rtt_min) == (3, 1, None)


# ---- Ctrl-C

CTRL_C = """
    import _thread, socket, threading, time
    import ws2echo

    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind(("127.0.0.1", 0))
    client = ws2echo.Client(peer.getsockname()[1], "127.0.0.1", protocol="udp", receive_timeout=None)

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
    check("echo", lambda: client.echo(b"abc"))
    check("ping", lambda: client.ping(reply_timeout=60))
    check("ping by interval", lambda: client.ping(interval=60, reply_timeout=0.1))
    client.close()
    peer.close()
    print("end")
"""


def test_ctrl_c_ends_every_wait() -> None:
    """In a process of its own, so that an interrupt that comes late does not hit pytest."""
    lines = run_python(CTRL_C).stdout.splitlines()
    assert lines[-1] == "end"
    assert len(lines) == 6
    assert [line for line in lines[:-1] if not line.endswith(" interrupted")] == []
