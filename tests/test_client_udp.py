"""The client over UDP against plain sockets of Python, which do what no echo server would."""

import ctypes
import socket
from collections.abc import Callable, Iterator
from ctypes import byref, c_uint64
from typing import Any

import abi
import pytest
from abi import DLL
from datagrams import Peer
from fixtures import OpenClient
from handles import Client, fails
from waiting import Task, wait_until

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_ulong)
kernel32.WaitForSingleObject.restype = ctypes.c_ulong
kernel32.CloseHandle.argtypes = (ctypes.c_void_p,)
WAIT_OBJECT_0 = 0

LONGEST = {"ipv4": 65_507, "ipv6": 65_527}

OpenUdp = Callable[..., Client]
Talk = tuple[Client, Peer]


@pytest.fixture
def open_udp(open_client: OpenClient, host: str) -> OpenUdp:
    """Opens clients over UDP, to the loopback address of the family."""
    return lambda port, **options: open_client(port, **{"host": host, "protocol": abi.UDP, **options})


@pytest.fixture
def peer(host: str) -> Iterator[Peer]:
    with Peer(host) as plain:
        yield plain


@pytest.fixture
def talk(open_udp: OpenUdp, peer: Peer) -> Talk:
    """A client, and the plain socket at its other end, which knows the client's address."""
    client = open_udp(peer.port)
    client.send(b"here")
    assert peer.recv() == b"here"
    return client, peer


@pytest.fixture
def closed_udp_port(host: str) -> int:
    """A port that was free a moment ago."""
    with Peer(host) as plain:
        return plain.port


# Opening


def test_opening_sends_nothing(open_udp: OpenUdp, peer: Peer, host: str) -> None:
    client = open_udp(peer.port)
    assert client.address(abi.PEER) == (host, peer.port)
    assert client.address(abi.LOCAL)[0] == host
    client.connect(0)
    client.send(b"first")
    assert peer.recv() == b"first"
    assert peer.client[:2] == client.address(abi.LOCAL)


def test_begin_is_connected_at_once(open_udp: OpenUdp, peer: Peer) -> None:
    client = open_udp(peer.port, begin=True)
    with peer.answering():
        assert client.echo(b"begun")[0] == b"begun"


def test_a_name_is_resolved(open_client: OpenClient) -> None:
    first = str(socket.getaddrinfo("localhost", None, type=socket.SOCK_DGRAM)[0][4][0])
    with Peer(first) as peer, peer.answering():
        client = open_client(peer.port, protocol=abi.UDP)
        assert client.address(abi.PEER) == (first, peer.port)
        assert client.echo(b"named")[0] == b"named"


@pytest.mark.parametrize("option", ["receive_buffer_bytes", "send_buffer_bytes"])
def test_buffer_sizes_are_what_the_system_made_of_them(open_udp: OpenUdp, peer: Peer, option: str) -> None:
    kind = socket.SO_RCVBUF if option.startswith("receive") else socket.SO_SNDBUF
    peer.socket.setsockopt(socket.SOL_SOCKET, kind, 40_000)
    options = open_udp(peer.port, **{option: 40_000}).options
    assert getattr(options, option) == peer.socket.getsockopt(socket.SOL_SOCKET, kind)


def test_options_that_a_datagram_socket_lacks_are_as_given(open_udp: OpenUdp, peer: Peer) -> None:
    for no_delay, linger_s, udp_connreset in ((0, 7, 0), (1, -1, 1), (1, 0, 1)):
        options = open_udp(
            peer.port, no_delay=no_delay, linger_s=linger_s, udp_connreset=udp_connreset
        ).options
        assert (options.no_delay, options.linger_s) == (no_delay, linger_s)
        assert (options.protocol, options.udp_connreset, options.port) == (abi.UDP, udp_connreset, peer.port)
        assert options.receive_buffer_bytes > 0
        assert options.send_buffer_bytes > 0


# Sending


def test_each_send_is_one_datagram(talk: Talk) -> None:
    client, peer = talk
    for data in (b"a", b"", b"bc", bytes(1472), bytes(1473), b""):
        assert client.send(data) == len(data)
    assert [peer.recv() for _ in range(6)] == [b"a", b"", b"bc", bytes(1472), bytes(1473), b""]
    stats = client.stats
    assert (stats.datagrams_sent, stats.bytes_sent) == (7, len(b"here") + 3 + 1472 + 1473)


def test_an_empty_datagram_needs_no_data(talk: Talk) -> None:
    client, peer = talk
    sent = c_uint64(9)
    assert DLL.ws2echo_client_send(client.handle, None, 0, 0, byref(sent)) == 0
    assert sent.value == 0
    assert peer.recv() == b""


