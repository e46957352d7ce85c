"""Sessions of clients in every model: the drivers that serve, with a session that connects."""

from pathlib import Path

import abi
import pytest
from fixtures import OpenServer
from programs import driver_clients

NEVER_MS = -1
ENOUGH_MS = 60_000


@pytest.mark.parametrize(("connections", "messages"), [(1, 50), (100, 4)])
def test_clients_echo(
    open_server: OpenServer, build: Path, model: int, host: str, connections: int, messages: int
) -> None:
    server = open_server()
    found = driver_clients(build, model, host, server.port, connections, messages, ENOUGH_MS, NEVER_MS)
    assert found == [{0: connections}, {0: connections}]
    closed = [server.next_closed() for _ in range(2 * connections)]
    assert {each.reason for each in closed} == {abi.FIN}
    assert all(each.bytes_received == each.bytes_sent > 0 for each in closed)


def test_clients_are_refused(build: Path, model: int, host: str, closed_port: int) -> None:
    found = driver_clients(build, model, host, closed_port, 3, 1, ENOUGH_MS, NEVER_MS)
    assert found == [{abi.WSAECONNREFUSED: 3}, {abi.WSAECONNREFUSED: 3}]


def test_clients_connect_for_so_long(build: Path, model: int, host: str, deaf_port: int) -> None:
    found = driver_clients(build, model, host, deaf_port, 2, 1, 200, NEVER_MS)
    assert found == [{abi.WSAETIMEDOUT: 2}, {abi.WSAETIMEDOUT: 2}]


def test_clients_are_stopped_while_they_connect(build: Path, model: int, host: str, deaf_port: int) -> None:
    found = driver_clients(build, model, host, deaf_port, 2, 1, ENOUGH_MS, 50)
    assert found == [{abi.WSA_OPERATION_ABORTED: 2}, {abi.WSA_OPERATION_ABORTED: 2}]


def test_clients_are_stopped_while_they_echo(
    open_server: OpenServer, build: Path, model: int, host: str
) -> None:
    endless = 1_000_000_000
    server = open_server()
    found = driver_clients(build, model, host, server.port, 8, endless, ENOUGH_MS, 200)
    assert found == [{abi.WSA_OPERATION_ABORTED: 8}, {abi.WSA_OPERATION_ABORTED: 8}]
    assert {server.next_closed().reason for _ in range(16)} == {abi.RESET}
