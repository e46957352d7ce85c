"""Every option: its default and limits, that it is in force, and that what is in force can be read back."""

import socket
import time
from collections.abc import Callable
from typing import Any

import abi
import handles
import pytest
import resources
from endings import ending
from fixtures import OpenClient, OpenServer
from handles import CallError, fails
from waiting import Task, wait_until

Connect = Callable[..., socket.socket]
BUFFER_MAX = 1 << 30
SO_ACCEPTCONN, SO_EXCLUSIVEADDRUSE = 2, -5
NEVER = abi.INFINITE

# option: values that are taken, values that are refused
SERVER_RANGES: dict[str, tuple[list[int], list[int]]] = {
    "model": ([0], [1000, 0xFFFFFFFF]),
    "protocol": ([abi.TCP, abi.UDP, abi.TCP_AND_UDP], [3, 1000, 0xFFFFFFFF]),
    "family": ([abi.ANY, abi.IPV4, abi.IPV6], [1, 5, 7, 0xFFFFFFFF]),
    "port": ([0], [65536, 0xFFFFFFFF]),
    "backlog": ([0, 1, 65535], [65536, 0xFFFFFFFF]),
    "accept": ([abi.ACCEPT_DEFAULT, abi.WSAACCEPT], [3, 0xFFFFFFFF]),
    "accepts_pending": ([0], [1025, 0xFFFFFFFF]),
    "workers": ([0], [257, 0xFFFFFFFF]),
    "connections_max": ([1, 0xFFFFFFFE, NEVER], [0]),
    "idle_timeout_ms": ([1, 0xFFFFFFFE, NEVER], [0]),
    "send_timeout_ms": ([1, 0xFFFFFFFE, NEVER], [0]),
    "no_delay": ([0, 1], [2, 0xFFFFFFFF]),
    "udp_connreset": ([0, 1], [2, 0xFFFFFFFF]),
    "receive_buffer_bytes": ([0, 1, BUFFER_MAX], [BUFFER_MAX + 1, 0xFFFFFFFF]),
    "send_buffer_bytes": ([0, 1, BUFFER_MAX], [BUFFER_MAX + 1, 0xFFFFFFFF]),
    "linger_s": ([-1, 0, 1, 65535], [-2, 65536, -0x80000000, 0x7FFFFFFF]),
    "echo_buffer_bytes": ([1, 1 << 26], [0, (1 << 26) + 1, 0xFFFFFFFF]),
    "journal_events": ([1, 1 << 20], [0, (1 << 20) + 1, 0xFFFFFFFF]),
    "reserved": ([0], [1, 0xFFFFFFFF]),
    "seed": ([1, (1 << 64) - 1], []),
    "size": ([104], [0, 88, 103, 105, 0xFFFFFFFF]),
}
CLIENT_RANGES: dict[str, tuple[list[int], list[int]]] = {
    "protocol": ([abi.TCP, abi.UDP], [abi.TCP_AND_UDP, 1000, 0xFFFFFFFF]),
    "family": ([abi.ANY, abi.IPV4], [1, 5, 7, 0xFFFFFFFF]),
    "port": ([], [0, 65536, 0xFFFFFFFF]),
    "connect_timeout_ms": ([30_000, 0xFFFFFFFD, NEVER], [abi.TIMEOUT_OF_OPTIONS]),
    "send_timeout_ms": ([0, 1, 0xFFFFFFFD, NEVER], [abi.TIMEOUT_OF_OPTIONS]),
    "receive_timeout_ms": ([0, 1, 0xFFFFFFFD, NEVER], [abi.TIMEOUT_OF_OPTIONS]),
    "no_delay": ([0, 1], [2, 0xFFFFFFFF]),
    "udp_connreset": ([0, 1], [2, 0xFFFFFFFF]),
    "receive_buffer_bytes": ([0, 1, BUFFER_MAX], [BUFFER_MAX + 1, 0xFFFFFFFF]),
    "send_buffer_bytes": ([0, 1, BUFFER_MAX], [BUFFER_MAX + 1, 0xFFFFFFFF]),
    "linger_s": ([-1, 0, 1, 65535], [-2, 65536, -0x80000000, 0x7FFFFFFF]),
    "size": ([56], [0, 55, 57, 0xFFFFFFFF]),
}
# What the system or the model decides when the option is 0 is compared with their own answer elsewhere.
CHOSEN_BY_SYSTEM = {"port", "backlog", "accept", "receive_buffer_bytes", "send_buffer_bytes"}


