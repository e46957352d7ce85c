"""Which error comes, for every exported function: of several that apply the first of the precedence."""

import ctypes
import itertools
import random
import re
import threading
from collections.abc import Callable, Iterator
from ctypes import byref, c_double, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any

import abi
import handles
import pe
import pytest
from abi import DLL
from datagrams import Peer
from fixtures import OpenClient, OpenLoad, OpenServer
from handles import CallError, Client, Load, Server, fails
from waiting import Task

NOTSOCK, FAULT, INVAL, NOTCONN = abi.WSAENOTSOCK, abi.WSAEFAULT, abi.WSAEINVAL, abi.WSAENOTCONN
SERVER, CLIENT, UDP_CLIENT, LOAD, DEAD = "server", "client", "udp client", "load", "dead"
NULL = None
BUFFER = ctypes.create_string_buffer(16)


def sized(struct: type[Any], size: int | None = None) -> Callable[[], Any]:
    """Makes a struct that says it has its size, or another one."""

    def make() -> Any:
        value = struct()
        value.size = ctypes.sizeof(struct) if size is None else size
        return value

    return make


def server_options(**values: Any) -> Callable[[], Any]:
    return lambda: handles.server_options(**values)


def client_options(**values: Any) -> Callable[[], Any]:
    return lambda: handles.client_options(**{"port": 9, "host": "127.0.0.1", **values})


def ping_options(**values: Any) -> Callable[[], Any]:
    return lambda: handles.ping_options(**values)


def load_options(**values: Any) -> Callable[[], Any]:
    return lambda: handles.load_options(**{"port": 9, "host": "127.0.0.1", "messages": 1, **values})


u16, u32, u64, pointer, real = c_uint16, c_uint32, c_uint64, c_void_p, c_double

