"""Pinging, against a plain socket of Python that echoes, drops, delays, repeats, reorders and spoils."""

import ctypes
from collections.abc import Callable, Iterator
from ctypes import byref
from typing import Any

import abi
import handles
import pytest
from abi import DLL
from datagrams import Peer, Policy, scripted, silent
from fixtures import OpenClient, OpenServer
from handles import Client, fails
from waiting import Task, wait_until

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_ulong)
kernel32.CloseHandle.argtypes = (ctypes.c_void_p,)

OpenUdp = Callable[..., Client]
# How long an answer has: one that is to come; one that is not; and that, where others are to come meanwhile.
LONG_MS, SHORT_MS, SAFE_MS = 60_000, 150, 2_000
COUNTS = ("sent", "received", "lost", "late", "duplicated", "reordered", "corrupt", "foreign", "unreachable")


@pytest.fixture
def open_udp(open_client: OpenClient, host: str) -> OpenUdp:
    """Opens clients over UDP, to the loopback address of the family."""
    return lambda port, **options: open_client(port, **{"host": host, "protocol": abi.UDP, **options})


@pytest.fixture
def peer(host: str) -> Iterator[Peer]:
    with Peer(host) as plain:
        yield plain


@pytest.fixture
def client(open_udp: OpenUdp, peer: Peer) -> Client:
    return open_udp(peer.port)


def counts(progress: abi.PingProgress) -> dict[str, int]:
    """Those that are not 0."""
    return {name: getattr(progress, name) for name in COUNTS if getattr(progress, name)}


def ping(client: Client, progress: abi.PingProgress, timeout_ms: int, **options: Any) -> int:
    wanted = handles.ping_options(**options)
    return int(DLL.ws2echo_client_ping(client.handle, byref(wanted), timeout_ms, byref(progress)))


# Answered


@pytest.mark.parametrize("window", [1, 2, 7, 1024])
@pytest.mark.parametrize("size", [16, 17, 64, 1473])
def test_all_are_answered(client: Client, peer: Peer, window: int, size: int) -> None:
    with peer.answering():
        progress = client.ping(datagrams=20, window=window, datagram_bytes=size, reply_timeout_ms=LONG_MS)
    assert counts(progress) == {"sent": 20, "received": 20}
    assert 0 < progress.rtt_min_us <= progress.rtt_max_us
    assert 20 * progress.rtt_min_us <= progress.rtt_sum_us <= 20 * progress.rtt_max_us
    assert progress.elapsed_us >= progress.rtt_max_us
    assert len(set(peer.seen)) == 20
    assert {len(data) for data in peer.seen} == {size}
    assert [int.from_bytes(data[8:16], "big") for data in peer.seen] == list(range(20))
    stats = client.stats
    assert (stats.datagrams_sent, stats.datagrams_received) == (20, 20)
    assert (stats.bytes_sent, stats.bytes_received) == (20 * size, 20 * size)


def test_the_longest(client: Client, peer: Peer) -> None:
    with peer.answering():
        progress = client.ping(datagrams=3, datagram_bytes=65_507, reply_timeout_ms=LONG_MS)
    assert counts(progress) == {"sent": 3, "received": 3}


def test_many(client: Client, peer: Peer) -> None:
    with peer.answering():
        progress = client.ping(abi.INFINITE, datagrams=6000, window=16, reply_timeout_ms=LONG_MS)
    assert counts(progress) == {"sent": 6000, "received": 6000}


def test_the_interval_is_kept(client: Client, peer: Peer) -> None:
    with peer.answering():
        progress = client.ping(datagrams=5, window=5, interval_us=20_000, reply_timeout_ms=LONG_MS)
    assert counts(progress) == {"sent": 5, "received": 5}
    assert progress.elapsed_us >= 4 * 20_000


