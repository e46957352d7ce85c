"""Faults on demand: what plain sockets see of them, for every kind under every model."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import abi
import handles
import pytest
from endings import ending
from fixtures import OpenServer
from handles import CallError, Server, fails
from plain import payload, read_exactly, read_to_fin
from waiting import LIMIT_S, Task

DATA = payload(1000, seed=1)
# No timer of Windows or Wine is as fine as the clock; a wait may end so much early.
EARLY_S = 0.003

Connect = Callable[..., socket.socket]
Check = Callable[[Server, socket.socket], None]


def since(began: float) -> float:
    return time.monotonic() - began + EARLY_S


def silent(plain: socket.socket, limit_s: float = 0.3) -> bool:
    """Whether nothing comes, not even the end."""
    plain.settimeout(limit_s)
    try:
        plain.recv(1)
    except TimeoutError:
        return True
    finally:
        plain.settimeout(None)
    return False


def fault_events(server: Server) -> list[abi.Event]:
    return [event for event in server.events() if event.kind == abi.FAULT]


def closed_by(server: Server, rule: int = 1) -> abi.Event:
    """The connection was ended by the rule, and the journal says so."""
    event = server.next_closed()
    assert (event.reason, event.rule) == (abi.BY_FAULT, rule)
    return event


# ---- one check for each kind over TCP ----


def latency(_: Server, plain: socket.socket) -> None:
    for _round in range(3):
        began = time.monotonic()
        plain.sendall(DATA)
        assert read_exactly(plain, len(DATA)) == DATA
        assert since(began) >= 0.04
    plain.shutdown(socket.SHUT_WR)
    assert read_to_fin(plain) == b""


def bandwidth(_: Server, plain: socket.socket) -> None:
    data = payload(20_000)
    began = time.monotonic()
    plain.sendall(data)
    assert read_exactly(plain, len(data)) == data
    assert since(began) >= 0.15


def slow_close(server: Server, plain: socket.socket) -> None:
    plain.sendall(DATA)
    assert read_exactly(plain, len(DATA)) == DATA
    began = time.monotonic()
    plain.shutdown(socket.SHUT_WR)
    assert read_to_fin(plain) == b""
    assert since(began) >= 0.2
    plain.close()
    assert server.next_closed().reason == abi.FIN


def timeout(server: Server, plain: socket.socket) -> None:
    plain.sendall(DATA)
    assert read_to_fin(plain) == b""
    plain.close()
    assert closed_by(server).duration_us >= 150_000  # since it was accepted


def reset_peer(server: Server, plain: socket.socket) -> None:
    assert ending(plain) == "reset"
    assert closed_by(server).duration_us >= 150_000


def slicer(server: Server, plain: socket.socket) -> None:
    began = time.monotonic()
    plain.sendall(DATA)
    assert read_exactly(plain, len(DATA)) == DATA
    assert since(began) >= 0.08
    assert server.stats.bytes_sent == len(DATA)


def limit_data(server: Server, plain: socket.socket) -> None:
    plain.sendall(DATA)
    assert read_to_fin(plain) == DATA[:100]
    plain.close()
    closed_by(server)


def corrupt(_: Server, plain: socket.socket) -> None:
    plain.sendall(DATA)
    got = read_exactly(plain, len(DATA))
    assert [index for index in range(len(DATA)) if got[index] != DATA[index]] == [7]


def reset(server: Server, plain: socket.socket) -> None:
    plain.sendall(DATA[:99])
    assert read_exactly(plain, 99) == DATA[:99]
    plain.sendall(DATA[99:])
    assert ending(plain) == "reset"
    closed_by(server)


def fin(server: Server, plain: socket.socket) -> None:
    plain.sendall(DATA)
    assert read_to_fin(plain) == DATA[:100]
    plain.sendall(DATA)  # it still reads
    server.wait(abi.UNTIL_RECEIVED, 2 * len(DATA))
    plain.shutdown(socket.SHUT_WR)
    closed_by(server)


def never_accept(server: Server, plain: socket.socket) -> None:
    plain.sendall(DATA)
    assert silent(plain)
    assert server.stats.connections_accepted == 0
    server.fault_remove(1)
    assert read_exactly(plain, len(DATA)) == DATA


def never_read(server: Server, plain: socket.socket) -> None:
    plain.sendall(DATA)
    assert silent(plain)
    assert server.stats.bytes_received == 0
    server.fault_remove(1)
    assert read_exactly(plain, len(DATA)) == DATA


def trickle(_: Server, plain: socket.socket) -> None:
    began = time.monotonic()
    plain.sendall(DATA[:10])
    assert read_exactly(plain, 10) == DATA[:10]
    assert since(began) >= 0.18


def stall(server: Server, plain: socket.socket) -> None:
    plain.sendall(DATA)
    assert read_exactly(plain, 100) == DATA[:100]
    assert silent(plain)
    server.fault_remove(1)
    assert read_exactly(plain, 900) == DATA[100:]


TCP_CASES: list[tuple[str, Check]] = [
    ("latency:latency=50,jitter=10", latency),
    ("latency:latency=50,jitter=10,stream=upstream", latency),
    ("bandwidth:rate=100", bandwidth),
    ("slow_close:delay=200", slow_close),
    ("timeout:timeout=150", timeout),
    ("reset_peer:timeout=150", reset_peer),
    ("slicer:average_size=100,size_variation=10,delay=10000", slicer),
    ("limit_data:bytes=100", limit_data),
    ("corrupt:at=7", corrupt),
    ("reset:at=100", reset),
    ("fin:at=100", fin),
    ("never_accept", never_accept),
    ("never_read", never_read),
    ("trickle:interval=20", trickle),
    ("stall:at=100", stall),
]


def kind_of(text: str) -> str:
    return text.split(":")[0].split("@")[0]


@pytest.mark.parametrize(("text", "check"), TCP_CASES, ids=[text for text, _ in TCP_CASES])
def test_a_fault_over_tcp(
    open_server: OpenServer, connect: Connect, model: int, text: str, check: Check
) -> None:
    server = open_server(model=model, faults=text, seed=7)
    plain = connect("127.0.0.1", server.port)
    check(server, plain)
    if text != "never_accept":
        server.wait(abi.UNTIL_FAULTS, 1)
        assert server.stats.connections_accepted == 1
        server.events()
        touched = [event for event in server.told if event.kind == abi.FAULT]
        assert [(event.rule, event.connection_id) for event in touched] == [(1, 1)]
        assert len({event.fault for event in touched}) == 1


# ---- one check for each kind over UDP ----


def exchange(plain: socket.socket, count: int, size: int = 50) -> list[bytes]:
    """Send datagrams, and one more that says when all that is to come has come."""
    sent = [bytes([number]) * size for number in range(count)]
    for data in sent:
        plain.send(data)
    return sent


def arrivals(plain: socket.socket, count: int) -> list[bytes]:
    return [plain.recv(65536) for _ in range(count)]


def udp_drop(server: Server, plain: socket.socket) -> None:
    exchange(plain, 3)
    server.wait(abi.UNTIL_FAULTS, 3)
    assert silent(plain)


def udp_latency(_: Server, plain: socket.socket) -> None:
    began = time.monotonic()
    sent = exchange(plain, 3)
    assert sorted(arrivals(plain, 3)) == sent
    assert since(began) >= 0.04


def udp_duplicate(_: Server, plain: socket.socket) -> None:
    sent = exchange(plain, 3)
    assert arrivals(plain, 6) == [data for data in sent for _ in range(2)]


def udp_reorder(_: Server, plain: socket.socket) -> None:
    sent = exchange(plain, 2)
    assert arrivals(plain, 2) == sent[::-1]


def udp_corrupt(_: Server, plain: socket.socket) -> None:
    (sent,) = exchange(plain, 1)
    (got,) = arrivals(plain, 1)
    assert [index for index in range(len(sent)) if got[index] != sent[index]] == [7]


def udp_truncate(_: Server, plain: socket.socket) -> None:
    (sent,) = exchange(plain, 1)
    assert arrivals(plain, 1) == [sent[:20]]


UDP_CASES: list[tuple[str, Check]] = [
    ("latency:latency=50,jitter=10", udp_latency),
    ("down", udp_drop),
    ("corrupt:at=7", udp_corrupt),
    ("drop", udp_drop),
    ("duplicate", udp_duplicate),
    ("reorder:gap=1,delay=60000@first=1", udp_reorder),
    ("truncate:bytes=20", udp_truncate),
    ("delay:delay=50,jitter=10", udp_latency),
]


@pytest.fixture
def connect_udp() -> Any:
    with contextlib.ExitStack() as stack:

        def connected(port: int) -> socket.socket:
            plain = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            plain.connect(("127.0.0.1", port))
            plain.settimeout(LIMIT_S)
            return plain

        yield connected


@pytest.mark.parametrize(("text", "check"), UDP_CASES, ids=[text for text, _ in UDP_CASES])
def test_a_fault_over_udp(
    open_server: OpenServer,
    connect_udp: Callable[[int], socket.socket],
    model: int,
    text: str,
    check: Check,
) -> None:
    server = open_server(model=model, protocol=abi.UDP, faults=text, seed=7)
    plain = connect_udp(server.port)
    check(server, plain)
    touched = fault_events(server)
    assert touched
    for event in touched:
        assert (event.rule, event.protocol, event.connection_id) == (1, abi.UDP, 0)
        assert (event.peer.host, event.peer.port) == (b"127.0.0.1", plain.getsockname()[1])
    assert [event.place for event in touched] == list(range(1, len(touched) + 1))


LATE_DATAGRAMS = 256 + 2  # as many as a server keeps, and its two buffers


def test_a_server_ends_that_has_no_room_for_more_datagrams_that_are_late(
    open_server: OpenServer, connect_udp: Callable[[int], socket.socket], model: int
) -> None:
    server = open_server(model=model, protocol=abi.UDP, faults="latency:latency=3600000")
    plain = connect_udp(server.port)
    for number in range(1, LATE_DATAGRAMS + 1):
        plain.send(bytes(100))
        server.wait(abi.UNTIL_RECEIVED, 100 * number)
    plain.send(bytes(100))  # is not received
    server.stop()


def test_every_kind_has_its_case() -> None:
    for number, protocol in enumerate((TCP_CASES, UDP_CASES)):
        wanted = {info.name.decode() for info in handles.fault_kinds() if info.protocols >> number & 1}
        own_tests = {"down"} if number else {"down", "refuse"}
        assert {kind_of(text) for text, _ in protocol} | own_tests == wanted


# ---- on a live server ----


def echoes(plain: socket.socket) -> bool:
    plain.sendall(DATA)
    return read_exactly(plain, len(DATA)) == DATA


def test_an_idle_connection_is_reset_by_a_rule_that_is_added(
    open_server: OpenServer, connect: Connect, model: int
) -> None:
    server = open_server(model=model)
    plain = connect("127.0.0.1", server.port)
    assert echoes(plain)
    began = time.monotonic()
    rule = server.fault_add("reset_peer:timeout=100")
    assert ending(plain) == "reset"
    assert 0.1 <= since(began) < LIMIT_S
    closed_by(server, rule)


def test_rules_are_added_changed_and_removed_on_a_live_connection(
    open_server: OpenServer, connect: Connect, model: int
) -> None:
    server = open_server(model=model)
    plain = connect("127.0.0.1", server.port)
    assert echoes(plain)
    rule = server.fault_add("latency:latency=100")
    assert server.faults == {rule: "latency:latency=100"}
    began = time.monotonic()
    assert echoes(plain)
    assert since(began) >= 0.1
    server.fault_change(rule, "latency:latency=300")
    began = time.monotonic()
    assert echoes(plain)
    assert since(began) >= 0.3
    server.fault_remove(rule)
    assert server.faults == {}
    quickest = LIMIT_S
    for _ in range(20):
        began = time.monotonic()
        assert echoes(plain)
        quickest = min(quickest, since(began))
    assert quickest < 0.3, "were there latency yet, each would take as long"
    assert server.fault_add("stall") == rule + 1
    plain.sendall(b"x")
    assert silent(plain)


@pytest.mark.parametrize(
    "text", ["delay:delay=3600000", "latency:latency=3600000", "reorder:gap=5,delay=3600000"]
)
def test_late_datagrams_go_when_their_rule_does(
    open_server: OpenServer, connect_udp: Callable[[int], socket.socket], model: int, text: str
) -> None:
    server = open_server(model=model, protocol=abi.UDP, faults=text)
    plain = connect_udp(server.port)
    sent = exchange(plain, 3)
    server.wait(abi.UNTIL_FAULTS, 3)
    assert server.stats.datagrams_sent == 0
    server.fault_remove(1)
    assert arrivals(plain, 3) == sent


def test_rules_come_and_go_while_bytes_flow(open_server: OpenServer, connect: Connect, model: int) -> None:
    """No byte is lost, and no connection, by what only slows or cuts: whatever is out when rules change."""
    server = open_server(model=model)
    data = payload(100_000)
    plain = connect("127.0.0.1", server.port)
    enough = threading.Event()

    def send() -> int:
        pieces = 0
        while not enough.is_set():
            plain.sendall(data)
            pieces += 1
        plain.shutdown(socket.SHUT_WR)
        return pieces

    def receive() -> int:
        come = 0
        while piece := plain.recv(65536):
            begin = come % len(data)
            assert piece == (data + data)[begin : begin + len(piece)]
            come += len(piece)
        return come

    sending = Task(send)
    receiving = Task(receive)
    for round_ in range(30):
        rule = server.fault_add(["latency:latency=2", "slicer:average_size=5000", "never_read"][round_ % 3])
        server.fault_remove(rule)
    enough.set()
    pieces = sending.result()
    assert receiving.result() == pieces * len(data)
    assert server.next_closed().reason == abi.FIN


def test_rules_change_while_it_stops(open_server: OpenServer, connect: Connect, model: int) -> None:
    """Whoever is late is told so, or has changed the rules of nobody."""
    for _ in range(5):
        server = open_server(model=model)
        connections = [connect("127.0.0.1", server.port) for _ in range(5)]
        server.wait(abi.UNTIL_ACCEPTED, len(connections))

        def change(server: Server = server) -> None:
            while True:
                server.fault_remove(server.fault_add("latency:latency=1"))

        changing = [Task(change) for _ in range(2)]
        server.stop()
        server.close()
        for task in changing:
            with pytest.raises(CallError) as late:
                task.result()
            assert late.value.code in (abi.WSAENOTSOCK, abi.WSA_OPERATION_ABORTED)
        for plain in connections:
            assert ending(plain) in ("reset", "fin")


def fill(plain: socket.socket) -> int:
    """Send, and never read, until neither side takes more: how many bytes that were."""
    sent = 0
    plain.settimeout(1.0)
    with contextlib.suppress(TimeoutError):
        while True:
            sent += plain.send(bytes(65536))
    plain.settimeout(None)
    return sent


def test_a_rule_that_comes_while_the_peer_takes_nothing(
    open_server: OpenServer, connect: Connect, model: int
) -> None:
    """The model threads may be inside of send: it must not be torn out of there, with an unknown count."""
    server = open_server(model=model)
    plain = connect("127.0.0.1", server.port)
    sent = fill(plain)
    server.fault_remove(server.fault_add("latency:latency=1"))
    assert len(read_exactly(plain, sent)) == sent
    assert echoes(plain)


def test_a_connection_is_reset_while_its_peer_takes_nothing(
    open_server: OpenServer, connect: Connect, model: int
) -> None:
    server = open_server(model=model, faults="slow_close:delay=1")
    plain = connect("127.0.0.1", server.port)
    fill(plain)
    rule = server.fault_add("reset_peer:timeout=100")
    closed_by(server, rule)


def refused(port: int) -> bool:
    with socket.socket() as plain:
        plain.settimeout(LIMIT_S)
        return plain.connect_ex(("127.0.0.1", port)) == abi.WSAECONNREFUSED


def test_down_and_up_again(open_server: OpenServer, connect: Connect, model: int) -> None:
    server = open_server(model=model)
    port = server.port
    for round_ in range(3):
        plain = connect("127.0.0.1", port)
        assert echoes(plain)
        rule = server.fault_add("down")
        assert read_to_fin(plain) == b""
        assert refused(port)
        plain.close()
        server.wait(abi.UNTIL_CLOSED, round_ + 1)
        server.fault_remove(rule)
    assert echoes(connect("127.0.0.1", port))
    events = server.events()
    assert [event.kind for event in events].count(abi.LISTENING) == 4 * len(server.addresses)
    went_down = [event for event in events if event.kind == abi.FAULT and not event.connection_id]
    assert [event.rule for event in went_down] == [1, 2, 3]


def test_down_from_the_start(open_server: OpenServer, connect: Connect, model: int) -> None:
    server = open_server(model=model, faults="down")
    assert server.port > 0
    assert refused(server.port)
    server.fault_remove(1)
    assert echoes(connect("127.0.0.1", server.port))


def test_never_accept_on_a_live_server(open_server: OpenServer, connect: Connect, model: int) -> None:
    server = open_server(model=model)
    first = connect("127.0.0.1", server.port)
    assert echoes(first)
    rule = server.fault_add("never_accept")
    assert echoes(first)
    second = connect("127.0.0.1", server.port)
    second.sendall(DATA)
    assert silent(second)
    server.fault_change(rule, "latency:latency=1")
    assert read_exactly(second, len(DATA)) == DATA
    server.fault_change(rule, "never_accept")
    with contextlib.closing(connect("127.0.0.1", server.port)) as third:
        assert silent(third)
    assert server.stop() == 2
    assert refused(server.port)


def test_nobody_is_lost_while_accepting_is_interrupted(
    open_server: OpenServer, connect: Connect, model: int
) -> None:
    """Who connects meanwhile is accepted, before or after: in AcceptEx, too, that is done already."""
    server = open_server(model=model)
    enough = threading.Event()

    def come() -> list[socket.socket]:
        plains: list[socket.socket] = []
        while not enough.is_set() and len(plains) < 300:
            plains.append(connect("127.0.0.1", server.port))
        return plains

    coming = [Task(come) for _ in range(2)]
    for _ in range(30):
        server.fault_remove(server.fault_add("never_accept"))
    enough.set()
    plains = [plain for task in coming for plain in task.result()]
    assert plains
    for plain in plains:
        assert echoes(plain)
    assert server.stats.connections_accepted == len(plains)
    assert server.stats.accept_failures == 0


def test_down_and_up_where_a_thread_accepts(open_server: OpenServer, connect: Connect, model: int) -> None:
    server = open_server(model=model, accept=abi.WSAACCEPT, faults="down")
    for text in ("never_accept", "down"):
        server.fault_change(1, "latency")
        assert echoes(connect("127.0.0.1", server.port))
        server.fault_change(1, text)
    assert refused(server.port)


def test_a_stopped_server_does_not_listen_again(open_server: OpenServer, model: int) -> None:
    for text in ("down", "never_accept"):
        server = open_server(model=model, faults=text)
        server.stop()
        server.fault_remove(1)
        assert refused(server.port)


# ---- whom ----


def outcomes(server: Server, count: int) -> list[str]:
    """How each of so many connections, one after the other, ends: "reset", or "echo"."""

    def outcome() -> str:
        try:  # a reset may come while connect still looks
            with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as plain:
                plain.settimeout(None)
                plain.sendall(b"x")
                return "echo" if plain.recv(1) == b"x" else "reset"
        except (ConnectionResetError, ConnectionAbortedError):
            return "reset"

    return [outcome() for _ in range(count)]


def test_first_two_reset_third_works(open_server: OpenServer, model: int) -> None:
    server = open_server(model=model, faults="refuse@first=2")
    assert outcomes(server, 4) == ["reset", "reset", "echo", "echo"]
    server.wait(abi.UNTIL_CLOSED, 4)
    closed = {event.connection_id: event for event in server.events() if event.kind == abi.CLOSED}
    assert [closed[number].rule for number in (1, 2, 3, 4)] == [1, 1, 0, 0]
    assert [closed[number].reason for number in (1, 2, 3, 4)] == [abi.BY_FAULT] * 2 + [abi.FIN] * 2


@pytest.mark.parametrize("before", ["refuse@first=1", "slow_close:delay=1"])
def test_a_rule_that_is_changed_to_refuse_lets_open_connections_be(
    open_server: OpenServer, connect: Connect, model: int, before: str
) -> None:
    server = open_server(model=model, faults=before)
    assert outcomes(server, 1) == ["reset" if before.startswith("refuse") else "echo"]
    second = connect("127.0.0.1", server.port)
    assert echoes(second)
    server.fault_change(1, "refuse")
    assert outcomes(server, 1) == ["reset"]
    assert echoes(second)
    server.fault_change(1, "refuse@first=4")
    assert echoes(second)
    assert outcomes(server, 2) == ["reset", "echo"], "they are counted from when the rule was added"
    assert echoes(second)


@pytest.mark.parametrize(("toxicity", "touched"), [("0", 0), ("1", 200)])
def test_toxicity(open_server: OpenServer, model: int, toxicity: str, touched: int) -> None:
    server = open_server(model=model, faults=f"reset:toxicity={toxicity}", journal_events=10_000)
    assert outcomes(server, 200).count("reset") == touched
    server.wait(abi.UNTIL_CLOSED, 200)
    assert len(fault_events(server)) == touched


def journal(model: int, seed: int, rules: str) -> list[tuple[int, ...]]:
    with Server(model=model, faults=rules, seed=seed) as server:
        for _ in range(40):
            with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as plain:
                plain.settimeout(None)
                with contextlib.suppress(ConnectionError):
                    plain.sendall(DATA)
                    plain.shutdown(socket.SHUT_WR)
                    read_to_fin(plain)
        server.wait(abi.UNTIL_CLOSED, 40)
        assert server.options.seed == seed
        return [(event.connection_id, event.rule, event.place) for event in fault_events(server)]


def test_one_seed_gives_one_journal(model: int) -> None:
    rules = "limit_data:bytes=500,toxicity=0.3\ncorrupt:rate=0.005 slicer:average_size=300,toxicity=0.5"
    first = journal(model, 1, rules)
    assert first
    assert journal(model, 1, rules) == first
    assert journal(0, 1, rules) == first, "it is not for the I/O model to decide"
    assert journal(model, 2, rules) != first


def datagram_journal(model: int, seed: int) -> list[tuple[int, ...]]:
    rules = "drop:rate=0.3,correlation=0.5 corrupt:rate=0.3 duplicate:rate=0.1"
    with (
        Server(model=model, protocol=abi.UDP, faults=rules, seed=seed, family=abi.IPV4) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain,
    ):
        plain.connect(("127.0.0.1", server.port))
        for number in range(100):  # one at a time: the system itself may lose what nobody has room for
            plain.send(bytes(20))
            server.wait(abi.UNTIL_RECEIVED, (number + 1) * 20)
        server.stop()
        return [(event.place, event.rule, event.fault) for event in fault_events(server)]


def test_one_seed_gives_one_journal_of_datagrams(model: int) -> None:
    first = datagram_journal(model, 1)
    assert len(first) > 20
    assert datagram_journal(0, 1)[: len(first) - 3] == first[: len(first) - 3]  # the last may be cut off
    assert datagram_journal(model, 2) != first


def test_a_seed_is_drawn_and_told(open_server: OpenServer) -> None:
    seeds = {open_server().options.seed for _ in range(5)}
    assert len(seeds) == 5
    assert 0 not in seeds


# ---- texts ----


def test_what_is_wrong_with_a_text_is_told(open_server: OpenServer) -> None:
    server = open_server()
    with fails(abi.WSAEINVAL, "byte 8", "latency"):
        server.fault_add("latency:latencies=5")
    with fails(abi.WSAEINVAL, "rate"):
        server.fault_add("bandwidth")
    with fails(abi.WSAEINVAL, "option faults", "at byte 8", "slicers"):
        Server(faults="latency slicers")
    with fails(abi.WSAEOPNOTSUPP, "drop"):
        server.fault_add("drop")
    with fails(abi.WSAEINVAL, "no such rule"):
        server.fault_change(1, "drop")
    known = server.fault_add("latency")
    with fails(abi.WSAEOPNOTSUPP, "drop"):
        server.fault_change(known, "drop")
    with fails(abi.WSAEOPNOTSUPP, "option faults", '"trickle" is for TCP only'):
        Server(protocol=abi.UDP, faults="latency trickle")


def test_a_server_has_32_rules_at_most(open_server: OpenServer) -> None:
    server = open_server(faults="latency " * 32)
    with fails(abi.WSAENOBUFS):
        server.fault_add("latency")
    server.fault_remove(5)
    assert server.fault_add("latency") == 33
    with fails(abi.WSAEINVAL, "too many"):
        Server(faults="latency " * 33)


def test_the_list_describes_every_parameter() -> None:
    for number, info in enumerate(handles.fault_kinds()):
        assert info.name
        assert info.summary.endswith(b".")
        index = 0
        parameter = handles.sized(abi.FaultParameterInfo)
        while abi.DLL.ws2echo_fault_parameter_describe(number, index, parameter) == 0:
            assert parameter.name
            assert parameter.summary
            told = not parameter.required and not parameter.optional
            assert parameter.least <= parameter.default_value <= parameter.most or not told
            index += 1


# ---- waiting ----


def test_waiting_for_connections_and_bytes(open_server: OpenServer, connect: Connect, model: int) -> None:
    server = open_server(model=model)
    accepted = Task(server.wait, abi.UNTIL_ACCEPTED, 2)
    received = Task(server.wait, abi.UNTIL_RECEIVED, 2 * len(DATA))
    sent = Task(server.wait, abi.UNTIL_SENT, 2 * len(DATA))
    first = connect("127.0.0.1", server.port)
    assert echoes(first)
    assert accepted.blocks()
    assert received.blocks()
    second = connect("127.0.0.1", server.port)
    assert echoes(second)
    for task in (accepted, received, sent):
        task.result()
    server.wait(abi.UNTIL_OPEN, 2, 0)
    gone = Task(server.wait, abi.UNTIL_OPEN_AT_MOST, 0)
    closed = Task(server.wait, abi.UNTIL_CLOSED, 2)
    first.close()
    assert gone.blocks()
    second.close()
    gone.result()
    closed.result()
    with fails(abi.WSAETIMEDOUT, "3 connections accepted", "come to 2"):
        server.wait(abi.UNTIL_ACCEPTED, 3, 50)


def test_a_wait_ends_with_the_server(open_server: OpenServer, model: int) -> None:
    server = open_server(model=model)
    stopped = Task(server.wait, abi.UNTIL_ACCEPTED, 1)
    assert stopped.blocks()
    server.stop()
    with fails(abi.WSAEDISCON):
        stopped.result()
    other = open_server(model=model)
    closed = Task(other.wait, abi.UNTIL_SENT, 1)
    assert closed.blocks()
    other.close()
    with fails(abi.WSA_OPERATION_ABORTED):
        closed.result()