# Rows: arguments, error. A word is a handle of that kind (SERVER: an open server, CLIENT: a connected client,
# UDP_CLIENT: one whose peer is silent, LOAD: one that has no end, DEAD: a closed handle of the kind that the
# function wants); a callable makes what a pointer points to.
# Each row of a function is less wrong than the one above: it shows that its error comes before those below.
ROWS: dict[str, list[tuple[tuple[Any, ...], int]]] = {
    "ws2echo_server_options_init": [((NULL,), FAULT), ((abi.ServerOptions,), 0)],
    "ws2echo_server_open": [
        ((NULL, u64), FAULT),
        ((server_options(), NULL), FAULT),
        ((server_options(port=65536), NULL), FAULT),
        ((sized(abi.ServerOptions, 4), u64), INVAL),
        ((server_options(port=65536, host="no-such-host.invalid"), u64), INVAL),
        ((server_options(workers=1, faults="latency drop corrupt:at=x"), u64), INVAL),
        ((server_options(faults="latency drop", host="no-such-host.invalid"), u64), abi.WSAEOPNOTSUPP),
        ((server_options(host="no-such-host.invalid"), u64), abi.WSAHOST_NOT_FOUND),
        ((server_options(host="192.0.2.1"), u64), abi.WSAEADDRNOTAVAIL),
    ],
    "ws2echo_server_options_get": [
        ((DEAD, NULL), NOTSOCK),
        ((CLIENT, sized(abi.ServerOptions, 4)), NOTSOCK),
        ((SERVER, NULL), FAULT),
        ((SERVER, sized(abi.ServerOptions, 4)), INVAL),
        ((SERVER, sized(abi.ServerOptions)), 0),
    ],
    "ws2echo_server_port": [
        ((DEAD, NULL), NOTSOCK),
        ((CLIENT, u16), NOTSOCK),
        ((SERVER, NULL), FAULT),
        ((SERVER, u16), 0),
    ],
    "ws2echo_server_address": [
        ((DEAD, 99, NULL), NOTSOCK),
        ((CLIENT, 99, NULL), NOTSOCK),
        ((SERVER, 99, NULL), FAULT),
        ((SERVER, 99, abi.Address), INVAL),
        ((SERVER, 0xFFFFFFFF, abi.Address), INVAL),
        ((SERVER, 0, abi.Address), 0),
    ],
    "ws2echo_server_stats_get": [
        ((DEAD, NULL), NOTSOCK),
        ((CLIENT, NULL), NOTSOCK),
        ((SERVER, NULL), FAULT),
        ((SERVER, sized(abi.ServerStats, 0)), INVAL),
        ((SERVER, sized(abi.ServerStats, 136)), INVAL),
        ((SERVER, sized(abi.ServerStats)), 0),
    ],
    "ws2echo_server_next_event": [
        ((DEAD, 0, NULL), NOTSOCK),
        ((CLIENT, 0, NULL), NOTSOCK),
        ((SERVER, 0, NULL), FAULT),
        ((SERVER, 0, sized(abi.Event, 0)), INVAL),
        ((SERVER, abi.INFINITE, sized(abi.Event, 216)), INVAL),
        ((SERVER, 0, sized(abi.Event)), abi.WSAETIMEDOUT),
    ],
    "ws2echo_server_wait_handle": [
        ((DEAD, NULL), NOTSOCK),
        ((CLIENT, NULL), NOTSOCK),
        ((SERVER, NULL), FAULT),
    ],
    "ws2echo_server_wait": [
        ((DEAD, 7, 1, 0), NOTSOCK),
        ((CLIENT, 7, 1, 0), NOTSOCK),
        ((SERVER, 7, 1, 0), INVAL),
        ((SERVER, 0xFFFFFFFF, 1, 0), INVAL),
        ((SERVER, abi.UNTIL_ACCEPTED, 2, 0), abi.WSAETIMEDOUT),
        ((SERVER, abi.UNTIL_ACCEPTED, 1, 0), 0),
    ],
    "ws2echo_server_fault_add": [
        ((DEAD, NULL, NULL), NOTSOCK),
        ((CLIENT, b"no", u32), NOTSOCK),
        ((SERVER, NULL, u32), FAULT),
        ((SERVER, b"no", NULL), FAULT),
        ((SERVER, b"no", u32), INVAL),
        ((SERVER, b"drop:rate=2", u32), INVAL),
        ((SERVER, b"drop", u32), abi.WSAEOPNOTSUPP),
        ((SERVER, b"latency", u32), 0),
    ],
    "ws2echo_server_fault_change": [
        ((DEAD, 9, NULL), NOTSOCK),
        ((CLIENT, 9, b"no"), NOTSOCK),
        ((SERVER, 9, NULL), FAULT),
        ((SERVER, 9, b"no"), INVAL),
        ((SERVER, 9, b"drop"), INVAL),
        ((SERVER, 9, b"latency"), INVAL),
        ((SERVER, 0, b"latency"), INVAL),
    ],
    "ws2echo_server_fault_remove": [((DEAD, 9), NOTSOCK), ((CLIENT, 9), NOTSOCK), ((SERVER, 9), INVAL)],
    "ws2echo_server_fault_get": [
        ((DEAD, 0, NULL), NOTSOCK),
        ((CLIENT, 0, NULL), NOTSOCK),
        ((SERVER, 0, NULL), FAULT),
        ((SERVER, 0, sized(abi.Fault, 4)), INVAL),
        ((SERVER, 0, sized(abi.Fault)), INVAL),
    ],
    "ws2echo_fault_describe": [
        ((1000, NULL), FAULT),
        ((0, sized(abi.FaultInfo, 4)), INVAL),
        ((1000, sized(abi.FaultInfo)), INVAL),
        ((0, sized(abi.FaultInfo)), 0),
    ],
    "ws2echo_fault_parameter_describe": [
        ((1000, 1000, NULL), FAULT),
        ((0, 0, sized(abi.FaultParameterInfo, 4)), INVAL),
        ((1000, 0, sized(abi.FaultParameterInfo)), INVAL),
        ((0, 1000, sized(abi.FaultParameterInfo)), INVAL),
        ((0, 0, sized(abi.FaultParameterInfo)), 0),
    ],
    "ws2echo_server_drain": [((DEAD, 0), NOTSOCK), ((CLIENT, 0), NOTSOCK), ((SERVER, 0), abi.WSAETIMEDOUT)],
    "ws2echo_server_stop": [((DEAD, 0, NULL), NOTSOCK), ((CLIENT, 0, u32), NOTSOCK), ((SERVER, 0, NULL), 0)],
    "ws2echo_server_close": [((DEAD,), NOTSOCK), ((CLIENT,), NOTSOCK), ((0,), NOTSOCK)],
    "ws2echo_client_options_init": [((NULL,), FAULT), ((abi.ClientOptions,), 0)],
    "ws2echo_client_open": [
        ((NULL, u64), FAULT),
        ((client_options(), NULL), FAULT),
        ((client_options(port=0), NULL), FAULT),
        ((sized(abi.ClientOptions, 4), u64), INVAL),
        ((client_options(port=0, host="no-such-host.invalid"), u64), INVAL),
        ((client_options(host="no-such-host.invalid"), u64), abi.WSAHOST_NOT_FOUND),
    ],
    "ws2echo_client_begin": [
        ((NULL, u64), FAULT),
        ((client_options(), NULL), FAULT),
        ((client_options(family=5), NULL), FAULT),
        ((client_options(family=5, host="no-such-host.invalid"), u64), INVAL),
        ((client_options(host="no-such-host.invalid"), u64), abi.WSAHOST_NOT_FOUND),
    ],
    "ws2echo_client_connect": [((DEAD, 0), NOTSOCK), ((SERVER, 0), NOTSOCK), ((CLIENT, 0), 0)],
    "ws2echo_client_options_get": [
        ((DEAD, NULL), NOTSOCK),
        ((SERVER, NULL), NOTSOCK),
        ((CLIENT, NULL), FAULT),
        ((CLIENT, sized(abi.ClientOptions, 4)), INVAL),
        ((CLIENT, sized(abi.ClientOptions)), 0),
    ],
    "ws2echo_client_address": [
        ((DEAD, 2, NULL), NOTSOCK),
        ((SERVER, 2, NULL), NOTSOCK),
        ((CLIENT, 2, NULL), FAULT),
        ((CLIENT, 2, abi.Address), INVAL),
        ((CLIENT, 1, abi.Address), 0),
    ],
    "ws2echo_client_stats_get": [
        ((DEAD, NULL), NOTSOCK),
        ((SERVER, NULL), NOTSOCK),
        ((CLIENT, NULL), FAULT),
        ((CLIENT, sized(abi.ClientStats, 41)), INVAL),
        ((CLIENT, sized(abi.ClientStats)), 0),
    ],
    "ws2echo_client_send": [
        ((DEAD, NULL, 1, 0, NULL), NOTSOCK),
        ((SERVER, NULL, 1, 0, NULL), NOTSOCK),
        ((CLIENT, NULL, 1, 0, u64), FAULT),
        ((CLIENT, NULL, 0, 0, NULL), 0),
        ((CLIENT, BUFFER, 1, 30_000, NULL), 0),
        ((UDP_CLIENT, NULL, 1, 0, u64), FAULT),
        ((UDP_CLIENT, bytes(65_536), 65_536, 30_000, u64), abi.WSAEMSGSIZE),
        ((UDP_CLIENT, NULL, 0, 0, NULL), 0),
    ],
    "ws2echo_client_recv": [
        ((DEAD, NULL, 1, 0, NULL), NOTSOCK),
        ((SERVER, BUFFER, 1, 0, u64), NOTSOCK),
        ((CLIENT, NULL, 1, 0, u64), FAULT),
        ((CLIENT, BUFFER, 1, 0, NULL), FAULT),
        ((CLIENT, BUFFER, 1, 0, u64), abi.WSAETIMEDOUT),
        ((CLIENT, BUFFER, 0, 0, u64), 0),
        ((UDP_CLIENT, BUFFER, 1, 0, u64), abi.WSAETIMEDOUT),
        ((UDP_CLIENT, NULL, 0, 0, u64), abi.WSAETIMEDOUT),
    ],
    "ws2echo_client_shutdown": [
        ((DEAD, 3), NOTSOCK),
        ((SERVER, 3), NOTSOCK),
        ((CLIENT, 3), INVAL),
        ((CLIENT, 1), 0),
    ],
    "ws2echo_client_echo": [
        ((DEAD, NULL, 1, NULL, 0, NULL), NOTSOCK),
        ((SERVER, BUFFER, 1, NULL, 0, abi.EchoProgress), NOTSOCK),
        ((CLIENT, NULL, 1, NULL, 0, abi.EchoProgress), FAULT),
        ((CLIENT, BUFFER, 1, NULL, 0, NULL), FAULT),
        ((CLIENT, BUFFER, 16, NULL, 30_000, abi.EchoProgress), 0),
        ((CLIENT, BUFFER, 16, NULL, 0, lambda: abi.EchoProgress(datagram_sent=1)), INVAL),
        ((UDP_CLIENT, BUFFER, 16, NULL, 0, lambda: abi.EchoProgress(bytes_sent=1)), INVAL),
        ((CLIENT, NULL, 0, NULL, 0, abi.EchoProgress), 0),
        ((UDP_CLIENT, NULL, 0, NULL, 0, abi.EchoProgress), abi.WSAETIMEDOUT),
    ],
    "ws2echo_ping_options_init": [((NULL,), FAULT), ((abi.PingOptions,), 0)],
    "ws2echo_client_ping": [
        ((DEAD, NULL, 0, NULL), NOTSOCK),
        ((SERVER, ping_options(), 0, abi.PingProgress), NOTSOCK),
        ((UDP_CLIENT, NULL, 0, abi.PingProgress), FAULT),
        ((UDP_CLIENT, ping_options(window=0), 0, NULL), FAULT),
        ((CLIENT, sized(abi.PingOptions, 4), 0, abi.PingProgress), INVAL),
        ((CLIENT, ping_options(window=0), 0, abi.PingProgress), INVAL),
        ((UDP_CLIENT, ping_options(), 0, lambda: abi.PingProgress(sent=1)), INVAL),
        ((CLIENT, ping_options(), 0, abi.PingProgress), abi.WSAEOPNOTSUPP),
        ((UDP_CLIENT, ping_options(), 0, abi.PingProgress), abi.WSAETIMEDOUT),
    ],
    "ws2echo_client_wait_handle": [
        ((DEAD, 2, NULL), NOTSOCK),
        ((SERVER, 2, NULL), NOTSOCK),
        ((CLIENT, 2, NULL), FAULT),
        ((CLIENT, 2, pointer), INVAL),
        ((CLIENT, 0xFFFFFFFF, pointer), INVAL),
    ],
    "ws2echo_client_close": [((DEAD,), NOTSOCK), ((SERVER,), NOTSOCK), ((0,), NOTSOCK)],
    "ws2echo_client_reset": [((DEAD,), NOTSOCK), ((SERVER,), NOTSOCK), ((0,), NOTSOCK)],
    "ws2echo_histogram_init": [((NULL,), FAULT), ((abi.Histogram,), 0)],
    "ws2echo_histogram_record": [
        ((NULL, 1, 1), FAULT),
        ((sized(abi.Histogram, 4), 1, 1), INVAL),
        ((sized(abi.Histogram), 1, 1), 0),
    ],
    "ws2echo_histogram_merge": [
        ((NULL, sized(abi.Histogram, 4)), FAULT),
        ((sized(abi.Histogram, 4), NULL), FAULT),
        ((sized(abi.Histogram, 4), sized(abi.Histogram)), INVAL),
        ((sized(abi.Histogram), sized(abi.Histogram, 4)), INVAL),
        ((sized(abi.Histogram), sized(abi.Histogram)), 0),
    ],
    "ws2echo_histogram_percentile": [
        ((NULL, 101.0, u64), FAULT),
        ((sized(abi.Histogram, 4), 101.0, NULL), FAULT),
        ((sized(abi.Histogram, 4), 50.0, u64), INVAL),
        ((sized(abi.Histogram), -1.0, u64), INVAL),
        ((sized(abi.Histogram), 100.5, u64), INVAL),
        ((sized(abi.Histogram), float("nan"), u64), INVAL),
        ((sized(abi.Histogram), 50.0, u64), 0),
    ],
    "ws2echo_histogram_mean": [
        ((NULL, real), FAULT),
        ((sized(abi.Histogram, 4), NULL), FAULT),
        ((sized(abi.Histogram, 4), real), INVAL),
        ((sized(abi.Histogram), real), 0),
    ],
    "ws2echo_histogram_deviation": [
        ((NULL, real), FAULT),
        ((sized(abi.Histogram, 4), NULL), FAULT),
        ((sized(abi.Histogram, 4), real), INVAL),
        ((sized(abi.Histogram), real), 0),
    ],
    "ws2echo_histogram_bounds": [
        ((abi.HISTOGRAM_COUNTS, NULL, u64), FAULT),
        ((abi.HISTOGRAM_COUNTS, u64, NULL), FAULT),
        ((abi.HISTOGRAM_COUNTS, u64, u64), INVAL),
        ((0xFFFFFFFF, u64, u64), INVAL),
        ((0, u64, u64), 0),
    ],
    "ws2echo_load_options_init": [((NULL,), FAULT), ((abi.LoadOptions,), 0)],
    "ws2echo_load_open": [
        ((NULL, u64), FAULT),
        ((load_options(), NULL), FAULT),
        ((load_options(port=0), NULL), FAULT),
        ((sized(abi.LoadOptions, 4), u64), INVAL),
        ((load_options(port=0, host="no-such-host.invalid"), u64), INVAL),
        ((load_options(host="no-such-host.invalid"), u64), abi.WSAHOST_NOT_FOUND),
    ],
    "ws2echo_load_options_get": [
        ((DEAD, NULL), NOTSOCK),
        ((CLIENT, sized(abi.LoadOptions, 4)), NOTSOCK),
        ((LOAD, NULL), FAULT),
        ((LOAD, sized(abi.LoadOptions, 4)), INVAL),
        ((LOAD, sized(abi.LoadOptions)), 0),
    ],
    "ws2echo_load_stats_get": [
        ((DEAD, NULL), NOTSOCK),
        ((SERVER, NULL), NOTSOCK),
        ((LOAD, NULL), FAULT),
        ((LOAD, sized(abi.LoadStats, 0)), INVAL),
        ((LOAD, sized(abi.LoadStats)), 0),
    ],
    "ws2echo_load_histogram_get": [
        ((DEAD, 2, NULL), NOTSOCK),
        ((CLIENT, 2, NULL), NOTSOCK),
        ((LOAD, 2, NULL), FAULT),
        ((LOAD, abi.LATENCY, sized(abi.Histogram, 4)), INVAL),
        ((LOAD, 2, sized(abi.Histogram)), INVAL),
        ((LOAD, abi.CONNECT, sized(abi.Histogram)), 0),
    ],
    "ws2echo_load_next_problem": [
        ((DEAD, 0, NULL), NOTSOCK),
        ((SERVER, 0, NULL), NOTSOCK),
        ((LOAD, 0, NULL), FAULT),
        ((LOAD, abi.INFINITE, sized(abi.LoadProblem, 63)), INVAL),
        ((LOAD, 0, sized(abi.LoadProblem)), abi.WSAETIMEDOUT),
    ],
    "ws2echo_load_wait": [((DEAD, 0), NOTSOCK), ((SERVER, 0), NOTSOCK), ((LOAD, 0), abi.WSAETIMEDOUT)],
    "ws2echo_load_stop": [((DEAD,), NOTSOCK), ((CLIENT,), NOTSOCK), ((LOAD,), 0)],
    "ws2echo_load_close": [((DEAD,), NOTSOCK), ((SERVER,), NOTSOCK), ((0,), NOTSOCK)],
    "ws2echo_model_describe": [
        ((0, NULL), FAULT),
        ((1000, NULL), FAULT),
        ((0, sized(abi.ModelInfo, 4)), INVAL),
        ((1000, sized(abi.ModelInfo)), INVAL),
        ((0, sized(abi.ModelInfo)), 0),
    ],
}
# They cannot fail.
TEXTS = {"ws2echo_version", "ws2echo_error_name", "ws2echo_error_text", "ws2echo_last_failure"}


