"""crowd_server.py MODEL BYTES: drains once BYTES have come. Says where it listens, and how long that took."""

import sys
import time

from ws2echo import Server

DRAIN_S = 100


def main(model: str, awaited_bytes: str) -> None:
    with Server("127.0.0.1", model=model) as server:
        print(f"listening on 127.0.0.1:{server.port}", flush=True)
        server.wait_for(bytes_received=int(awaited_bytes))
        began = time.monotonic()
        server.drain(DRAIN_S)
        print(f"drained in {time.monotonic() - began:.2f} s", flush=True)


main(*sys.argv[1:])