def test_the_longest_datagram_goes_there_and_back(talk: Talk, family: str) -> None:
    client, peer = talk
    data = bytes(range(256)) * 256
    data = data[: LONGEST[family]]
    with peer.answering():
        reply, progress = client.echo(data)
    assert reply == data
    assert (progress.bytes_sent, progress.bytes_received) == (len(data), len(data))
    assert progress.mismatch_offset == abi.NO_MISMATCH
    assert peer.seen == [data]


def test_what_is_too_long_is_neither_sent_nor_split(talk: Talk, family: str) -> None:
    client, peer = talk
    for size in (LONGEST[family] + 1, 65_535, 65_536, 300_000, 10_000_000):
        sent = c_uint64(9)
        assert DLL.ws2echo_client_send(client.handle, bytes(size), size, 30_000, byref(sent)) == (
            abi.WSAEMSGSIZE
        )
        assert sent.value == 0
        assert "send to" in abi.last_failure()
        progress = abi.EchoProgress()
        code = DLL.ws2echo_client_echo(client.handle, bytes(size), size, None, 30_000, byref(progress))
        assert code == abi.WSAEMSGSIZE
        assert (progress.bytes_sent, progress.datagram_sent) == (0, 0)
    client.send(b"next")
    assert peer.recv() == b"next"
    assert client.stats.datagrams_sent == 2


# Receiving


def test_each_recv_is_one_datagram(talk: Talk) -> None:
    client, peer = talk
    sent = [b"a", b"", b"bc", bytes(9000), b"", b"d"]
    peer.send(*sent)
    assert [client.recv() for _ in sent] == sent
    with fails(abi.WSAETIMEDOUT):
        client.recv(timeout_ms=0)
    stats = client.stats
    assert (stats.datagrams_received, stats.bytes_received) == (6, 9004)


def test_of_a_datagram_that_is_too_long_the_rest_is_lost(talk: Talk) -> None:
    client, peer = talk
    peer.send(b"0123456789", b"next", b"x", b"", b"last")
    buffer = ctypes.create_string_buffer(b"\xa5" * 16, 16)
    received = c_uint64(0)

    def recv(size: int) -> int:
        return int(DLL.ws2echo_client_recv(client.handle, buffer, size, 30_000, byref(received)))

    assert recv(4) == abi.WSAEMSGSIZE
    assert received.value == 4
    assert buffer.raw[:5] == b"0123\xa5"
    assert recv(4) == 0
    assert buffer.raw[: received.value] == b"next"
    assert recv(0) == abi.WSAEMSGSIZE
    assert received.value == 0
    assert recv(0) == 0
    assert received.value == 0
    assert client.recv() == b"last"
    assert client.stats.datagrams_received == 5
    assert client.stats.bytes_received == 4 + 4 + 4


def test_recv_times_out_and_loses_nothing(talk: Talk) -> None:
    client, peer = talk
    for timeout_ms in (0, 1, 50):
        with fails(abi.WSAETIMEDOUT, "recv from"):
            client.recv(timeout_ms=timeout_ms)
    peer.send(b"la", b"te")
    assert [client.recv(), client.recv()] == [b"la", b"te"]


def test_nothing_is_lost_when_the_thread_that_began_to_wait_has_ended(talk: Talk) -> None:
    client, peer = talk
    for data in (b"one", b"", b"three"):
        with fails(abi.WSAETIMEDOUT):
            Task(client.recv, 100, 1).result()
        peer.send(data)
        assert client.recv() == data


def test_receive_timeout_of_the_options(open_udp: OpenUdp, peer: Peer) -> None:
    client = open_udp(peer.port, receive_timeout_ms=50, send_timeout_ms=50)
    with fails(abi.WSAETIMEDOUT, "recv"):
        client.recv()
    with fails(abi.WSAETIMEDOUT, "echo"):
        client.echo(b"unanswered")


def test_only_the_peer_is_heard(talk: Talk, host: str) -> None:
    client, peer = talk
    with Peer(host) as stranger:
        stranger.client = peer.client
        stranger.send(b"not for you")
    peer.send(b"for you")
    assert client.recv() == b"for you"


# The peer's port is closed


def test_a_closed_port_is_told_once(open_udp: OpenUdp, host: str, closed_udp_port: int) -> None:
    client = open_udp(closed_udp_port)
    for times in (1, 2):
        client.send(b"anybody?")
        with fails(abi.WSAECONNRESET, "recv from", str(closed_udp_port)):
            client.recv()
        assert client.stats.datagrams_unreachable == times
        with fails(abi.WSAETIMEDOUT):
            client.recv(timeout_ms=100)
    with Peer(host, closed_udp_port) as late, late.answering():
        assert client.echo(b"now there is")[0] == b"now there is"
    assert client.stats.datagrams_unreachable == 2


