"""Echo with asyncio's protocols: one thread, on Windows over a completion port.

asyncio_.py [PORT] [--udp]
"""

import asyncio
import sys
from typing import Any, cast


class Stream(asyncio.Protocol):
    """What a peer does not take is not read from it either. FIN is answered with FIN once all is sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class Datagram(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        self.transport.sendto(data, address)


async def main(arguments: list[str]) -> None:
    ports = [int(argument) for argument in arguments if argument != "--udp"]
    host, port = "127.0.0.1", ports[0] if ports else 0
    loop = asyncio.get_running_loop()
    if "--udp" in arguments:
        transport, _ = await loop.create_datagram_endpoint(Datagram, (host, port))
        print("listening on", transport.get_extra_info("sockname")[1], flush=True)
    else:
        server = await loop.create_server(Stream, host, port, backlog=1024)
        print("listening on", server.sockets[0].getsockname()[1], flush=True)
    await loop.create_future()


asyncio.run(main(sys.argv[1:]))