def test_every_exported_function_has_rows() -> None:
    assert set(ROWS) | TEXTS == set(pe.read(abi.dll_path()).exports)


@pytest.fixture
def silent_peer() -> Iterator[Peer]:
    with Peer("127.0.0.1") as plain:
        yield plain


@pytest.fixture
def live(
    open_server: OpenServer, open_client: OpenClient, open_load: OpenLoad, silent_peer: Peer, model: int
) -> dict[str, int]:
    """The handles that the words of the table stand for: an empty journal, and one connection."""
    server = open_server(model=model)
    client = open_client(server.port)
    load = open_load(silent_peer.port, host="127.0.0.1", protocol=abi.UDP, model=model, finish_timeout_ms=1)
    with Server(model=model) as closed_server, Client(closed_server.port) as closed_client:
        pass
    with Load(silent_peer.port, host="127.0.0.1", protocol=abi.UDP, model=model) as closed_load:
        pass
    udp_client = open_client(silent_peer.port, host="127.0.0.1", protocol=abi.UDP)
    client.echo(b"accepted")
    server.events()
    return {
        UDP_CLIENT: udp_client.handle.value,
        SERVER: server.handle.value,
        CLIENT: client.handle.value,
        LOAD: load.handle.value,
        "dead server": closed_server.handle.value,
        "dead client": closed_client.handle.value,
        "dead load": closed_load.handle.value,
    }