def test_a_closed_port_is_told_to_who_waits_already(open_udp: OpenUdp, closed_udp_port: int) -> None:
    client = open_udp(closed_udp_port)
    waiting = Task(client.recv)
    assert waiting.blocks()
    client.send(b"")
    with fails(abi.WSAECONNRESET):
        waiting.result()


def test_sending_to_a_closed_port_goes_on(open_udp: OpenUdp, closed_udp_port: int) -> None:
    """A send may tell what the datagram before it met; then it is the next one that goes."""
    client = open_udp(closed_udp_port)
    told = sent = 0
    for _ in range(50):
        code = DLL.ws2echo_client_send(client.handle, b"x", 1, 30_000, None)
        assert code in (0, abi.WSAECONNRESET)
        sent += code == 0
        told += code != 0
    assert (client.stats.datagrams_sent, client.stats.datagrams_unreachable) == (sent, told)


def test_a_closed_port_is_not_told_where_that_was_not_wanted(
    open_udp: OpenUdp, host: str, closed_udp_port: int
) -> None:
    client = open_udp(closed_udp_port, udp_connreset=0)
    for _ in range(3):
        client.send(b"anybody?")
        with fails(abi.WSAETIMEDOUT):
            client.recv(timeout_ms=100)
    for _ in range(50):
        client.send(b"x")
    with fails(abi.WSAETIMEDOUT):
        client.echo(b"x", timeout_ms=100)
    assert client.stats.datagrams_unreachable == 0
    with Peer(host, closed_udp_port) as late, late.answering():
        assert client.echo(b"now there is")[0] == b"now there is"


def test_echo_with_a_closed_port(open_udp: OpenUdp, closed_udp_port: int) -> None:
    client = open_udp(closed_udp_port)
    for times in (1, 2):
        progress = abi.EchoProgress()
        echo = echoing(client, b"x", progress)
        assert echo(30_000) == abi.WSAECONNRESET
        assert (progress.datagram_sent, progress.datagram_received) == (1, 0)
        assert client.stats.datagrams_unreachable == times
        assert echo(50) == abi.WSAETIMEDOUT, "it is not sent again"
    assert client.stats.datagrams_sent == 2


# Shutting down and closing


def test_after_shutdown_of_sending_no_more_is_sent(talk: Talk) -> None:
    client, peer = talk
    client.shutdown(abi.SEND)
    for data in (b"x", b""):
        with fails(abi.WSAESHUTDOWN, "send"):
            client.send(data)
    with fails(abi.WSAESHUTDOWN, "echo"):
        client.echo(b"x")
    peer.send(b"still heard", b"")
    assert client.recv() == b"still heard"
    assert client.recv() == b""
    peer.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        peer.recv()


def test_after_shutdown_of_receiving_no_more_is_received(talk: Talk) -> None:
    client, peer = talk
    waiting = Task(client.recv)
    assert waiting.blocks()
    client.shutdown(abi.RECEIVE)
    with fails(abi.WSAESHUTDOWN, "recv"):
        waiting.result()
    peer.send(b"unheard")
    for timeout_ms in (0, 50):
        with fails(abi.WSAESHUTDOWN, "recv"):
            client.recv(timeout_ms=timeout_ms)
    client.send(b"still sent")
    assert peer.recv() == b"still sent"


def test_shutdown_of_both(talk: Talk) -> None:
    client, _ = talk
    client.shutdown(abi.BOTH)
    for use in (client.recv, lambda: client.send(b"x"), lambda: client.echo(b"x"), client.ping):
        with fails(abi.WSAESHUTDOWN):
            use()


BLOCKED: dict[str, Callable[[Client], object]] = {
    "recv": lambda client: client.recv(timeout_ms=abi.INFINITE),
    "echo": lambda client: client.echo(b"unanswered", timeout_ms=abi.INFINITE),
    "ping": lambda client: client.ping(abi.INFINITE, reply_timeout_ms=1 << 31),
    "empty echo": lambda client: client.echo(b"", timeout_ms=abi.INFINITE),
}


@pytest.mark.parametrize("name", BLOCKED)
def test_close_ends_what_waits(peer: Peer, host: str, name: str) -> None:
    with Client(peer.port, host=host, protocol=abi.UDP) as client:
        tasks = [Task(BLOCKED[name], client) for _ in range(3)]
        assert all(task.blocks() for task in tasks)
        client.close()
        for task in tasks:
            with fails(abi.WSA_OPERATION_ABORTED, "WSA_OPERATION_ABORTED (995)"):
                task.result()


