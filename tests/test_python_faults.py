"""Faults in Python and on the command line."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import ws2echo
from commands import run
from fixtures import StartServing
from plain import read_to_fin
from waiting import LIMIT_S, Task
from ws2echo import Client, EventKind, Protocol, Reason, Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as opened:
        yield opened


def test_first_two_reset_third_works() -> None:
    with ws2echo.Server(faults=["refuse@first=2"]) as server:
        for outcome in (ConnectionError, ConnectionError, None):
            with (
                pytest.raises(outcome) if outcome else contextlib.nullcontext(),
                Client(server.port) as client,
            ):
                client.echo(b"hello")


def test_the_journal_names_the_fault() -> None:
    with Server(faults="reset:at=4", seed=7) as server:
        with Client(server.port) as client, pytest.raises(ConnectionError):
            client.echo(b"a message")
        server.wait_for(closed=1, faults=1, timeout=LIMIT_S)
        fault, closed = [event for event in server.events() if event.connection_id][1:]
    assert (fault.kind, fault.fault, fault.rule, fault.place) == (EventKind.FAULT, "reset", 1, 4)
    assert (closed.reason, closed.rule, closed.fault) == (Reason.FAULT, 1, None)


def test_rules_come_and_go(server: Server) -> None:
    rule = server.add_fault("latency:latency=50,jitter=0")
    assert server.faults == ((rule, "latency", "latency:latency=50"),)
    assert server.options.faults == ("latency:latency=50",)
    with Client(server.port) as client:
        began = time.monotonic()
        client.echo(b"x")
        assert time.monotonic() - began >= 0.045
        server.change_fault(rule, "stall")
        client.send(b"x")
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.2)
        server.remove_fault(rule)
        assert client.recv_exactly(1) == b"x"
    with pytest.raises(OSError, match="no such rule"):
        server.remove_fault(rule)


def test_a_fault_for_the_time_of_a_block(server: Server) -> None:
    with server.fault("down") as rule:
        assert [fault.id for fault in server.faults] == [rule]
        with pytest.raises(ConnectionRefusedError):
            Client(server.port)
    assert server.faults == ()
    with Client(server.port) as client:
        client.echo(b"up again")
    with server.fault("latency") as rule:
        server.remove_fault(rule)
    with Server() as other, other.fault("latency"):
        other.close()


def test_wrong_texts(server: Server) -> None:
    with pytest.raises(OSError, match=r'byte 8 of "latency:size=1"'):
        server.add_fault("latency:size=1")
    with pytest.raises(OSError, match="at byte 8"):
        Server(faults=["latency", "late"])
    with pytest.raises(OSError, match="WSAEOPNOTSUPP"):
        server.add_fault("drop")
    with pytest.raises(TypeError):
        server.add_fault(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="null"):
        Server(faults="latency\0")
    for text in ("latency\udcff", "\ud800"):
        with pytest.raises(ValueError, match="UTF-8"):
            Server(faults=text)
        with pytest.raises(ValueError, match="UTF-8"):
            server.add_fault(text)
    with pytest.raises(ValueError, match="seed"):
        Server(seed=0)


def test_a_seed_is_told() -> None:
    with Server(seed=2**64 - 1) as server:
        assert server.seed == server.options.seed == 2**64 - 1
    with Server() as server:
        assert server.seed > 0


def test_the_kinds() -> None:
    kinds = {kind.name: kind for kind in ws2echo.faults()}
    assert len(kinds) == len(ws2echo.faults())
    assert kinds["drop"].protocols == (Protocol.UDP,)
    latency, jitter, *conditions = kinds["latency"].parameters
    assert (latency.name, latency.unit, latency.default) == ("latency", "milliseconds", 0)
    assert jitter.name == "jitter"
    assert {parameter.name for parameter in conditions if parameter.condition} >= {"first", "every"}
    assert kinds["bandwidth"].parameters[0].required
    assert not kinds["down"].selects
    for kind in kinds.values():
        assert all(parameter.unit != "a fraction" or parameter.most == 1 for parameter in kind.parameters)


def test_waiting(server: Server) -> None:
    waiting = Task(lambda: server.wait_for(connections=1, bytes_received=5, timeout=LIMIT_S))
    assert waiting.blocks()
    with Client(server.port) as client:
        client.echo(b"hello")
        waiting.result()
        server.wait_for(open_connections=1, bytes_sent=5, timeout=0)
    server.wait_for(open_at_most=0, closed=1, timeout=LIMIT_S)
    with pytest.raises(TimeoutError):
        server.wait_for(connections=2, timeout=0.1)
    with pytest.raises(ValueError, match="connections"):
        server.wait_for(timeout=1)
    server.stop()
    with pytest.raises(OSError, match="WSAEDISCON"):
        server.wait_for(connections=2)


def test_ctrl_c_ends_a_wait(server: Server) -> None:
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))

    def wait_interrupted() -> None:
        timer.start()
        server.wait_for(connections=1)

    with pytest.raises(KeyboardInterrupt):
        wait_interrupted()
    timer.join()


# ---- the other side: clients that misbehave ----


def test_a_client_resets(server: Server) -> None:
    client = Client(server.port)
    client.echo(b"hello")
    client.reset()
    assert client.closed
    client.reset()
    server.wait_for(closed=1, timeout=LIMIT_S)
    assert server.stats.connections_closed[Reason.RESET] == 1


def test_a_client_trickles(server: Server) -> None:
    with Client(server.port) as client:
        began = time.monotonic()
        assert client.trickle(b"slow", interval=0.05) == 4
        assert time.monotonic() - began >= 0.14
        assert client.recv_exactly(4) == b"slow"


# ---- the command line ----


def test_serve_with_faults(start_serving: StartServing) -> None:
    serving = start_serving("--fault", "limit_data:bytes=3", "--fault", "latency:latency=1", "--seed", "5")
    assert serving.read_line() == "Faults: limit_data:bytes=3, latency:latency=1; seed 5"
    with socket.create_connection(("127.0.0.1", serving.port), timeout=LIMIT_S) as plain:
        plain.sendall(b"hello")
        assert read_to_fin(plain) == b"hel"
    status, _, errors = serving.ctrl_c()
    assert status == 0
    assert "connection 1 fault limit_data of rule 1, from byte 3" in errors
    assert "closed: fault of rule 1" in errors


def test_serve_with_a_wrong_fault() -> None:
    done = run("serve", "--port", "0", "--fault", "lateness")
    assert done.returncode == 2
    assert "lateness" in done.stderr
    assert "Traceback" not in done.stderr


def test_faults_as_a_table_and_as_json() -> None:
    told = run("faults").stdout
    assert max(map(len, told.splitlines())) < 100
    table, legend = told.split("\n\n", 1)
    assert "toxicity" in legend
    names = [kind.name for kind in ws2echo.faults()]
    listed = [line.split()[0] for line in table.splitlines()[1:] if not line.startswith(" ")]
    assert listed == names
    assert [kind["name"] for kind in json.loads(run("faults", "--json").stdout)] == names


def test_the_seed_is_told_after_closing() -> None:
    with ws2echo.Server(faults="corrupt:rate=0.1") as server:
        seed = server.seed
        assert seed > 0
    assert server.seed == seed