def taken(ranges: dict[str, tuple[list[int], list[int]]]) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}={value}")
        for name, (good, _) in ranges.items()
        for value in good
    ]


def refused(ranges: dict[str, tuple[list[int], list[int]]]) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}={value}") for name, (_, bad) in ranges.items() for value in bad
    ]


def test_every_option_has_a_row() -> None:
    assert set(SERVER_RANGES) | {"host", "faults"} == {name for name, _ in abi.ServerOptions._fields_}
    assert set(CLIENT_RANGES) | {"host"} == {name for name, _ in abi.ClientOptions._fields_}


@pytest.mark.parametrize(("name", "value"), taken(SERVER_RANGES))
def test_server_takes(open_server: OpenServer, open_client: OpenClient, name: str, value: int) -> None:
    server = open_server(**{name: value})
    if name not in CHOSEN_BY_SYSTEM:
        assert getattr(server.options, name) == value
    if (name, value) not in (("linger_s", 0), ("idle_timeout_ms", 1), ("send_timeout_ms", 1)):
        protocol = abi.UDP if (name, value) == ("protocol", abi.UDP) else abi.TCP
        client = open_client(server.port, host=server.addresses[0][0], protocol=protocol)
        assert client.echo(b"taken")[0] == b"taken"


@pytest.mark.parametrize(("name", "value"), refused(SERVER_RANGES))
def test_server_refuses(name: str, value: int) -> None:
    with fails(abi.WSAEINVAL, name, "WSAEINVAL (10022)"):
        handles.Server(**{name: value})


@pytest.mark.parametrize(("name", "value"), taken(CLIENT_RANGES))
def test_client_takes(open_server: OpenServer, open_client: OpenClient, name: str, value: int) -> None:
    server = open_server(protocol=abi.TCP_AND_UDP)
    client = open_client(server.port, **{name: value})
    if name not in CHOSEN_BY_SYSTEM:
        assert getattr(client.options, name) == value
    assert client.send(b"taken") == 5
    assert client.recv(5, timeout_ms=60_000)


@pytest.mark.parametrize(("name", "value"), refused(CLIENT_RANGES))
def test_client_refuses(name: str, value: int) -> None:
    with fails(abi.WSAEINVAL, name, "WSAEINVAL (10022)"):
        handles.Client(**{"port": 9, name: value})  # type: ignore[arg-type]


def test_the_first_bad_option_is_told() -> None:
    with fails(abi.WSAEINVAL, "backlog"):
        handles.Server(backlog=65536, echo_buffer_bytes=0)


# What a model offers


def infos() -> dict[int, abi.ModelInfo]:
    return {info.model: info for info in handles.models()}