CASES = [
    pytest.param(name, arguments, error, id=f"{name.removeprefix('ws2echo_')}-{number}-{error}")
    for name, rows in ROWS.items()
    for number, (arguments, error) in enumerate(rows)
]


@pytest.mark.parametrize(("name", "arguments", "error"), CASES)
def test_error_precedence(live: dict[str, int], name: str, arguments: tuple[Any, ...], error: int) -> None:
    kind = name.split("_")[1]
    made: list[Any] = []
    passed: list[Any] = []
    for argument in arguments:
        if isinstance(argument, str):
            passed.append(live[f"dead {kind}" if argument == DEAD else argument])
        elif callable(argument):
            made.append(argument())
            passed.append(byref(made[-1]))
        else:
            passed.append(argument)
    assert getattr(DLL, name)(*passed) == error
    if error != 0:
        assert f"({error})" in abi.last_failure()
        assert abi.error_name(error) in abi.last_failure()


@pytest.mark.parametrize("name", [name for name in ROWS if isinstance(ROWS[name][0][0][0], str)])
def test_numbers_that_are_no_handles(live: dict[str, int], name: str) -> None:
    """0, small ones, all ones, real ones with a bit changed, and random ones."""
    function, rest = (
        getattr(DLL, name),
        [0 if kind in (c_uint32, c_uint64) else None for kind in getattr(DLL, name).argtypes[1:]],
    )
    chance = random.Random(name)
    good = set(live.values())
    numbers = [0, 1, 2, 0xFFFFFFFF, 0x100000000, 1 << 63, (1 << 64) - 1]
    numbers += [handle ^ (1 << bit) for handle in good for bit in range(64)]
    numbers += [chance.getrandbits(64) for _ in range(500)]
    for number in numbers:
        if number not in good:
            assert function(number, *rest) == NOTSOCK, f"0x{number:016x}"