def test_no_more_than_the_window_is_under_way(client: Client, peer: Peer) -> None:
    progress = abi.PingProgress()
    options = {"datagrams": 100, "window": 4, "reply_timeout_ms": LONG_MS}
    with peer.answering(silent):
        assert ping(client, progress, 200, **options) == abi.WSAETIMEDOUT
        assert counts(progress) == {"sent": 4}
        wait_until(lambda: len(peer.seen) == 4, "the window is full")
        peer.send(peer.seen[2])
        assert ping(client, progress, 200, **options) == abi.WSAETIMEDOUT
        assert counts(progress) == {"sent": 5, "received": 1}
        wait_until(lambda: len(peer.seen) == 5, "one more for the one that was answered")


# Not as it should be


def test_lost(client: Client, peer: Peer) -> None:
    with peer.answering(lambda number, data: [] if number % 2 else [data]):
        progress = client.ping(datagrams=6, window=6, reply_timeout_ms=SAFE_MS)
    assert counts(progress) == {"sent": 6, "received": 3, "lost": 3}
    assert progress.elapsed_us >= SAFE_MS * 1000
    assert len(peer.seen) == 6, "nothing is sent again"


def test_duplicated(client: Client, peer: Peer) -> None:
    with peer.answering(lambda _, data: [data, data, data]):
        progress = client.ping(datagrams=10, reply_timeout_ms=LONG_MS)
    assert progress.duplicated in (18, 19, 20), "those of the last one need not have come"
    progress.duplicated = 0
    assert counts(progress) == {"sent": 10, "received": 10}


def in_groups_backwards(size: int) -> Policy:
    held: list[bytes] = []

    def policy(_: int, data: bytes) -> list[bytes]:
        held.append(data)
        if len(held) < size:
            return []
        group = held[::-1]
        held.clear()
        return group

    return policy


def test_reordered(client: Client, peer: Peer) -> None:
    with peer.answering(in_groups_backwards(4)):
        progress = client.ping(datagrams=8, window=4, reply_timeout_ms=LONG_MS)
    assert counts(progress) == {"sent": 8, "received": 8, "reordered": 6}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:16] + bytes([data[16] ^ 128]) + data[17:],
        lambda data: data[:-1],
        lambda data: data[:12],
        lambda data: data + b"+",
        lambda data: data + data,
    ],
    ids=["last byte", "first byte", "one byte short", "cut in the header", "one byte more", "twice"],
)
def test_corrupt(client: Client, peer: Peer, spoil: Callable[[bytes], bytes]) -> None:
    progress = abi.PingProgress()
    options = {"datagrams": 3, "window": 3, "reply_timeout_ms": LONG_MS}
    with peer.answering(lambda number, data: [spoil(data)] if number == 1 else [data]):
        while progress.corrupt + progress.received < 3:
            assert ping(client, progress, 20, **options) == abi.WSAETIMEDOUT
    assert counts(progress) == {"sent": 3, "received": 2, "corrupt": 1}


def test_what_was_answered_corruptly_is_lost(client: Client, peer: Peer) -> None:
    with peer.answering(lambda _, data: [data[:-1]]):
        progress = client.ping(datagrams=3, reply_timeout_ms=SHORT_MS)
    assert (progress.sent, progress.received, progress.lost) == (3, 0, 3)
    assert progress.corrupt in (2, 3), "that of the last one need not have come"


def test_a_good_answer_after_a_corrupt_one_counts(client: Client, peer: Peer) -> None:
    with peer.answering(lambda _, data: [data[:-1], data]):
        progress = client.ping(datagrams=3, reply_timeout_ms=LONG_MS)
    assert counts(progress) == {"sent": 3, "received": 3, "corrupt": 3}


@pytest.mark.parametrize("junk", [b"", b"w2ep", b"no answer at all", bytes(64), bytes(60_000)])
def test_foreign(client: Client, peer: Peer, junk: bytes) -> None:
    with peer.answering(lambda _, data: [junk, data]):
        progress = client.ping(datagrams=5, reply_timeout_ms=LONG_MS)
    assert counts(progress) == {"sent": 5, "received": 5, "foreign": 5}


