"""The load in Python: what it sends, checks, counts and tells."""

import csv
import dataclasses
import inspect
import io
import json
import math
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tampering
import ws2echo
from datagrams import Peer, Policy, scripted, silent
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from test_python_blocking import run_python
from waiting import LIMIT_S, Task, more_and_more, wait_until
from ws2echo import (
    Histogram,
    Load,
    LoadProblem,
    LoadProblemKind,
    LoadReceive,
    LoadResult,
    LoadSample,
    Reason,
    Server,
    UsageError,
    _load_report,
    _swig,
)
from ws2echo._waiting import INFINITE, seconds

MODELS = [info.name for info in ws2echo.models()]
SIZE = 4096
WSAECONNRESET, WSAECONNABORTED, WSAECONNREFUSED, WSAEDISCON = 10054, 10053, 10061, 10101
WSA_OPERATION_ABORTED, WSAETIMEDOUT = 995, 10060


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(protocol="both", model="iocp") as opened:
        yield opened


def good(result: LoadResult) -> bool:
    return result.stats.finished and not result.failed and result.problems == ()


# ---- loads of our own servers


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("model", MODELS)
def test_every_message_comes_back(model: str, protocol: str) -> None:
    """A server and a load of the model; the counts are exact."""
    with Server("127.0.0.1", model=model, protocol=protocol) as server:
        options = {"connections": 3, "messages": 100, "sizes": 100, "model": model, "protocol": protocol}
        with Load(server.port, "127.0.0.1", **options) as load:  # type: ignore[arg-type]
            result = load.run()
        assert server.stats.bytes_received == 10_000
    assert good(result)
    stats = result.stats
    assert (stats.messages, stats.bytes_sent, stats.bytes_received) == (100, 10_000, 10_000)
    assert (stats.connections_begun, stats.connections_connected, stats.connections_finished) == (3, 3, 3)
    assert stats.connections_current == 0
    assert (result.latency.count, result.connect_time.count) == (100, 3 if protocol == "tcp" else 0)
    assert 0 < result.latency.min_us <= result.latency.percentile(50) <= result.latency.max_us
    assert stats.elapsed_us >= result.latency.max_us
    active = stats.active_us / 1e6
    assert 0 < active <= result.elapsed
    assert result.messages_per_second == pytest.approx(100 / active)
    assert result.bytes_per_second == pytest.approx(10_000 / active)


@pytest.mark.parametrize("model", MODELS)
def test_streams(server: Server, model: str) -> None:
    options: dict[str, Any] = {"pattern": "stream", "bytes": 1 << 20, "sizes": (1, 100, 65_536)}
    with Load(server.port, model=model, connections=2, **options) as load:
        result = load.run()
    assert good(result)
    assert result.stats.bytes_sent == result.stats.bytes_received >= 1 << 20
    assert result.latency.count == result.stats.messages


def test_churn(server: Server) -> None:
    with Load(server.port, connections=2, messages=20, messages_per_connection=2) as load:
        result = load.run()
    assert good(result)
    assert (result.stats.messages, result.stats.connections_begun) == (20, 10)
    server.drain(LIMIT_S)
    assert server.stats.connections_closed[Reason.FIN] == server.stats.connections_accepted == 10


def test_connections_can_end_by_reset(server: Server) -> None:
    with Load(server.port, connections=3, messages=6, reset=True) as load:
        assert good(load.run())
    server.drain(LIMIT_S)
    closed = server.stats.connections_closed
    # Wine may show a reset as FIN to who was not waiting for it; tests/host/test_endings.py sees what goes.
    assert closed[Reason.RESET] + closed[Reason.FIN] == server.stats.connections_accepted == 3
    assert closed[Reason.RESET] > 0


@pytest.mark.parametrize("limit", [{"messages": 6}, {"duration": 0.5}], ids=["messages", "duration"])
@pytest.mark.parametrize("model", MODELS)
def test_a_peer_that_does_not_end_is_left(model: str, limit: dict[str, Any]) -> None:
    """Everything came back, but never the end."""
    with (
        Server("127.0.0.1", faults="slow_close:delay=3600000") as server,
        Load(server.port, model=model, connections=3, finish_timeout=0.3, **limit) as load,
    ):
        wait_until(lambda: load.stats.connections_connected == 3, "all are connected")
        result = load.run()
    assert result.stats.bytes_received == result.stats.bytes_sent
    assert result.stats.connections_finished == 0
    broken = [(LoadProblemKind.BROKEN, WSAETIMEDOUT)] * 3
    assert [(problem.kind, problem.error) for problem in result.problems] == broken