@pytest.mark.parametrize(("name", "out"), [(name, kind) for name, kind in (
    ("ws2echo_server_port", c_uint16),
    ("ws2echo_server_wait_handle", c_void_p),
    ("ws2echo_server_stop", c_uint32),
)])  # fmt: skip
def test_results_are_zero_after_a_failure(live: dict[str, int], name: str, out: Any) -> None:
    value = out(0xABCD)
    extra = (0,) if name.endswith("stop") else ()
    assert getattr(DLL, name)(live["dead server"], *extra, byref(value)) == NOTSOCK
    assert not value.value


def test_open_gives_no_handle_after_a_failure() -> None:
    for opening, options in (
        (DLL.ws2echo_server_open, handles.server_options(port=70_000)),
        (DLL.ws2echo_client_open, handles.client_options(port=70_000)),
        (DLL.ws2echo_client_begin, handles.client_options(port=70_000)),
        (DLL.ws2echo_load_open, handles.load_options(port=70_000)),
    ):
        handle = c_uint64(77)
        assert opening(byref(options), byref(handle)) == INVAL
        assert handle.value == 0


def test_handles_are_never_given_twice(model: int) -> None:
    seen = set()
    for _ in range(100):
        with Server(model=model, family=abi.IPV4) as server:
            assert server.handle.value not in seen
            seen.add(server.handle.value)
        with fails(NOTSOCK):
            server.close()


