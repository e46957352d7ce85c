"""Sessions with what knows nothing of the DLL: plain Winsock in C, Python's socket and asyncio."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import abi
import pytest
from fixtures import OpenClient, OpenServer
from plain import payload
from programs import Program, driver_clients, run
from waiting import Task

Connect = Callable[..., socket.socket]
SIZES = [0, 14, 513, 100_000]


def received(lines: list[str]) -> int:
    return sum(int(line.split(":")[1]) for line in lines if line.startswith("Bytes received:"))


def test_plain_client_of_the_tutorial(open_server: OpenServer, build: Path, model: int, host: str) -> None:
    server = open_server(model=model)
    status, lines, errors = run(build / "tests" / "plain_client.exe", host, server.port)
    assert (status, errors) == (0, "")
    assert lines == ["Bytes Sent: 14", "Bytes received: 14", "Connection closed"]
    closed = server.next_closed()
    assert (closed.reason, closed.bytes_received, closed.bytes_sent) == (abi.FIN, 14, 14)


@pytest.mark.parametrize("size", SIZES)
def test_plain_client_sends_all_before_it_reads(
    open_server: OpenServer, build: Path, model: int, host: str, size: int
) -> None:
    server = open_server(model=model)
    status, lines, errors = run(build / "tests" / "plain_client.exe", host, server.port, size)
    assert (status, errors) == (0, "")
    assert (lines[0], received(lines), lines[-1]) == (f"Bytes Sent: {size}", size, "Connection closed")


@pytest.mark.parametrize("size", SIZES)
def test_plain_server(open_client: OpenClient, build: Path, host: str, size: int) -> None:
    with Program(build / "tests" / "plain_server.exe", host, 0) as peer:
        port = int(peer.read_line().rsplit(" ", 1)[1])
        client = open_client(port, host=host)
        assert client.echo(payload(size))[0] == payload(size)
        client.shutdown()
        assert client.recv() == b""
        status, lines, errors = peer.finish()
    assert (status, errors) == (0, "")
    assert (received(lines), lines[-1]) == (size, "Connection closing...")


def test_plain_server_with_clients_of_every_model(build: Path, model: int, host: str) -> None:
    """The program lets its clients talk to it in two rounds, of one client each."""
    with Program(build / "tests" / "plain_server.exe", host, 0, 2) as peer:
        port = int(peer.read_line().rsplit(" ", 1)[1])
        assert driver_clients(build, model, host, port, 1, 20, 60_000, -1) == [{0: 1}, {0: 1}]
        status, lines, errors = peer.finish()
    assert (status, errors) == (0, "")
    assert lines.count("Connection closing...") == 2


def test_python_socket_server(open_client: OpenClient, listener: socket.socket, host: str) -> None:
    client = open_client(listener.getsockname()[1], host=host)

    def serve() -> None:
        with listener.accept()[0] as peer:
            while data := peer.recv(4096):
                peer.sendall(data)

    serving = Task(serve)
    assert client.echo(payload(300_000))[0] == payload(300_000)
    client.shutdown()
    assert client.recv() == b""
    serving.result()


async def asyncio_session(host: str, port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)

    async def send() -> None:
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    _, reply = await asyncio.gather(send(), reader.read())
    writer.close()
    await writer.wait_closed()
    return reply


@pytest.fixture(params=["proactor", "selector"])
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Both kinds of event loop that Windows has: one on completions, one on readiness."""
    return asyncio.ProactorEventLoop if request.param == "proactor" else asyncio.SelectorEventLoop


def test_asyncio_client(
    open_server: OpenServer, loop_factory: Callable[[], asyncio.AbstractEventLoop], model: int, host: str
) -> None:
    server = open_server(model=model)
    payloads = [payload(50_000 + index, seed=index) for index in range(20)]

    async def sessions() -> list[bytes]:
        return await asyncio.gather(*(asyncio_session(host, server.port, data) for data in payloads))

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(asyncio.wait_for(sessions(), 120)) == payloads


def test_asyncio_server(
    open_client: OpenClient, loop_factory: Callable[[], asyncio.AbstractEventLoop], host: str
) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.close()

    def use(port: int) -> bytes:
        client = open_client(port, host=host)
        reply, _ = client.echo(payload(300_000))
        client.shutdown()
        assert client.recv() == b""
        return reply

    async def serve() -> bytes:
        server = await asyncio.start_server(echo, host, 0)
        async with server:
            return await asyncio.to_thread(use, server.sockets[0].getsockname()[1])

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(asyncio.wait_for(serve(), 120)) == payload(300_000)
