"""An echo session: a client talks to the server at PORT of HOST, or to one in this very process.

python echo_session.py [PORT [HOST]]
"""

import sys

import ws2echo

MESSAGE = b"this is a test"


def talk(port: int, host: str) -> None:
    """Hold one session, and tell of it as the Winsock tutorial's client does."""
    with ws2echo.Client(port, host) as client:
        reply = client.echo(MESSAGE)
        client.shutdown()  # FIN: nothing more will be sent ...
        assert client.recv() == b""  # ... and the server answers FIN with FIN
        print(f"Bytes sent: {client.stats.bytes_sent}")
        print(
            f"Bytes received: {client.stats.bytes_received} ({reply.decode()!r} from {client.peer_address})"
        )
    print("Connection closed")


def main(arguments: list[str]) -> int:
    if arguments:
        talk(int(arguments[0]), arguments[1] if len(arguments) > 1 else "localhost")
        return 0
    with ws2echo.Server() as server:
        talk(server.port, "localhost")
        server.stop(drain_timeout=5)
        print("The server's journal:")
        for event in server.events():
            print(
                f"  {event.sequence} {event.kind} {event.peer or event.local} {event.bytes_sent} bytes echoed"
            )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as error:
        sys.exit(f"echo_session: {error.strerror}")
