"""Servers and clients opened, used, stopped and closed in any order: a call does what its handle allows."""

from __future__ import annotations

import socket

import abi
import handles
import pytest
from handles import CallError, fails
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test
from waiting import Task

GONE = {abi.WSAECONNRESET, abi.WSAECONNABORTED, abi.WSAEDISCON}


class Lifetimes(RuleBasedStateMachine):
    """Knows of each handle whether it is open, and of each client whether its server still serves."""

    servers: Bundle[handles.Server] = Bundle("servers")
    clients: Bundle[handles.Client] = Bundle("clients")
    model = 0

    def __init__(self) -> None:
        super().__init__()
        self.serving: set[int] = set()
        self.stopped: set[int] = set()
        self.connected: dict[int, int] = {}
        self.seen: set[int] = set()

    def number(self, thing: handles.Server | handles.Client) -> int:
        return thing.handle.value

    @rule(target=servers)
    def open_server(self) -> handles.Server:
        return self.new_server()

    def new_server(self) -> handles.Server:
        server = handles.Server(model=self.model, family=abi.IPV4)
        assert self.number(server) not in self.seen
        self.seen.add(self.number(server))
        self.serving.add(self.number(server))
        return server

    @rule(target=clients, server=servers)
    def open_client(self, server: handles.Server) -> handles.Client:
        if self.number(server) not in self.serving:
            server = self.new_server()
        client = handles.Client(server.port, host="127.0.0.1")
        assert self.number(client) not in self.seen
        self.seen.add(self.number(client))
        self.connected[self.number(client)] = self.number(server)
        return client

    @rule(client=clients)
    def echo(self, client: handles.Client) -> None:
        if self.number(client) not in self.connected:
            with fails(abi.WSAENOTSOCK):
                client.echo(b"x")
        elif self.connected[self.number(client)] in self.serving:
            assert client.echo(b"x\0y")[0] == b"x\0y"
        else:
            with pytest.raises(CallError) as caught:
                client.echo(b"x")
            assert caught.value.code in GONE

    @rule(server=servers)
    def look(self, server: handles.Server) -> None:
        if self.number(server) in self.serving | self.stopped:
            stats = server.stats
            assert stats.connections_accepted >= stats.connections_current
        else:
            with fails(abi.WSAENOTSOCK):
                _ = server.stats

    @rule(server=servers)
    def stop(self, server: handles.Server) -> None:
        if self.number(server) not in self.serving | self.stopped:
            with fails(abi.WSAENOTSOCK):
                server.stop()
            return
        reset = server.stop()
        assert reset == 0 or self.number(server) in self.serving
        self.serving.discard(self.number(server))
        self.stopped.add(self.number(server))

    @rule(server=servers)
    def close_server(self, server: handles.Server) -> None:
        if self.number(server) in self.serving | self.stopped:
            server.close()
            self.serving.discard(self.number(server))
            self.stopped.discard(self.number(server))
        else:
            with fails(abi.WSAENOTSOCK):
                server.close()

    @rule(client=clients)
    def close_client(self, client: handles.Client) -> None:
        if self.connected.pop(self.number(client), None) is not None:
            client.close()
        else:
            with fails(abi.WSAENOTSOCK):
                client.close()

    def teardown(self) -> None:
        for number in self.connected:
            assert abi.DLL.ws2echo_client_close(number) == 0
        for number in self.serving | self.stopped:
            assert abi.DLL.ws2echo_server_close(number) == 0


def test_any_order(model: int) -> None:
    class OfModel(Lifetimes):
        pass

    OfModel.model = model
    run_state_machine_as_test(
        OfModel,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_winsock_stays_with_the_others_of_the_process(model: int) -> None:
    """Each object starts Winsock and stops it; Python's own sockets work on, however many do so at once."""

    def open_and_close() -> None:
        for _ in range(100):
            with handles.Server(model=model) as server, handles.Client(server.port):
                pass

    tasks = [Task(open_and_close) for _ in range(8)]
    for task in tasks:
        task.result()
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