def test_bad_handles_from_8_threads_while_good_ones_come_and_go(model: int) -> None:
    """Stale, foreign, random and double-closed handles, all at once: each gets its error, nobody suffers."""
    ended = threading.Event()
    stale: list[int] = []

    def misuse(seed: int) -> int:
        chance, calls = random.Random(seed), 0
        out, event, progress = c_uint16(), handles.sized(abi.Event), abi.EchoProgress()
        while not ended.is_set() or calls < 100:
            old = chance.choice(stale) if stale else 0
            number = chance.choice([old, old, chance.getrandbits(64), 0])
            calls += 1
            for code in (
                DLL.ws2echo_server_port(number, byref(out)),
                DLL.ws2echo_server_next_event(number, abi.INFINITE, byref(event)),
                DLL.ws2echo_client_echo(number, b"x", 1, None, abi.INFINITE, byref(progress)),
                DLL.ws2echo_server_close(old),
                DLL.ws2echo_client_close(old),
                DLL.ws2echo_load_wait(number, abi.INFINITE),
                DLL.ws2echo_load_close(old),
            ):
                assert code == NOTSOCK
        return calls

    tasks = [Task(misuse, seed) for seed in range(8)]
    try:
        for _ in range(30):
            server = Server(model=model)
            client = Client(server.port)
            assert client.echo(b"undisturbed")[0] == b"undisturbed"
            assert DLL.ws2echo_client_close(server.handle) == NOTSOCK
            assert DLL.ws2echo_server_close(client.handle) == NOTSOCK
            client.close()
            server.close()
            stale += [client.handle.value, server.handle.value]
    finally:
        ended.set()
    assert all(task.result() >= 100 for task in tasks)


