"""The client against plain sockets of Python, which do what no echo server would."""

import ctypes
import socket
from collections.abc import Iterator
from ctypes import byref, c_uint64
from pathlib import Path

import abi
import handles
import pytest
from abi import DLL
from endings import ending
from fixtures import OpenClient, OpenServer
from handles import fails
from programs import run
from waiting import Task, wait_until

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_ulong)
kernel32.WaitForSingleObject.restype = ctypes.c_ulong
kernel32.CloseHandle.argtypes = (ctypes.c_void_p,)
WAIT_OBJECT_0, WAIT_TIMEOUT = 0, 258

BIG = 64 * 1024 * 1024


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


Talk = tuple[handles.Client, socket.socket]


@pytest.fixture
def talk(listener: socket.socket, open_client: OpenClient, host: str) -> Iterator[Talk]:
    """A client and the plain socket at its other end."""
    client = open_client(port_of(listener), host=host)
    peer, _ = listener.accept()
    with peer:
        peer.settimeout(60)
        yield client, peer


def test_recv_times_out_and_loses_nothing(talk: Talk) -> None:
    client, peer = talk
    for timeout_ms in (0, 1, 50):
        with fails(abi.WSAETIMEDOUT):
            client.recv(timeout_ms=timeout_ms)
    peer.sendall(b"late")
    assert client.recv(2) == b"la"
    assert client.recv(2) == b"te"
    with fails(abi.WSAETIMEDOUT):
        client.recv(timeout_ms=0)


def test_recv_of_nothing_is_no_fin(talk: Talk) -> None:
    client, peer = talk
    assert client.recv(0) == b""
    peer.sendall(b"x")
    assert client.recv() == b"x"


def test_receive_timeout_of_the_options(listener: socket.socket, open_client: OpenClient, host: str) -> None:
    client = open_client(port_of(listener), host=host, receive_timeout_ms=50)
    with listener.accept()[0], fails(abi.WSAETIMEDOUT, "recv"):
        client.recv()