def test_late(client: Client, peer: Peer) -> None:
    """The first answer is held back until the second datagram shows that the first was given up."""
    held: list[bytes] = []

    def hold(_: int, data: bytes) -> list[bytes]:
        held.append(data)
        return []

    with peer.answering(scripted(hold, lambda _, data: [held[0], data, held[0]])):
        progress = client.ping(datagrams=4, reply_timeout_ms=SAFE_MS)
    assert counts(progress) == {"sent": 4, "received": 3, "lost": 1, "late": 1, "duplicated": 1}
    assert progress.rtt_max_us < SAFE_MS * 1000, "of answers in time only"


# The peer's port is closed


def test_a_closed_port_is_counted_and_no_failure(open_udp: OpenUdp, host: str) -> None:
    with Peer(host) as plain:
        port = plain.port
    client = open_udp(port)
    progress = client.ping(datagrams=3, reply_timeout_ms=SHORT_MS)
    unreachable = progress.unreachable
    assert counts(progress) == {"sent": 3, "lost": 3, "unreachable": unreachable}
    assert unreachable > 0
    assert client.stats.datagrams_unreachable == unreachable
    with Peer(host, port) as late, late.answering():
        progress = client.ping(datagrams=20, window=3, reply_timeout_ms=LONG_MS)
        assert (progress.received, progress.foreign) == (20, 0)


def test_a_port_that_closes_and_opens_again(open_udp: OpenUdp, host: str) -> None:
    options = {"datagrams": 1_000_000, "window": 8, "interval_us": 1000, "reply_timeout_ms": SAFE_MS}
    progress = abi.PingProgress()
    with Peer(host) as peer, peer.answering():
        port = peer.port
        client = open_udp(port)
        while progress.received < 10:
            assert ping(client, progress, 20, **options) == abi.WSAETIMEDOUT
    while progress.unreachable == 0 or progress.lost < 4:
        assert ping(client, progress, 20, **options) == abi.WSAETIMEDOUT
    received = progress.received
    with Peer(host, port) as again, again.answering():
        while progress.received < received + 10:
            assert ping(client, progress, 20, **options) == abi.WSAETIMEDOUT
    assert progress.foreign == progress.corrupt == 0


def test_a_closed_port_is_not_counted_where_that_was_not_wanted(open_udp: OpenUdp, host: str) -> None:
    with Peer(host) as plain:
        port = plain.port
    client = open_udp(port, udp_connreset=0)
    progress = client.ping(datagrams=3, reply_timeout_ms=SHORT_MS)
    assert counts(progress) == {"sent": 3, "lost": 3}


# Going on


def test_it_goes_on_after_timeouts(client: Client, peer: Peer) -> None:
    progress = abi.PingProgress()
    calls = 0
    with peer.answering(in_groups_backwards(2)):
        while (
            code := ping(client, progress, calls % 3, datagrams=500, window=4, reply_timeout_ms=LONG_MS)
        ) == abi.WSAETIMEDOUT:
            calls += 1
            assert progress.sent <= progress.received + 4
    assert code == 0
    assert counts(progress) == {"sent": 500, "received": 500, "reordered": progress.reordered}
    assert progress.reordered > 0
    assert len(set(peer.seen)) == len(peer.seen) == 500


def test_a_caller_who_never_waits_fills_the_window(client: Client, peer: Peer) -> None:
    progress = abi.PingProgress()
    assert ping(client, progress, 0, datagrams=50, window=8, reply_timeout_ms=LONG_MS) == abi.WSAETIMEDOUT
    assert counts(progress) == {"sent": 8}