# Closed while another thread is blocked

BLOCKED_SERVER: dict[str, Callable[[Server], object]] = {
    "next_event": lambda server: server.next_event(abi.INFINITE),
    "drain": lambda server: server.drain(abi.INFINITE),
    "stop": lambda server: server.stop(abi.INFINITE),
}
BLOCKED_CLIENT: dict[str, Callable[[Client], object]] = {
    "recv": lambda client: client.recv(timeout_ms=abi.INFINITE),
    "send": lambda client: client.send(bytes(1 << 26), timeout_ms=abi.INFINITE),
    "echo": lambda client: client.echo(bytes(1 << 26), timeout_ms=abi.INFINITE),
}


BLOCKED_LOAD: dict[str, Callable[[Load], object]] = {
    "wait": lambda load: load.wait(abi.INFINITE),
    "next_problem": lambda load: load.next_problem(abi.INFINITE),
}


def aborted(task: Task) -> None:
    with fails(abi.WSA_OPERATION_ABORTED, "WSA_OPERATION_ABORTED (995)"):
        task.result()


@pytest.mark.parametrize("name", BLOCKED_SERVER)
def test_close_of_a_server_ends_what_waits_on_it(open_client: OpenClient, model: int, name: str) -> None:
    with Server(model=model) as server:
        open_client(server.port).echo(b"here to stay")
        server.events()
        tasks = [Task(BLOCKED_SERVER[name], server) for _ in range(3)]
        assert all(task.blocks() for task in tasks)
        server.close()
        for task in tasks:
            aborted(task)


@pytest.mark.parametrize("name", BLOCKED_LOAD)
def test_close_of_a_load_ends_what_waits_on_it(open_server: OpenServer, model: int, name: str) -> None:
    with Load(open_server(model=model).port, model=model) as load:
        tasks = [Task(BLOCKED_LOAD[name], load) for _ in range(3)]
        assert all(task.blocks() for task in tasks)
        load.close()
        for task in tasks:
            aborted(task)