def test_send_that_times_out_says_how_far_it_came(talk: Talk) -> None:
    """The peer reads nothing until the call has failed; then the rest is sent by another one."""
    client, peer = talk
    data = bytes(range(256)) * (BIG // 256)
    sent = c_uint64(0)
    assert DLL.ws2echo_client_send(client.handle, data, BIG, 300, byref(sent)) == abi.WSAETIMEDOUT
    assert 0 < sent.value < BIG
    first = sent.value
    assert client.stats.bytes_sent == first

    def read_all() -> bytes:
        return b"".join(iter(lambda: peer.recv(1 << 20), b""))

    reading = Task(read_all)
    assert client.send(data[first:]) == BIG - first
    client.shutdown()
    assert reading.result() == data


def test_send_of_nothing_needs_no_data(talk: Talk) -> None:
    client, peer = talk
    sent = c_uint64(9)
    assert DLL.ws2echo_client_send(client.handle, None, 0, 0, byref(sent)) == 0
    assert sent.value == 0
    assert DLL.ws2echo_client_send(client.handle, b"ab", 2, 1000, None) == 0
    assert peer.recv(10) == b"ab"


def test_echo_finds_the_first_wrong_byte(talk: Talk) -> None:
    client, peer = talk
    peer.sendall(b"0123X567Y9")
    reply, progress = client.echo(b"0123456789")
    assert reply == b"0123X567Y9"
    assert progress.mismatch_offset == 4
    assert progress.bytes_received == 10


def test_echo_goes_on_after_a_timeout(talk: Talk) -> None:
    client, peer = talk
    data = b"0123456789"
    reply = ctypes.create_string_buffer(len(data))
    progress = abi.EchoProgress()

    def echo(timeout_ms: int) -> int:
        return int(
            DLL.ws2echo_client_echo(client.handle, data, len(data), reply, timeout_ms, byref(progress))
        )

    assert echo(50) == abi.WSAETIMEDOUT
    assert (progress.bytes_sent, progress.bytes_received) == (10, 0)
    peer.sendall(b"0123")
    assert echo(50) == abi.WSAETIMEDOUT
    assert (progress.bytes_received, progress.mismatch_offset) == (4, abi.NO_MISMATCH)
    before = progress.elapsed_us
    assert before >= 40_000
    peer.sendall(b"456z89")
    assert echo(30_000) == 0
    assert (progress.bytes_sent, progress.bytes_received, progress.mismatch_offset) == (10, 10, 7)
    assert progress.elapsed_us >= before
    assert reply.raw == b"0123456z89"
    assert peer.recv(100) == data, "the data was sent once"


def test_echo_cut_short_by_fin(talk: Talk) -> None:
    client, peer = talk
    progress = abi.EchoProgress()
    peer.sendall(b"012")
    peer.shutdown(socket.SHUT_WR)
    assert (
        DLL.ws2echo_client_echo(client.handle, b"0123456789", 10, None, 30_000, byref(progress))
        == abi.WSAEDISCON
    )
    assert progress.bytes_received == 3
    assert progress.mismatch_offset == abi.NO_MISMATCH


def test_echo_leaves_bytes_beyond_it_for_recv(talk: Talk) -> None:
    client, peer = talk
    peer.sendall(b"0123456789")
    assert client.echo(b"0123")[0] == b"0123"
    assert client.recv() == b"456789"


def test_after_shutdown_no_more_is_sent(talk: Talk) -> None:
    client, peer = talk
    client.shutdown(abi.SEND)
    assert peer.recv(10) == b""
    with fails(abi.WSAESHUTDOWN, "send"):
        client.send(b"x")
    peer.sendall(b"still heard")
    assert client.recv() == b"still heard"
    client.shutdown(abi.RECEIVE)
    with fails(abi.WSAESHUTDOWN, "recv"):
        client.recv()


def test_reset_by_the_peer(talk: Talk) -> None:
    client, peer = talk
    waiting = Task(client.recv)
    assert waiting.blocks()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00")
    peer.close()
    with fails(abi.WSAECONNRESET, "WSAECONNRESET (10054)"):
        waiting.result()
    with fails(abi.WSAECONNRESET):
        client.recv()


def test_both_ends_have_addresses(talk: Talk) -> None:
    client, peer = talk
    assert client.address(abi.LOCAL) == peer.getpeername()[:2]
    assert client.address(abi.PEER) == peer.getsockname()[:2]


def test_everything_sent_arrives_though_the_client_is_closed_at_once(
    listener: socket.socket, host: str
) -> None:
    data = bytes(200_000)
    with handles.Client(port_of(listener), host=host) as client:
        peer, _ = listener.accept()
        assert client.send(data) == len(data)
        client.close()
    with peer:
        peer.settimeout(60)
        assert sum(map(len, iter(lambda: peer.recv(65536), b""))) == len(data)


def test_linger_of_0_closes_with_a_reset(listener: socket.socket, host: str) -> None:
    with handles.Client(port_of(listener), host=host, linger_s=0) as client:
        peer, _ = listener.accept()
        client.close()
    with peer:
        peer.settimeout(60)
        assert ending(peer) == "reset"


def test_begin_then_connect(open_server: OpenServer, open_client: OpenClient, host: str) -> None:
    client = open_client(open_server().port, host=host, begin=True)
    client.connect(30_000)
    client.connect(0)
    assert client.echo(b"begun")[0] == b"begun"
    assert client.stats.connect_us > 0


def test_begin_to_a_closed_port_fails_at_connect_and_stays_failed(
    open_client: OpenClient, host: str, closed_port: int
) -> None:
    client = open_client(closed_port, host=host, begin=True)
    for _ in range(2):
        with fails(abi.WSAECONNREFUSED, f"{closed_port}", "WSAECONNREFUSED (10061)"):
            client.connect(30_000)
    for use in (
        client.recv,
        client.shutdown,
        lambda: client.send(b"x"),
        lambda: client.options,
        lambda: client.address(0),
    ):
        with fails(abi.WSAENOTCONN):
            use()


def test_open_to_a_closed_port_is_refused(open_client: OpenClient, host: str, closed_port: int) -> None:
    with fails(abi.WSAECONNREFUSED, "connect", host, str(closed_port), "WSAECONNREFUSED (10061)"):
        open_client(closed_port, host=host)


def signalled(event: int, wait_ms: int = 0) -> bool:
    return bool(kernel32.WaitForSingleObject(event, wait_ms) == WAIT_OBJECT_0)


@pytest.mark.parametrize(
    ("received", "waited"), [(0, True), (1, True), (5, True), (1, False), (5, False)], ids=str
)
def test_closing_over_unread_bytes_resets(
    listener: socket.socket, host: str, received: int, waited: bool
) -> None:
    """Be it that the library has taken them from the system already; if all was received, it is FIN."""
    with handles.Client(port_of(listener), host=host) as client:
        peer, _ = listener.accept()
        event = client.wait_handle(abi.RECEIVE)
        with peer:
            peer.settimeout(60)
            if waited:
                with fails(abi.WSAETIMEDOUT):
                    client.recv(timeout_ms=0)
            peer.sendall(b"bytes")
            if waited:
                assert signalled(event, 60_000)
            kernel32.CloseHandle(event)
            if received:
                assert client.recv(received) == b"bytes"[:received]
            client.close()
            assert ending(peer) == ("fin" if received == 5 else "reset")


def test_wait_handle_of_the_receiving_half(talk: Talk) -> None:
    client, peer = talk
    event = client.wait_handle(abi.RECEIVE)
    try:
        with fails(abi.WSAETIMEDOUT):
            client.recv(timeout_ms=0)
        assert not signalled(event, 20)
        peer.sendall(b"x")
        assert signalled(event, 60_000)
        assert client.recv(timeout_ms=0) == b"x"
        with fails(abi.WSAETIMEDOUT):
            client.recv(timeout_ms=0)
        assert not signalled(event)
        peer.shutdown(socket.SHUT_WR)
        assert signalled(event, 60_000)
        assert client.recv(timeout_ms=0) == b""
    finally:
        kernel32.CloseHandle(event)


def test_wait_handle_of_the_sending_half(talk: Talk) -> None:
    client, peer = talk
    event = client.wait_handle(abi.SEND)
    data = bytes(BIG)
    try:
        sent = c_uint64(0)
        while DLL.ws2echo_client_send(client.handle, data, BIG, 0, byref(sent)) == 0:
            pass
        # Both systems' buffers settle: full is when some time brings no more room.
        while signalled(event, 200):
            DLL.ws2echo_client_send(client.handle, data, BIG, 0, byref(sent))
        reading = Task(lambda: sum(map(len, iter(lambda: peer.recv(1 << 20), b""))))
        assert signalled(event, 60_000)
        assert DLL.ws2echo_client_send(client.handle, data, 1, 0, byref(sent)) == 0
        client.shutdown()
        assert reading.result() == client.stats.bytes_sent
    finally:
        kernel32.CloseHandle(event)


def test_wait_handle_while_connecting(open_server: OpenServer, open_client: OpenClient, host: str) -> None:
    client = open_client(open_server().port, host=host, begin=True)
    event = client.wait_handle(abi.SEND)
    try:
        while (code := DLL.ws2echo_client_connect(client.handle, 0)) == abi.WSAETIMEDOUT:
            assert signalled(event, 60_000)
        assert code == 0
    finally:
        kernel32.CloseHandle(event)


@pytest.mark.parametrize("half", [abi.RECEIVE, abi.SEND])
def test_wait_handle_is_signalled_by_close(listener: socket.socket, host: str, half: int) -> None:
    with handles.Client(port_of(listener), host=host) as client, listener.accept()[0]:
        event = client.wait_handle(half)
        client.close()
        assert signalled(event)
        assert kernel32.CloseHandle(event)


def test_one_client_sends_and_receives_on_two_threads(
    open_server: OpenServer, open_client: OpenClient, host: str
) -> None:
    client = open_client(open_server().port, host=host)
    data = bytes(range(256)) * 40_000
    sending = Task(client.send, data)
    assert client.recv_exactly(len(data)) == data
    assert sending.result() == len(data)


def test_senders_on_many_threads_do_not_mix(
    open_server: OpenServer, open_client: OpenClient, host: str
) -> None:
    client = open_client(open_server().port, host=host)
    size = 300_000
    tasks = [Task(client.send, bytes([letter]) * size) for letter in b"abcd"]
    reply = client.recv_exactly(4 * size)
    for task in tasks:
        assert task.result() == size
    pieces = [reply[at : at + size] for at in range(0, 4 * size, size)]
    assert sorted(pieces) == [bytes([letter]) * size for letter in b"abcd"]


def test_stats_count_up(open_server: OpenServer, open_client: OpenClient) -> None:
    client = open_client(open_server().port)
    client.echo(b"12345")
    first = client.stats
    assert (first.bytes_sent, first.bytes_received) == (5, 5)
    wait_until(lambda: client.stats.uptime_us > first.uptime_us, "time goes on")


def test_a_receive_that_could_not_be_started_is_started_again(build: Path) -> None:
    """Want of memory passes; what has failed once it was under way has failed for good."""
    status, lines, errors = run(build / "tests" / "failing_receive.exe")
    assert (status, errors) == (0, "")
    assert lines == [
        f"no memory to start: failed {abi.WSAENOBUFS}, ready, then 0 and bytes",
        f"too many started: failed {abi.WSAENOBUFS}, ready, then 0 and bytes",
        f"reset when it starts: failed {abi.WSAECONNRESET}, ready, then {abi.WSAECONNRESET} and none",
        f"no memory for a plain one: failed {abi.WSAENOBUFS}, ready, then 0 and bytes",
        f"no memory when it ends: failed {abi.WSAENOBUFS}, ready, then {abi.WSAENOBUFS} and none",
    ]