def test_more_connections_than_are_connecting_at_once_ask_a_silent_peer() -> None:
    """Over UDP nothing tells whether a peer will answer: none waits for the others."""
    options: dict[str, Any] = {"protocol": "udp", "connections": 300, "reply_timeout": 3600}
    with Peer("127.0.0.1") as peer, Load(peer.port, "127.0.0.1", finish_timeout=0.1, **options) as load:
        wait_until(lambda: load.stats.bytes_sent == 300 * 64, "each has sent something")
        load.stop()
        load.wait(LIMIT_S)
        assert load.stats.problems[LoadProblemKind.UNCONNECTED] == 300


@pytest.mark.parametrize("limits", [{"messages": 3}, {"rate": 1, "duration": 1}], ids=str)
def test_over_udp_who_has_nothing_to_send_has_no_problem(server: Server, limits: dict[str, Any]) -> None:
    with Load(server.port, protocol="udp", connections=10, **limits) as load:
        result = load.run()
    assert good(result)
    assert result.stats.messages < 10
    assert (result.stats.connections_begun, result.stats.connections_finished) == (10, 10)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "messages",
    [{"sizes": 16 << 20, "messages": 1}, {"sizes": 65_536, "depth": 256, "messages": 256}],
    ids=str,
)
def test_more_than_the_buffers_between_hold(server: Server, model: str, messages: dict[str, Any]) -> None:
    """Neither end waits for ever for the other to receive."""
    with Load(server.port, model=model, **messages) as load:
        load.wait(LIMIT_S)
        result = load.result()
    assert good(result)
    assert result.stats.bytes_received == 16 << 20


def test_a_ramp_owes_nothing(server: Server) -> None:
    """The messages of a connection are due from when it begins: 0.5 s after the other, here."""
    options: dict[str, Any] = {"connections": 2, "rate": 200, "ramp_up": 1.0, "duration": 1.5}
    with Load(server.port, **options) as load:
        result = load.run()
    assert good(result)
    assert result.stats.messages <= 150 + 100 + 2


@pytest.mark.parametrize("messages", [3, 5, 7])
def test_bursts_go_on_from_connection_to_connection(server: Server, messages: int) -> None:
    """Five are due each half second, whoever sends them: 15 within the time."""
    churn: dict[str, Any] = {"messages_per_connection": messages, "rate": 10, "burst": 5, "duration": 1.4}
    with Load(server.port, **churn) as load:
        result = load.run()
    assert good(result)
    assert result.stats.messages <= 15


def test_losses_are_told_while_nothing_is_answered(server: Server) -> None:
    with (
        server.fault("drop"),
        Load(server.port, protocol="udp", connections=2, reply_timeout=0.05) as load,
    ):
        wait_until(lambda: load.stats.datagrams_lost > 0, "a loss is told")
        assert not load.finished


@pytest.mark.parametrize("receive", [LoadReceive.LATE, LoadReceive.AFTER_SENT, LoadReceive.NEVER])
@pytest.mark.parametrize("model", ["threads", "poll", "iocp"])
def test_ways_to_receive(server: Server, model: str, receive: LoadReceive) -> None:
    options: dict[str, Any] = {"receive_delay": 0.3} if receive is LoadReceive.LATE else {}
    limits: dict[str, Any] = {"pattern": "stream", "bytes": 20_000, "sizes": 1000, "window_bytes": 32_768}
    with Load(server.port, model=model, receive=receive, **limits, **options) as load:
        result = load.run()
    assert result.stats.finished
    assert result.problems == ()
    assert result.stats.bytes_sent == 20_000
    if receive is LoadReceive.NEVER:  # but for what it reads past when it ends
        assert result.stats.messages == result.latency.count == 0
    else:
        assert result.stats.bytes_received == 20_000
    if receive is LoadReceive.LATE:
        assert result.latency.max_us >= 250_000