# Wait handles


def signalled(event: int, wait_ms: int = 0) -> bool:
    return bool(kernel32.WaitForSingleObject(event, wait_ms) == WAIT_OBJECT_0)


@pytest.mark.parametrize("data", [b"x", b""])
def test_wait_handle_of_the_receiving_half(talk: Talk, data: bytes) -> None:
    client, peer = talk
    event = client.wait_handle(abi.RECEIVE)
    try:
        for _ in range(3):
            with fails(abi.WSAETIMEDOUT):
                client.recv(timeout_ms=0)
            assert not signalled(event, 20)
            peer.send(data)
            assert signalled(event, 60_000)
            assert client.recv(timeout_ms=0) == data
    finally:
        kernel32.CloseHandle(event)


def test_wait_handle_of_the_sending_half(open_udp: OpenUdp, peer: Peer) -> None:
    client = open_udp(peer.port)
    event = client.wait_handle(abi.SEND)
    try:
        assert signalled(event)
        sent = c_uint64(0)
        for _ in range(200):
            code = DLL.ws2echo_client_send(client.handle, bytes(60_000), 60_000, 0, byref(sent))
            if code != 0:
                assert code == abi.WSAETIMEDOUT
                assert signalled(event, 60_000)
    finally:
        kernel32.CloseHandle(event)


@pytest.mark.parametrize("half", [abi.RECEIVE, abi.SEND])
def test_wait_handle_is_signalled_by_close(peer: Peer, host: str, half: int) -> None:
    with Client(peer.port, host=host, protocol=abi.UDP) as client:
        event = client.wait_handle(half)
        client.close()
        assert signalled(event)
        assert kernel32.CloseHandle(event)


# Echo


def echoing(
    client: Client, data: bytes, progress: abi.EchoProgress, reply: Any = None
) -> Callable[[int], int]:
    """Calls with these arguments, as often as wanted."""
    return lambda timeout_ms: int(
        DLL.ws2echo_client_echo(client.handle, data, len(data), reply, timeout_ms, byref(progress))
    )


@pytest.mark.parametrize("size", [0, 1, 16, 1472, 1473, 65_507])
def test_echo(talk: Talk, size: int) -> None:
    client, peer = talk
    data = (bytes(range(256)) * 256)[:size]
    with peer.answering():
        for _ in range(20):
            reply, progress = client.echo(data)
            assert reply == data
            assert (progress.bytes_sent, progress.bytes_received) == (size, size)
            assert (progress.datagram_sent, progress.datagram_received) == (1, 1)
            assert progress.mismatch_offset == abi.NO_MISMATCH
            assert progress.elapsed_us > 0
    assert len(peer.seen) == 20
    stats = client.stats
    assert (stats.datagrams_sent, stats.datagrams_received) == (21, 20)
    assert stats.bytes_received == 20 * size


@pytest.mark.parametrize(
    ("answer", "offset"),
    [
        (b"0123456789", abi.NO_MISMATCH),
        (b"X123456789", 0),
        (b"012345678X", 9),
        (b"012345", 6),
        (b"01X345", 2),
        (b"", 0),
        (b"0123456789+", 10),
        (b"0123456X89+", 7),
        (b"0123456789" * 6000, 10),
    ],
    ids=lambda value: value[:12].decode() if isinstance(value, bytes) else "",
)
def test_echo_compares(talk: Talk, answer: bytes, offset: int) -> None:
    client, peer = talk
    reply = ctypes.create_string_buffer(b"\xa5" * 12, 12)
    progress = abi.EchoProgress()
    with peer.answering(lambda _, __: [answer]):
        assert echoing(client, b"0123456789", progress, reply)(30_000) == 0
    assert (progress.bytes_received, progress.mismatch_offset) == (len(answer), offset)
    assert reply.raw == (answer[:10] + b"\xa5" * 12)[:12], "no byte beyond the data's size is written"


def test_echo_of_nothing_that_something_answers(talk: Talk) -> None:
    client, peer = talk
    progress = abi.EchoProgress()
    with peer.answering(lambda _, __: [b"something"]):
        assert echoing(client, b"", progress)(30_000) == 0
    assert (progress.bytes_received, progress.mismatch_offset) == (9, 0)


def test_echo_without_a_reply(talk: Talk) -> None:
    client, peer = talk
    progress = abi.EchoProgress()
    with peer.answering(lambda _, data: [data[:5] + b"X" + data[6:]]):
        assert echoing(client, b"0123456789", progress)(30_000) == 0
    assert (progress.bytes_received, progress.mismatch_offset) == (10, 5)