def test_ways_to_accept(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    offered = infos()[model].accepts
    best = abi.ACCEPTEX if offered & 1 << abi.ACCEPTEX else abi.WSAACCEPT
    for way in (abi.ACCEPT_DEFAULT, abi.ACCEPTEX, abi.WSAACCEPT):
        if way != abi.ACCEPT_DEFAULT and not offered & 1 << way:
            with fails(abi.WSAEOPNOTSUPP, "accept"):
                handles.Server(model=model, accept=way)
            continue
        server = open_server(model=model, accept=way)
        assert server.options.accept == (way or best)
        assert (server.options.accepts_pending > 0) == (server.options.accept == abi.ACCEPTEX)
        assert open_client(server.port).echo(b"accepted")[0] == b"accepted"


def test_accepts_pending(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    for number in (1, 2, 64):
        with fails(abi.WSAEOPNOTSUPP, "accepts_pending"):
            handles.Server(model=model, accept=abi.WSAACCEPT, accepts_pending=number)
        if infos()[model].accepts & 1 << abi.ACCEPTEX:
            server = open_server(model=model, accepts_pending=number)
            assert server.options.accepts_pending == number
            clients = [open_client(server.port) for _ in range(5)]
            assert [client.echo(b"accepted")[0] for client in clients] == [b"accepted"] * 5


def test_workers(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    if not infos()[model].workers:
        assert open_server(model=model).options.workers == 0
        with fails(abi.WSAEOPNOTSUPP, "workers"):
            handles.Server(model=model, workers=1)
        return
    assert open_server(model=model).options.workers >= 1
    for number in (1, 3):
        server = open_server(model=model, workers=number)
        assert server.options.workers == number
        clients = [open_client(server.port) for _ in range(5)]
        assert [client.echo(b"shared")[0] for client in clients] == [b"shared"] * 5


def test_bad_values_come_before_what_is_not_offered() -> None:
    with fails(abi.WSAEINVAL, "journal_events"):
        handles.Server(accept=abi.ACCEPTEX, workers=1, journal_events=0)


# Read back


@pytest.mark.parametrize("option", ["receive_buffer_bytes", "send_buffer_bytes"])
def test_buffer_sizes_are_what_the_system_made_of_them(
    open_server: OpenServer, open_client: OpenClient, model: int, option: str
) -> None:
    kind = socket.SO_RCVBUF if option.startswith("receive") else socket.SO_SNDBUF
    server = open_server(model=model, **{option: 40_000})
    client = open_client(server.port, host=server.addresses[0][0], **{option: 40_000})
    with socket.create_connection(server.addresses[0]) as plain:
        plain.setsockopt(socket.SOL_SOCKET, kind, 40_000)
        made = plain.getsockopt(socket.SOL_SOCKET, kind)
    assert getattr(server.options, option) == made
    assert getattr(client.options, option) == made


def test_what_the_system_chose_is_told(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    server = open_server(model=model)
    assert server.options.port == server.port != 0
    assert server.options.receive_buffer_bytes > 0
    assert server.options.send_buffer_bytes > 0
    client = open_client(server.port)
    assert client.options.port == server.port
    assert client.options.receive_buffer_bytes > 0
    assert client.options.host is None


def test_no_delay_can_be_had_and_not(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    for wanted in (0, 1):
        server = open_server(model=model, no_delay=wanted)
        assert server.options.no_delay == wanted
        assert open_client(server.port, no_delay=wanted).options.no_delay == wanted


# In force


def test_linger_of_0_answers_fin_with_a_reset(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model, linger_s=0)
    plain = connect(host, server.port)
    waiting = Task(plain.recv, 10)
    assert waiting.blocks()  # so that even under Wine it is seen how the connection ends
    plain.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionResetError):
        waiting.result()
    closed = server.next_closed()
    assert (closed.reason, closed.error) == (abi.FIN, 0)


def test_over_the_cap_fin_comes_at_once(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model, connections_max=2)
    served = [connect(host, server.port) for _ in range(2)]
    wait_until(lambda: server.stats.connections_current == 2, "two are served")
    for _ in range(3):
        assert ending(connect(host, server.port)) == "fin"
        closed = server.next_closed()
        assert (closed.reason, closed.error, closed.bytes_received, closed.bytes_sent) == (abi.CAP, 0, 0, 0)
    assert server.stats.connections_accepted == 5
    assert server.stats.connections_closed[abi.CAP] == 3
    for plain in served:
        plain.sendall(b"x")
        assert plain.recv(10) == b"x"
    served[0].close()
    assert server.next_closed().reason == abi.FIN
    after = connect(host, server.port)
    after.sendall(b"room again")
    assert after.recv(20) == b"room again"


def test_idle_timeout_resets_the_idle(
    open_server: OpenServer, connect: Connect, model: int, host: str
) -> None:
    server = open_server(model=model, idle_timeout_ms=200)
    plain = connect(host, server.port)
    assert ending(plain) == "reset"
    closed = server.next_closed()
    assert (closed.reason, closed.error) == (abi.TIMEOUT, abi.WSAETIMEDOUT)
    assert closed.duration_us >= 200_000


def test_idle_timeout_spares_the_busy(open_server: OpenServer, connect: Connect, model: int) -> None:
    server = open_server(model=model, idle_timeout_ms=10_000)
    plain = connect(server.addresses[0][0], server.port)
    until = time.monotonic() + 11.0
    while time.monotonic() < until:
        plain.sendall(b"x")
        assert plain.recv(1) == b"x"
        time.sleep(0.1)
    assert server.stats.connections_current == 1


@pytest.mark.parametrize("option", ["send_timeout_ms", "idle_timeout_ms"])
def test_who_reads_nothing_is_reset(
    open_server: OpenServer, connect: Connect, model: int, host: str, option: str
) -> None:
    server = open_server(model=model, echo_buffer_bytes=4096, **{option: 300})
    plain = connect(host, server.port)

    def fill() -> None:
        while True:
            plain.send(bytes(262144))

    filling = Task(fill)
    closed = server.next_closed()
    assert (closed.reason, closed.error) == (abi.TIMEOUT, abi.WSAETIMEDOUT)
    with pytest.raises((ConnectionResetError, ConnectionAbortedError)):
        filling.result()


def test_send_timeout_leaves_the_silent_alone(open_server: OpenServer, connect: Connect, model: int) -> None:
    server = open_server(model=model, send_timeout_ms=50)
    plain = connect(server.addresses[0][0], server.port)
    wait_until(lambda: server.stats.uptime_us > 500_000, "ten times the send timeout has passed")
    plain.sendall(b"x")
    assert plain.recv(1) == b"x"


@pytest.mark.parametrize("size", [1, 2, 3, 511, 4096])
def test_small_echo_buffers_echo_everything(
    open_server: OpenServer, open_client: OpenClient, model: int, size: int
) -> None:
    server = open_server(model=model, echo_buffer_bytes=size)
    data = bytes(range(256)) * 12
    assert open_client(server.port).echo(data)[0] == data


# Where it listens


def test_families(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    assert [host for host, _ in open_server(model=model, family=abi.IPV4).addresses] == ["127.0.0.1"]
    assert [host for host, _ in open_server(model=model, family=abi.IPV6).addresses] == ["::1"]
    both = open_server(model=model)
    assert both.addresses == [("127.0.0.1", both.port), ("::1", both.port)]


def test_family_leaves_the_other_alone(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    only_4 = open_server(model=model, family=abi.IPV4)
    with fails(abi.WSAECONNREFUSED):
        open_client(only_4.port, host="::1")
    only_6 = open_server(model=model, family=abi.IPV6)
    with fails(abi.WSAECONNREFUSED):
        open_client(only_6.port, host="127.0.0.1")


def test_wildcard_is_reached_by_every_address(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    server = open_server(model=model, host="*")
    for host in ("127.0.0.1", "::1"):
        client = open_client(server.port, host=host)
        assert client.echo(b"wild")[0] == b"wild"
        while (event := server.next_event()).kind != abi.ACCEPTED:
            pass
        assert event.peer.host.decode() == host, "an IPv4 peer of a dual-stack socket is told as IPv4"
        assert (event.peer.host.decode(), event.peer.port) == client.address(abi.LOCAL)
        assert event.peer.family == (abi.IPV6 if ":" in host else abi.IPV4)


def test_wildcard_of_one_family(open_server: OpenServer, open_client: OpenClient, model: int) -> None:
    server = open_server(model=model, host="*", family=abi.IPV4)
    assert server.addresses == [("0.0.0.0", server.port)]
    assert open_client(server.port, host="127.0.0.1").echo(b"4")[0] == b"4"
    server = open_server(model=model, host="*", family=abi.IPV6)
    assert server.addresses == [("::", server.port)]
    assert open_client(server.port, host="::1").echo(b"6")[0] == b"6"


def test_listening_sockets_are_bound_exclusively(open_server: OpenServer, model: int) -> None:
    """Asked of the sockets themselves: under Wine a port is refused to others with and without the option."""
    before = resources.holdings().sockets
    server = open_server(model=model)
    opened = resources.holdings().sockets - before
    listening = [handle for handle in opened if resources.socket_option(handle, SO_ACCEPTCONN)]
    assert len(listening) == len(server.addresses)
    assert all(resources.socket_option(handle, SO_EXCLUSIVEADDRUSE) == 1 for handle in listening)


def test_the_bound_port_is_the_servers_alone(open_server: OpenServer, model: int, host: str) -> None:
    server = open_server(model=model, host=host)
    with pytest.raises(CallError) as caught:
        handles.Server(model=model, host=host, port=server.port)
    assert caught.value.code in (abi.WSAEADDRINUSE, abi.WSAEACCES)
    assert f":{server.port}" in caught.value.text
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match=r"100(13|48)"):
            plain.bind((host, server.port))


def test_a_taken_port_is_told_and_nothing_kept(listener: socket.socket, model: int, host: str) -> None:
    """One half of the loopback is taken: the other half must not stay bound."""
    port = listener.getsockname()[1]
    with pytest.raises(CallError) as caught:
        handles.Server(model=model, port=port)
    assert caught.value.code in (abi.WSAEADDRINUSE, abi.WSAEACCES)
    assert "bind" in caught.value.text
    other = ("127.0.0.1", port) if ":" in host else ("::1", port)
    with socket.socket(socket.AF_INET if ":" in host else socket.AF_INET6) as plain:
        plain.bind(other)


def test_an_address_of_another_machine_cannot_be_listened_on(model: int) -> None:
    with fails(abi.WSAEADDRNOTAVAIL, "192.0.2.1"):
        handles.Server(model=model, host="192.0.2.1")


# Names

BAD_NAMES = {
    "unknown": "no-such-host.invalid",
    "unknown IDN": "bücher.invalid",
    "unknown IDN of another script": "例え.invalid",
    "emoji": "\N{PILE OF POO}.invalid",
    "long label": "a" * 64 + ".invalid",
    "1,023 bytes": "a" * 1023,
    "1,022 bytes of UTF-8": "é" * 511,
    "spaces": "two words.invalid",
    "no address": "300.300.300.300",
}
REFUSED_NAMES = {
    "empty": b"",
    "1,024 bytes": b"a" * 1024,
    "not UTF-8": b"\xff\xfe",
    "cut UTF-8": b"caf\xc3",
    "overlong UTF-8": b"\xc0\xaf",
    "surrogate": b"\xed\xa0\x80",
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_names_that_do_not_exist(name: str) -> None:
    for opening in (lambda: handles.Server(host=name), lambda: handles.Client(9, host=name)):
        with pytest.raises(CallError) as caught:
            opening()
        assert caught.value.code in abi.NAME_RESOLUTION_ERRORS, caught.value.text
        assert name[:16] in caught.value.text


@pytest.mark.parametrize("name", REFUSED_NAMES.values(), ids=REFUSED_NAMES)
def test_names_that_cannot_be(name: bytes) -> None:
    for opening in (lambda: handles.Server(host=name), lambda: handles.Client(9, host=name)):
        with fails(abi.WSAEINVAL, "host"):
            opening()


def test_a_name_without_address_of_the_family(open_server: OpenServer) -> None:
    for address, family in (("127.0.0.1", abi.IPV6), ("::1", abi.IPV4)):
        for opening in (
            lambda: handles.Server(host=address, family=family),  # noqa: B023
            lambda: handles.Client(9, host=address, family=family),  # noqa: B023
        ):
            with pytest.raises(CallError) as caught:
                opening()
            assert caught.value.code in abi.NAME_RESOLUTION_ERRORS, caught.value.text


def names_with_many_addresses() -> dict[str, list[str]]:
    found = {}
    for name in ("localhost", socket.gethostname()):
        try:
            addresses = list(
                dict.fromkeys(
                    str(info[4][0]) for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
                )
            )
        except OSError:
            continue
        if len(addresses) > 1:
            found[name] = addresses
    return found


def test_client_tries_every_address_of_a_name(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    """A server on one address alone is found by the name, wherever that address stands among the others."""
    names = names_with_many_addresses()
    if not names:
        pytest.skip("no name of this machine has more than one address")
    for name, addresses in names.items():
        for address in addresses:
            server = open_server(model=model, host=address)
            client = open_client(server.port, host=name)
            assert client.echo(b"found")[0] == b"found"
            assert client.address(abi.PEER)[0] == address


def test_localhost_finds_a_server_on_either_loopback(
    open_server: OpenServer, open_client: OpenClient, model: int
) -> None:
    for address in {
        str(info[4][0]) for info in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
    }:
        server = open_server(model=model, host=address)
        assert open_client(server.port).echo(b"here")[0] == b"here"


# Connecting takes its time


def test_connect_timeout(deaf_port: int, host: str) -> None:
    started = time.monotonic()
    with fails(abi.WSAETIMEDOUT, "connect", str(deaf_port)):
        handles.Client(deaf_port, host=host, connect_timeout_ms=300)
    assert time.monotonic() - started >= 0.29


def test_connect_may_be_waited_for_again(open_client: OpenClient, deaf_port: int, host: str) -> None:
    client = open_client(deaf_port, host=host, begin=True, connect_timeout_ms=600)
    started = time.monotonic()
    for timeout_ms in (0, 1, 100):
        with fails(abi.WSAETIMEDOUT):
            client.connect(timeout_ms)
    with fails(abi.WSAETIMEDOUT):
        client.connect(abi.INFINITE)
    assert time.monotonic() - started >= 0.59
    with fails(abi.WSAETIMEDOUT):
        client.connect(abi.INFINITE)
    with fails(abi.WSAENOTCONN):
        client.send(b"x")