def test_delays(server: Server) -> None:
    """A time that must pass has passed; how much more it took says nothing."""
    with Load(server.port, messages=1, send_delay=0.3) as load:
        assert load.run().elapsed >= 0.3
    with Load(server.port, messages=5, think=0.1) as load:
        assert load.run().elapsed >= 0.4
    with Load(server.port, messages=2, connections=2, ramp_up=0.4) as load:
        assert load.run().elapsed >= 0.2
    with Load(server.port, messages=20, rate=50) as load:
        result = load.run()
    assert result.stats.messages == 20
    assert result.elapsed >= 0.3


def test_latency_counts_from_when_a_message_was_due() -> None:
    """The second answer comes late, and all that were due meanwhile are late with it."""

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as peer:
            peer.settimeout(LIMIT_S)
            peer.sendall(peer.recv(16, socket.MSG_WAITALL))
            first = peer.recv(16, socket.MSG_WAITALL)
            wait_until(lambda: load.stats.elapsed_us > 1_200_000, "a second passes")
            peer.sendall(first)
            while data := peer.recv(65536):
                peer.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with Load(port, "127.0.0.1", messages=20, sizes=16, rate=20) as load:
            task = Task(serve, listener)
            result = load.run()
            task.result()
    assert result.stats.messages == result.latency.count == 20
    late = sum(count for lowest, _, count in result.latency if lowest > 400_000)
    assert late >= 10, "were they timed from when they were sent, only one would be late"


def test_the_warm_up_is_not_in_the_latencies(server: Server) -> None:
    for warm_up in more_and_more(0.3):
        with Load(server.port, warm_up=warm_up, think=0.01) as load:
            wait_until(lambda load=load: load.latency.count > 0, "the warm-up is over")  # type: ignore[misc]
            assert load.stats.elapsed_us >= warm_up * 1e6
            load.stop()
            result = load.run()
        assert good(result)
        assert 0 < result.latency.count <= result.stats.messages
        if result.latency.count < result.stats.messages:  # the first came back within the warm-up
            break
    assert result.latency.count < result.stats.messages


# ---- options

GIVEN: dict[str, Any] = {
    "connections": 2,
    "model": "poll",
    "family": "ipv4",
    "workers": 2,
    "pattern": "ping-pong",
    "depth": 3,
    "sizes": (64, 1500),
    "messages": 1000,
    "bytes": 100_000,
    "messages_per_connection": 100,
    "duration": 60.0,
    "warm_up": 0.5,
    "ramp_up": 0.25,
    "rate": 100,
    "burst": 2,
    "receive": "late",
    "receive_delay": 0.125,
    "connect_timeout": 20.0,
    "reply_timeout": 30.0,
    "finish_timeout": 0.5,
    "reset": True,
    "no_delay": False,
    "receive_buffer_bytes": 65_536,
    "send_buffer_bytes": 32_768,
    "seed": 1 << 63,
}
# They do not go with those above.
GIVEN_TOO: list[dict[str, Any]] = [
    {"pattern": "stream", "window_bytes": 4096},
    {"think": 1.5, "send_delay": 0.0631},
    {"sizes": range(10, 21)},
    {"protocol": "udp", "sizes": 100},
    {"connect_timeout": None, "finish_timeout": None, "reply_timeout": None},
]


@pytest.mark.parametrize("given", [GIVEN, *GIVEN_TOO], ids=lambda given: ",".join(given))
def test_options_come_back_as_given(server: Server, given: dict[str, Any]) -> None:
    with Load(server.port, "127.0.0.1", **given) as load:
        options = load.options
    told = {name: getattr(options, name) for name in given}
    if "send_delay" in given:  # the DLL has whole milliseconds, of which enough
        assert told.pop("send_delay") == 0.064
    if isinstance(given.get("sizes"), range):
        assert (told.pop("sizes"), options.sizes_range) == ((10, 20), True)
    elif isinstance(given.get("sizes"), int):
        assert (told.pop("sizes"), options.sizes_range) == ((given["sizes"],), False)
    assert told == {name: given[name] for name in told}
    assert (options.host, options.port) == ("127.0.0.1", server.port)


def test_every_option_was_given() -> None:
    names = set(GIVEN) | {name for given in GIVEN_TOO for name in given} | {"port", "host"}
    assert names == set(inspect.signature(Load).parameters)
    assert names | {"sizes_range"} == {field.name for field in dataclasses.fields(ws2echo.LoadOptions)}