def test_with_wait_handles_no_thread_waits(client: Client, peer: Peer) -> None:
    event = client.wait_handle(abi.RECEIVE)
    progress = abi.PingProgress()
    try:
        with peer.answering():
            while ping(client, progress, 0, datagrams=50, reply_timeout_ms=LONG_MS) == abi.WSAETIMEDOUT:
                assert kernel32.WaitForSingleObject(event, LONG_MS) == 0
    finally:
        kernel32.CloseHandle(event)
    assert counts(progress) == {"sent": 50, "received": 50}


def test_losses_are_told_though_nobody_was_waiting(client: Client, peer: Peer) -> None:
    progress = abi.PingProgress()
    options = {"datagrams": 3, "window": 3, "reply_timeout_ms": SHORT_MS}
    assert ping(client, progress, 0, **options) == abi.WSAETIMEDOUT
    wait_until(lambda: ping(client, progress, 0, **options) == 0, "all are lost")
    assert counts(progress) == {"sent": 3, "lost": 3}


def test_what_is_done_stays_done(client: Client, peer: Peer) -> None:
    progress = abi.PingProgress()
    with peer.answering():
        assert ping(client, progress, LONG_MS, datagrams=3) == 0
        before = bytes(progress)
        assert ping(client, progress, 0, datagrams=3) == 0
    assert bytes(progress) == before
    assert len(peer.seen) == 3


def test_answers_of_an_earlier_ping_are_foreign(client: Client, peer: Peer) -> None:
    first, second = abi.PingProgress(), abi.PingProgress()
    assert ping(client, first, 0, datagrams=5, window=5, reply_timeout_ms=LONG_MS) == abi.WSAETIMEDOUT
    old = [peer.recv() for _ in range(5)]
    with peer.answering(lambda number, data: [*old, data] if number == 0 else [data]):
        assert ping(client, second, LONG_MS, datagrams=5, reply_timeout_ms=LONG_MS) == 0
    assert counts(second) == {"sent": 5, "received": 5, "foreign": len(old)}


def test_every_ping_has_another_number(client: Client, peer: Peer) -> None:
    with peer.answering():
        for _ in range(100):
            client.ping(datagrams=1, reply_timeout_ms=LONG_MS)
    assert len({data[4:8] for data in peer.seen}) == 100


# Misuse


def test_progress_that_the_last_call_did_not_leave(client: Client, peer: Peer) -> None:
    options = {"datagrams": 10, "window": 2, "reply_timeout_ms": LONG_MS}
    made_up = abi.PingProgress(sent=1)
    assert ping(client, made_up, 0, **options) == abi.WSAEINVAL
    assert "progress" in abi.last_failure()
    progress = abi.PingProgress()
    assert ping(client, progress, 0, **options) == abi.WSAETIMEDOUT
    for name in [field[0] for field in abi.PingProgress._fields_]:
        changed = abi.PingProgress.from_buffer_copy(progress)
        setattr(changed, name, getattr(changed, name) + 1)
        assert ping(client, changed, 0, **options) == abi.WSAEINVAL
        assert getattr(changed, name) == getattr(progress, name) + 1
    for name in options:
        assert ping(client, progress, 0, **{**options, name: options[name] + 1}) == abi.WSAEINVAL
    assert ping(client, progress, 0, **options) == abi.WSAETIMEDOUT, "it goes on all the same"
    other = abi.PingProgress()
    assert ping(client, other, 0, **options) == abi.WSAETIMEDOUT
    assert ping(client, progress, 0, **options) == abi.WSAEINVAL, "another ping has begun"
    assert counts(other) == {"sent": 2}


RANGES: dict[str, tuple[list[int], list[int]]] = {
    "size": ([32], [0, 31, 33, 0xFFFFFFFF]),
    "datagram_bytes": ([16, 65_507], [0, 15, 65_508, 0xFFFFFFFF]),
    "datagrams": ([1, 1 << 40], [0, (1 << 40) + 1, (1 << 64) - 1]),
    "window": ([1, 1024], [0, 1025, 0xFFFFFFFF]),
    "interval_us": ([0, 10**9], [10**9 + 1, 0xFFFFFFFF]),
    "reply_timeout_ms": ([1, 1 << 31], [0, (1 << 31) + 1, 0xFFFFFFFF]),
    "reserved": ([0], [1, 0xFFFFFFFF]),
}