@pytest.mark.parametrize("name", BLOCKED_CLIENT)
def test_close_of_a_client_ends_what_waits_on_it(listener: Any, host: str, name: str) -> None:
    with Client(listener.getsockname()[1], host=host) as client, listener.accept()[0]:
        tasks = [Task(BLOCKED_CLIENT[name], client) for _ in range(3)]
        assert all(task.blocks() for task in tasks)
        client.close()
        for task in tasks:
            aborted(task)


def test_close_of_a_client_ends_connect(deaf_port: int, host: str) -> None:
    with Client(deaf_port, host=host, begin=True, connect_timeout_ms=abi.INFINITE) as client:
        tasks = [Task(client.connect, abi.INFINITE) for _ in range(3)]
        assert all(task.blocks() for task in tasks)
        client.close()
        for task in tasks:
            aborted(task)


def test_waiting_ones_wait_their_turn_within_their_timeout(listener: Any, host: str) -> None:
    """While one thread receives without limit, another one's call ends by its own time."""
    with Client(listener.getsockname()[1], host=host) as client, listener.accept()[0] as peer:
        first = Task(client.recv, 10, abi.INFINITE)
        assert first.blocks()
        with fails(abi.WSAETIMEDOUT):
            client.recv(timeout_ms=50)
        with fails(abi.WSAETIMEDOUT):
            client.recv(timeout_ms=0)
        peer.sendall(b"x")
        assert first.result() == b"x"


# Words

TOLD_CODES = [
    995, 10013, 10014, 10022, 10024, 10038, 10040, 10045, 10047, 10048, 10049, 10050, 10051, 10052, 10053,
    10054, 10055, 10057, 10058, 10060, 10061, 10064, 10065, 10091, 10092, 10101, 11001, 11002, 11003, 11004,
]  # fmt: skip


@pytest.mark.parametrize("code", TOLD_CODES)
def test_codes_that_come_out_have_a_name_and_a_sentence(code: int) -> None:
    assert re.fullmatch(r"WSA_?[A-Z_]+", abi.error_name(code))
    text = abi.error_text(code)
    assert len(text) > 10
    assert text != abi.error_text(123456)


def test_names_are_the_systems_own() -> None:
    """Python's errno module knows Winsock's names and numbers."""
    import errno

    for name, code in vars(errno).items():
        if name.startswith("WSAE") and abi.error_name(code) != "unknown error":
            assert abi.error_name(code) == name


@pytest.mark.parametrize("code", [-1, 1, 9999, 123456, -(1 << 31), (1 << 31) - 1])
def test_other_numbers_are_unknown(code: int) -> None:
    assert abi.error_name(code) == "unknown error"
    assert abi.error_text(code)


def test_last_failure_names_action_address_code_and_advice(open_server: OpenServer, model: int) -> None:
    server = open_server(model=model, host="::1")
    with pytest.raises(CallError) as caught:
        Server(model=model, host="::1", port=server.port)
    name = re.escape(abi.error_name(caught.value.code))
    assert re.fullmatch(
        rf"bind \[::1\]:{server.port}: {name} \({caught.value.code}\): .{{10,}}", caught.value.text
    )


def test_last_failure_is_each_threads_own(live: dict[str, int]) -> None:
    assert DLL.ws2echo_server_port(0, byref(c_uint16())) == NOTSOCK
    mine = abi.last_failure()
    assert Task(abi.last_failure).result() == ""
    assert DLL.ws2echo_server_port(live[SERVER], byref(c_uint16())) == 0
    assert abi.last_failure() == mine, "a call that succeeds leaves it"


def test_last_failure_is_utf8_however_long_the_name() -> None:
    for lead, letter in itertools.product(range(4), ("é", "例", "\N{PILE OF POO}")):
        name = "a" * lead + letter * ((1023 - lead) // len(letter.encode()))
        for opening in (lambda name=name: Server(host=name), lambda name=name: Client(9, host=name)):
            with pytest.raises(CallError) as caught:
                opening()
            assert caught.value.code not in abi.NEVER_TOLD


@pytest.fixture(autouse=True)
def no_forbidden_code_is_told() -> Iterator[None]:
    """On this thread; handles.check looks at those of other threads."""
    yield
    assert not any(f"({code})" in abi.last_failure() for code in abi.NEVER_TOLD)