def test_the_defaults_are_those_of_the_dll() -> None:
    raw, parameters = _swig.LoadOptions(), inspect.signature(Load).parameters
    for name, parameter in parameters.items():
        if name in ("port", "host", "model", "protocol", "family", "pattern", "receive", "reply_timeout"):
            continue
        if hasattr(raw, f"{name}_ms"):
            told: object = seconds(getattr(raw, f"{name}_ms"))
        elif name == "sizes":
            told = raw.message_bytes[0]
        elif name in ("messages", "bytes", "messages_per_connection", "rate"):
            told = getattr(raw, name) or None
        else:
            told = getattr(raw, name)
        assert parameter.default == told, name
    assert raw.reply_timeout_ms == _swig.TIMEOUT_OF_OPTIONS
    assert raw.duration_ms == INFINITE
    with Server() as server, Load(server.port) as load:
        options = load.options
        for name in ("model", "protocol", "family", "pattern", "receive"):
            assert getattr(options, name) == parameters[name].default
        assert options.reply_timeout is None
        assert options.sizes == (64,)


def test_what_a_default_came_to(server: Server) -> None:
    with Load(server.port, pattern="stream", model="iocp") as load:
        assert load.options.window_bytes == 1 << 20
        assert load.options.workers > 0
    with Load(server.port, protocol="udp") as load:
        assert load.options.reply_timeout == 1.0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"model": "magic"}, ValueError, "model: 'magic' is none of 'threads'"),
        ({"protocol": "ip"}, ValueError, "protocol"),
        ({"protocol": "both"}, OSError, "protocol.*WSAEINVAL"),
        ({"pattern": "duplex"}, ValueError, "pattern: 'duplex' is none of 'ping-pong', 'stream'"),
        ({"receive": "sometimes"}, ValueError, "'after-sent'"),
        ({"connections": 0}, OSError, "connections.*WSAEINVAL"),
        ({"connections": -1}, ValueError, "connections: -1 is less than 0"),
        ({"sizes": []}, ValueError, "sizes: 0 of them"),
        ({"sizes": [1] * 17}, ValueError, "sizes: 17 of them"),
        ({"sizes": [1, -1]}, ValueError, "sizes"),
        ({"sizes": range(5, 5)}, ValueError, "without gaps"),
        ({"sizes": range(5, 50, 5)}, ValueError, "without gaps"),
        ({"sizes": range(-1, 50)}, ValueError, "sizes: -1 is less than 0"),
        ({"sizes": range(5, (1 << 32) + 1)}, ValueError, "sizes: 4294967296 is more than"),
        ({"sizes": "64"}, TypeError, "sizes"),
        ({"sizes": 1.5}, TypeError, "sizes"),
        ({"sizes": 0}, UsageError, "option sizes.*WSAEINVAL"),
        ({"messages": 0}, ValueError, "messages: 0 is less than 1"),
        ({"rate": 0}, ValueError, "rate"),
        ({"duration": 0}, UsageError, "option duration \\(in ms\\).*WSAEINVAL.*None"),
        ({"duration": -1}, ValueError, "duration"),
        ({"think": math.nan}, ValueError, "think"),
        ({"seed": 1 << 64}, ValueError, "seed"),
        ({"reset": 2}, ValueError, "reset"),
        ({"window_bytes": 5}, UsageError, "window_bytes"),
        ({"model": "threads", "workers": 2}, UsageError, "workers.*WSAEOPNOTSUPP"),
        ({"protocol": "udp", "think": 1.0}, UsageError, "think.*WSAEOPNOTSUPP"),
        ({"host": "no-such-host.invalid"}, socket.gaierror, "no-such-host"),
        ({"host": "a\0b"}, ValueError, "host"),
    ],
    ids=str,
)
def test_options_that_cannot_be(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Load(9, **options)


# ---- its life


def test_it_goes_on_until_it_is_stopped(server: Server) -> None:
    with Load(server.port, connections=2) as load:
        with pytest.raises(TimeoutError):
            load.wait(0.1)
        wait_until(lambda: load.stats.messages > 10, "messages come back")
        assert not load.finished
        load.stop()
        load.wait(LIMIT_S)
        assert load.finished
        load.stop()
        result = load.result()
        assert good(result)
        assert result.samples == ()
        assert result.stats == load.stats, "it stands still"


def test_it_is_closed_while_it_runs(server: Server) -> None:
    load = Load(server.port, connections=5)
    wait_until(lambda: load.stats.messages > 10, "messages come back")
    assert repr(load) == f"<ws2echo.Load on localhost port {server.port}>"
    task = Task(load.wait, LIMIT_S)
    assert task.blocks()
    load.close()
    with pytest.raises(OSError, match="WSA_OPERATION_ABORTED"):
        task.result()
    assert load.closed
    assert repr(load) == f"<ws2echo.Load closed, was on localhost port {server.port}>"
    load.close()
    for call in (lambda: load.stats, load.stop, load.wait, lambda: load.latency, load.next_problem):
        with pytest.raises(OSError, match="WSAENOTSOCK"):
            call()


def test_waiting_lets_others_run(server: Server) -> None:
    with Load(server.port) as load:
        waiting = [Task(load.wait, LIMIT_S), Task(load.next_problem, LIMIT_S)]
        assert all(task.blocks() for task in waiting)
        load.stop()
        waiting[0].result()
        with pytest.raises(OSError, match="WSAEDISCON"):
            waiting[1].result()


def test_ctrl_c_ends_every_wait() -> None:
    done = run_python("""
        import _thread, threading, ws2echo
        server = ws2echo.Server()
        load = ws2echo.Load(server.port, rate=10)
        watch = load.watch(60)

        def check(name, call):
            timer = threading.Timer(0.3, _thread.interrupt_main)
            try:
                timer.start()
                call()
                print(name, "returned")
            except KeyboardInterrupt:
                print(name, "interrupted")
            timer.join()

        check("wait", load.wait)
        check("next_problem", load.next_problem)
        check("run", load.run)
        check("watch", lambda: next(watch))
        load.stop()
        samples = list(watch)
        print(len(samples), samples[0].messages == load.stats.messages > 0)
        load.close()
        server.close()
    """)
    assert done.stdout.splitlines() == [
        *(f"{name} interrupted" for name in ("wait", "next_problem", "run", "watch")),
        "1 True",
    ]


# ---- samples


def test_samples_add_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with Load(server.port, connections=2) as load:
        asked, problems = 0, load.problems

        def asked_after_each_sample() -> Iterator[LoadProblem]:
            nonlocal asked
            asked += 1
            if asked == 4:
                load.stop()
            return problems()

        monkeypatch.setattr(load, "problems", asked_after_each_sample)
        result = load.run(0.2)
    samples = result.samples
    assert good(result)
    assert 4 <= len(samples) <= 6
    assert sum(sample.messages for sample in samples) == result.stats.messages
    assert sum(sample.bytes_received for sample in samples) == result.stats.bytes_received
    assert sum((sample.latency for sample in samples), Histogram()).count == result.latency.count
    assert [sample.time_us for sample in samples] == sorted(sample.time_us for sample in samples)
    assert sum(sample.interval_us for sample in samples) == samples[-1].time_us
    for sample in samples:
        assert sample.messages_per_second == pytest.approx(sample.messages * 1e6 / sample.interval_us)


def test_a_sample_takes_little_memory(results: list[LoadResult]) -> None:
    """A day has 86,400 of them."""
    latency = Histogram([1, 2, 300, 300, 70_001])
    sample = dataclasses.replace(results[0].samples[0], latency=latency)
    assert not any(isinstance(kept, Histogram) for kept in vars(sample).values())
    assert len(pickle.dumps(sample)) < 1000
    for one in (sample, pickle.loads(pickle.dumps(sample)), dataclasses.replace(sample)):
        assert one.latency == latency
        assert one == sample


def test_watching_a_load_that_has_nothing_to_do(server: Server) -> None:
    with Load(server.port, messages=1, connections=2) as load:
        load.wait(LIMIT_S)
        samples = list(load.watch())
        assert [sample.messages for sample in samples] == [1]
        with pytest.raises(ValueError, match="interval"):
            load.watch(0)


def test_whoever_is_late_gets_no_short_sample(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test: each wait lasts as long as it is to, and then the consumer takes its time."""
    now, waits = 100.0, list[float]()

    def wait_all(timeout: float) -> None:
        nonlocal now
        waits.append(timeout)
        now += timeout
        raise TimeoutError

    with Load(server.port, send_delay=60) as load:
        monkeypatch.setattr("ws2echo._load.time", SimpleNamespace(monotonic=lambda: now))
        monkeypatch.setattr(load, "wait", wait_all)
        watch = load.watch(1.0)
        for late in (0.25, 0.0, 5.0, 0.0, 1.875, 0.0, 0.0):
            next(watch)
            now += late
    assert waits == [1.0, 0.75, 1.0, 0.0, 1.0, 0.0, 1.0]


def test_problems_beyond_those_that_are_kept_are_left(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = iter(range(1, 5001))

    def results(samples: list[LoadSample], problems: list[int]) -> list[int]:
        return problems

    with Load(server.port, messages=1) as load:
        load.wait(LIMIT_S)
        monkeypatch.setattr(load, "problems", lambda: many)
        monkeypatch.setattr(load, "result", results)
        kept: Any = load.run()
    assert kept == list(range(1, 1025))
    assert next(many) == 1025


# ---- problems


@pytest.mark.parametrize("model", ["threads", "select", "iocp"])
@pytest.mark.parametrize(
    ("tamper", "kind", "shift"),
    [
        (tampering.flipped(1000), LoadProblemKind.CORRUPT, None),
        (tampering.flipped(0), LoadProblemKind.CORRUPT, None),
        (tampering.flipped(SIZE - 1), LoadProblemKind.CORRUPT, None),
        (tampering.dropped(1000, 40), LoadProblemKind.MISSING, 40),
        (tampering.repeated(1000, 500), LoadProblemKind.REPEATED, -500),
    ],
    ids=["flip", "flip first", "flip last", "drop", "repeat"],
)
def test_wrong_bytes_are_found_where_they_are(
    model: str, tamper: tampering.Tamper, kind: LoadProblemKind, shift: int | None
) -> None:
    with (
        tampering.tampering(tamper, SIZE) as tampered,
        Load(tampered.port, "127.0.0.1", model=model, messages=1, sizes=SIZE) as load,
    ):
        result = load.run()
        tampered_ports = tampered
    (problem,) = result.problems
    sent, answered = tampered_ports.sent[0], tampered_ports.answered[0]
    place = tampering.first_difference(sent, answered)
    assert (problem.kind, problem.connection, problem.offset) == (kind, 0, place)
    assert (problem.expected, problem.actual) == (sent[place], answered[place])
    found = (None, None) if shift is None else (0, place + shift)
    assert (problem.found_connection, problem.found_offset) == found
    assert result.failed
    assert result.stats.problems[kind] == result.problems_count == 1
    assert result.stats.messages == 0
    assert result.stats.connections_finished == 0
    assert f"connection 0, offset {place}: {kind}: 0x{answered[place]:02x}" in str(problem)


def test_the_bytes_of_another_connection_are_told_as_such() -> None:
    options: dict[str, Any] = {"messages": 2, "connections": 2, "sizes": SIZE}
    with (
        tampering.tampering(tampering.swapped, SIZE, connections=2) as tampered,
        Load(tampered.port, "127.0.0.1", **options) as load,
    ):
        result = load.run()
    assert result.stats.problems[LoadProblemKind.FOREIGN] == 2
    told = {(one.connection, one.offset, one.found_connection, one.found_offset) for one in result.problems}
    place = tampering.first_difference(*tampered.sent)
    assert told == {(0, place, 1, place), (1, place, 0, place)}
    assert "belongs to connection" in str(result.problems[0])


def test_fin_before_the_whole_echo() -> None:
    with (
        tampering.tampering(tampering.cut(1000), SIZE) as tampered,
        Load(tampered.port, "127.0.0.1", messages=1, sizes=SIZE) as load,
    ):
        (problem,) = load.run().problems
    told = (problem.kind, problem.offset, problem.missing, problem.expected)
    assert told == (LoadProblemKind.EARLY_END, 1000, SIZE - 1000, None)
    assert str(problem) == "connection 0, offset 1000: FIN, 3096 bytes before the end of the echo"


def test_more_than_was_sent() -> None:
    with (
        tampering.tampering(tampering.lengthened, SIZE) as tampered,
        Load(tampered.port, "127.0.0.1", messages=1, sizes=SIZE) as load,
    ):
        (problem,) = load.run().problems
    assert (problem.kind, problem.offset) == (LoadProblemKind.EXCESS, SIZE)
    assert "more came back" in str(problem)


def test_a_reset() -> None:
    with (
        tampering.tampering(tampering.cut(1000), SIZE, end="reset") as tampered,
        Load(tampered.port, "127.0.0.1", messages=1, sizes=SIZE) as load,
    ):
        (problem,) = load.run().problems
    assert problem.kind is LoadProblemKind.BROKEN
    assert problem.error in (WSAECONNRESET, WSAECONNABORTED)
    assert problem.offset <= 1000
    assert "WSAECONN" in str(problem)


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with Load(unused.getsockname()[1], "127.0.0.1", messages=10, connections=5) as load:
            assert load.next_problem(LIMIT_S).kind is LoadProblemKind.UNCONNECTED
            result = load.run()
            with pytest.raises(OSError, match="WSAEDISCON"):
                load.next_problem()
            assert list(load.problems(None)) == []
    assert result.stats.problems[LoadProblemKind.UNCONNECTED] == 5
    assert len(result.problems) == 4
    assert {problem.error for problem in result.problems} == {WSAECONNREFUSED}
    assert result.stats.connections_connected == 0
    assert result.connect_time.count == 0


@pytest.mark.parametrize(
    ("policy", "counter", "failed"),
    [
        (scripted(lambda _, data: [data[:20] + bytes([data[20] ^ 1]) + data[21:]]), "corrupt", True),
        (scripted(lambda _, data: [data[:-1]]), "corrupt", True),
        (scripted(silent), "lost", False),
        (scripted(lambda _, data: [data, data]), "duplicated", False),
        (scripted(lambda _, data: [b"who is it", data]), "foreign", True),
    ],
    ids=["flipped", "cut", "silent", "twice", "foreign"],
)
def test_datagrams_are_accounted_for(policy: Policy, counter: str, failed: bool) -> None:
    messages = 10 if counter in ("duplicated", "foreign") else 9
    options: dict[str, Any] = {"protocol": "udp", "messages": 10, "sizes": 64}
    for reply_timeout in [LIMIT_S] if messages == 10 else more_and_more(0.5):
        options["reply_timeout"] = reply_timeout
        with (
            Peer("127.0.0.1") as peer,
            peer.answering(policy),
            Load(peer.port, "127.0.0.1", **options) as load,
        ):
            result = load.run()
        assert result.stats.messages <= messages
        assert result.failed is failed
        if result.stats.messages == messages:  # none was late
            break
    assert result.stats.messages == messages
    assert getattr(result.stats, f"datagrams_{counter}") == 1


# ---- results


@pytest.fixture(scope="module")
def results() -> list[LoadResult]:
    """Three that differ: with samples, over UDP, with problems."""
    with Server(protocol="both", model="iocp") as server:
        with Load(server.port, connections=2, duration=0.5, sizes=range(64, 129)) as load:
            results = [load.run(0.1)]
        with Load(server.port, protocol="udp", messages=50, depth=4) as load:
            results.append(load.run())
    with (
        tampering.tampering(tampering.dropped(10, 64), 1000) as tampered,
        Load(tampered.port, "127.0.0.1", messages=1, sizes=1000) as load,
    ):
        results.append(load.run())
    return results


def test_there_and_back_by_json(results: list[LoadResult]) -> None:
    for result in results:
        text = result.to_json()
        assert LoadResult.from_json(text) == result
        values = json.loads(text)
        assert values["options"]["pattern"] == "ping-pong"
        assert values["stats"]["problems"].keys() == set(LoadProblemKind)
        assert values["latency"]["count"] == result.latency.count


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 2}', '{"format": 1}', "5", "no"])
def test_what_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (json has words of its own)
        LoadResult.from_json(text)


def broken(values: Any, *path: str | int, value: Any = None) -> Any:
    """A deep copy with another value somewhere."""
    values = json.loads(json.dumps(values))
    inner = values
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return values


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("options",), None),
        (("options", "sizes"), 5),
        (("stats", "problems"), []),
        (("stats", "problems"), {"magic": 1}),
        (("stats", "more"), 1),
        (("latency",), None),
        (("latency", "max_us"), -1),
        (("latency", "max_us"), 1 << 64),
        (("latency", "sum_us"), "x"),
        (("connect_time", "hdr"), 5),
        (("samples",), [5]),
        (("samples",), [{}]),
        (("problems",), [{}]),
        (("problems",), 5),
    ],
)
def test_a_result_that_was_altered_is_refused(
    results: list[LoadResult], path: tuple[str, ...], value: object
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (enumerations have words of their own)
        LoadResult.from_dict(broken(results[0].to_dict(), *path, value=value))


def test_over_udp_a_connection_may_have_several_problems(results: list[LoadResult]) -> None:
    counts = dict.fromkeys(LoadProblemKind, 0) | {LoadProblemKind.CORRUPT: 3}
    several = [
        dataclasses.replace(result, stats=dataclasses.replace(result.stats, problems=counts))
        for result in results[:2]
    ]
    tcp, udp = map(_load_report.summary, several)
    assert " ended well, 3 with a problem\n" in tcp
    assert " ended well, 3 problems\n" in udp
    tcp_page, udp_page = (result.to_html() for result in several)
    assert "connections with a problem" in tcp_page
    assert "connections with a problem" not in udp_page
    assert "<th>count</th>" in udp_page


def test_samples_as_csv(results: list[LoadResult]) -> None:
    result = results[0]
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert len(rows) == len(result.samples)
    assert sum(int(row["messages"]) for row in rows) == result.stats.messages
    for row, sample in zip(rows, result.samples, strict=True):
        assert int(row["time_us"]) == sample.time_us
        assert row["p99_us"] == (str(sample.latency.percentile(99)) if sample.latency.count else "")


def test_a_sample_without_latencies_tells_none(results: list[LoadResult]) -> None:
    sample = dataclasses.replace(results[0].samples[0], latency=Histogram())
    (row,) = csv.DictReader(io.StringIO(dataclasses.replace(results[0], samples=(sample,)).to_csv()))
    assert int(row["messages"]) == sample.messages
    assert [row[name] for name in ("min_us", "mean_us", "p50_us", "p99_us", "max_us")] == [""] * 5


def test_the_log_has_an_interval_for_each_sample(results: list[LoadResult], tmp_path: Path) -> None:
    result = results[0]
    result.write_hdr_log(tmp_path / "load.hlog")
    reader = HistogramLogReader(str(tmp_path / "load.hlog"), HdrHistogram(1, 100_000_000, 2))
    all_of_it, connecting, intervals = HdrHistogram(1, 100_000_000, 2), 0, 0
    try:
        while one := reader.get_next_interval_histogram():
            if one.get_tag() == "connect":
                connecting += one.get_total_count()
            else:
                all_of_it.add(one)
                intervals += 1
    finally:
        reader.close()
    assert (intervals, connecting) == (len(result.samples), 2)
    assert all_of_it.get_total_count() == result.latency.count
    for percent in (50.0, 90.0, 99.0):
        theirs = min(all_of_it.get_value_at_percentile(percent), result.latency.max_us)
        one_less = percent - 100 / result.latency.count  # they round a rank to the nearest, we up
        assert theirs in (result.latency.percentile(percent), result.latency.percentile(one_less))
    without = dataclasses.replace(result, samples=())
    assert len(without.to_hdr_log().splitlines()) == 7


def test_results_can_be_merged(results: list[LoadResult]) -> None:
    one, _, three = results
    both = one.merge(three)
    assert both.stats.messages == one.stats.messages + three.stats.messages
    assert both.stats.elapsed_us == max(one.stats.elapsed_us, three.stats.elapsed_us)
    assert both.latency == one.latency + three.latency
    assert both.options.connections == 3
    assert both.options.messages is None
    assert both.problems == three.problems
    assert both.failed
    assert len(both.samples) == max(len(one.samples), len(three.samples))
    twice = one.merge(one)
    assert sum(sample.messages for sample in twice.samples) == 2 * one.stats.messages
    assert [sample.time_us for sample in twice.samples] == [sample.time_us for sample in one.samples]
    assert one.merge() == one


def test_values_say_what_they_are(results: list[LoadResult]) -> None:
    (problem,) = results[2].problems
    assert isinstance(problem, LoadProblem)
    assert isinstance(results[0].samples[0], LoadSample)
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.offset = 5  # type: ignore[misc]