def test_echo_drops_what_had_come_before(talk: Talk) -> None:
    client, peer = talk
    with fails(abi.WSAETIMEDOUT):
        client.recv(timeout_ms=0)  # so that one of them is received already
    peer.send(b"old", b"", b"older", bytes(5000))
    with peer.answering():
        assert client.echo(b"new")[0] == b"new"
        assert client.echo(b"newer")[0] == b"newer"
    stats = client.stats
    assert (stats.datagrams_received, stats.bytes_received) == (2, 8), "what was dropped was given to nobody"


def test_echo_leaves_what_comes_after_the_answer(talk: Talk) -> None:
    client, peer = talk
    with peer.answering(lambda _, data: [data, b"more"]):
        assert client.echo(b"first")[0] == b"first"
    assert client.recv() == b"more"


@pytest.mark.parametrize("data", [b"0123456789", b""])
def test_echo_goes_on_after_a_timeout(talk: Talk, data: bytes) -> None:
    client, peer = talk
    progress = abi.EchoProgress()
    reply = ctypes.create_string_buffer(16)
    echo = echoing(client, data, progress, reply)
    for timeout_ms in (0, 1, 50):
        assert echo(timeout_ms) == abi.WSAETIMEDOUT
        assert (progress.datagram_sent, progress.datagram_received) == (1, 0)
        assert (progress.bytes_sent, progress.bytes_received) == (len(data), 0)
        assert progress.mismatch_offset == abi.NO_MISMATCH
    elapsed = progress.elapsed_us
    assert elapsed >= 40_000
    assert peer.recv() == data
    peer.send(data)
    assert echo(30_000) == 0
    assert (progress.datagram_received, progress.bytes_received) == (1, len(data))
    assert progress.mismatch_offset == abi.NO_MISMATCH
    assert reply.raw[: len(data)] == data
    assert progress.elapsed_us > elapsed
    assert echo(0) == 0, "it is done"
    client.send(b"next")
    assert peer.recv() == b"next", "the data was sent once"


NO = abi.NO_MISMATCH


@pytest.mark.parametrize(
    ("sent", "received", "datagram_sent", "datagram_received"),
    [
        (1, 0, 0, 0),
        (10, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (9, 0, 1, 0),
        (11, 0, 1, 0),
        (10, 10, 1, 0),
        (10, 10, 0, 1),
        (0, 0, 0, 1),
        (10, 65_536, 1, 1),
        (10, NO, 1, 1),
        (10, 10, 2, 1),
        (10, 10, 1, 2),
        (10, 0, 0xFFFFFFFF, 0),
    ],
)
def test_progress_that_cannot_be(
    talk: Talk, sent: int, received: int, datagram_sent: int, datagram_received: int
) -> None:
    client, peer = talk
    progress = abi.EchoProgress(sent, received, NO, 0, datagram_sent, datagram_received)
    assert echoing(client, b"0123456789", progress)(0) == abi.WSAEINVAL
    assert "progress" in abi.last_failure()
    assert progress.bytes_sent == sent
    client.send(b"next")
    assert peer.recv() == b"next"


@pytest.mark.parametrize(("datagram_sent", "datagram_received"), [(1, 0), (0, 1), (1, 1)])
def test_over_tcp_there_are_no_datagrams(
    listener: socket.socket, open_client: OpenClient, host: str, datagram_sent: int, datagram_received: int
) -> None:
    client = open_client(listener.getsockname()[1], host=host)
    progress = abi.EchoProgress(0, 0, 0, 0, datagram_sent, datagram_received)
    assert echoing(client, b"x", progress)(0) == abi.WSAEINVAL


def test_echoes_of_many_threads_take_turns(talk: Talk) -> None:
    client, peer = talk

    def echo_often(letter: int) -> None:
        for size in range(40):
            data = bytes([letter]) * size * 40
            assert client.echo(data)[0] == data

    with peer.answering():
        for task in [Task(echo_often, letter) for letter in b"abcd"]:
            task.result()
    assert len(peer.seen) == 160


def test_sender_and_receiver_on_two_threads(talk: Talk) -> None:
    client, peer = talk
    with peer.answering():
        receiving = Task(lambda: [client.recv() for _ in range(100)])
        for number in range(100):
            client.send(b"%d" % number)
            if number % 10 == 9:  # no more than the buffers surely hold
                answers = number + 1
                wait_until(lambda: client.stats.datagrams_received == answers, "as many answers")  # noqa: B023
        assert receiving.result() == [b"%d" % number for number in range(100)]
