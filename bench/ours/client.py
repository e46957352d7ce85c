"""A client of the Python binding, or with `socket` Python's own socket, to measure what a call costs.

    client.py PORT [socket]

Each line of its input is a number of echoes of 64 bytes to make; each is answered by a line of JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable

import ws2echo

MESSAGE = b"64 bytes".ljust(64, b"\0")


def by_socket(port: int) -> Callable[[], bytes]:
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def echo() -> bytes:
        plain.sendall(MESSAGE)
        return plain.recv(64)

    return echo


def by_client(port: int) -> Callable[[], bytes]:
    client = ws2echo.Client(host="127.0.0.1", port=port)
    return lambda: client.echo(MESSAGE)


def main() -> None:
    port = int(sys.argv[1])
    echo = by_socket(port) if sys.argv[2:] == ["socket"] else by_client(port)
    for line in sys.stdin:
        echoes = int(line)
        began = time.perf_counter()
        for _ in range(echoes):
            if echo() != MESSAGE:
                raise AssertionError("other bytes came back")
        rate = echoes / (time.perf_counter() - began)
        print(json.dumps({"echoes_per_s": rate}), flush=True)


if __name__ == "__main__":
    main()