def test_every_option_has_a_row() -> None:
    assert set(RANGES) == {name for name, _ in abi.PingOptions._fields_}


@pytest.mark.parametrize("name", RANGES)
def test_options(client: Client, name: str) -> None:
    good, bad = RANGES[name]
    for value in good:
        assert ping(client, abi.PingProgress(), 0, **{name: value}) == abi.WSAETIMEDOUT
    for value in bad:
        with fails(abi.WSAEINVAL, name, "WSAEINVAL (10022)"):
            handles.check(ping(client, abi.PingProgress(), 0, **{name: value}))


def test_defaults() -> None:
    options = handles.ping_options()
    told = {name: getattr(options, name) for name, _ in options._fields_}
    assert told == {
        "size": 32,
        "datagram_bytes": 64,
        "datagrams": 10,
        "window": 1,
        "interval_us": 0,
        "reply_timeout_ms": 1000,
        "reserved": 0,
    }


def test_over_tcp_there_is_none(open_server: OpenServer, open_client: OpenClient) -> None:
    client = open_client(open_server().port)
    with fails(abi.WSAEOPNOTSUPP, "ping"):
        client.ping()
    with fails(abi.WSAEINVAL, "window"):
        client.ping(window=0)


# Other threads


def waiting_ping(client: Client) -> Task:
    """A ping that nothing answers, once it waits."""
    task = Task(lambda: client.ping(abi.INFINITE, reply_timeout_ms=1 << 31))
    wait_until(lambda: client.stats.datagrams_sent > 0, "the ping has begun")
    return task


def test_others_wait_their_turn(client: Client, peer: Peer) -> None:
    pinging = waiting_ping(client)
    for use in (client.recv, lambda timeout_ms: client.send(b"x", timeout_ms), client.ping):
        with fails(abi.WSAETIMEDOUT):
            use(timeout_ms=50)
    with peer.answering():
        assert counts(pinging.result()) == {"sent": 10, "received": 10}


def test_shutdown_of_receiving_ends_it(client: Client, peer: Peer) -> None:
    pinging = waiting_ping(client)
    assert pinging.blocks()
    client.shutdown(abi.RECEIVE)
    with fails(abi.WSAESHUTDOWN, "ping"):
        pinging.result()


def test_after_shutdown_of_sending_answers_still_count(client: Client, peer: Peer) -> None:
    """What is under way is answered; then there is no sending the next."""
    progress = abi.PingProgress()
    options = {"datagrams": 3, "window": 2, "reply_timeout_ms": LONG_MS}
    assert ping(client, progress, 0, **options) == abi.WSAETIMEDOUT
    client.shutdown(abi.SEND)
    assert ping(client, progress, 20, **options) == abi.WSAETIMEDOUT
    peer.send(peer.recv())
    assert ping(client, progress, LONG_MS, **options) == abi.WSAESHUTDOWN
    assert counts(progress) == {"sent": 2, "received": 1}


def test_close_ends_it(peer: Peer, host: str) -> None:
    with Client(peer.port, host=host, protocol=abi.UDP) as client:
        tasks = [waiting_ping(client) for _ in range(3)]
        assert all(task.blocks() for task in tasks)
        client.close()
        for task in tasks:
            with fails(abi.WSA_OPERATION_ABORTED, "ping"):
                task.result()


def test_pings_of_many_clients(open_udp: OpenUdp, host: str) -> None:
    with Peer(host) as peer, peer.answering():
        clients = [open_udp(peer.port) for _ in range(8)]
        tasks = [
            Task(lambda client=client: client.ping(datagrams=100, window=4, reply_timeout_ms=LONG_MS))
            for client in clients
        ]
        for task in tasks:
            assert counts(task.result()) == {"sent": 100, "received": 100}
