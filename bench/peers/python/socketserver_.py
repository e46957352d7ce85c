"""Echo with the standard library's socketserver: a thread per connection, or per datagram.

socketserver_.py [PORT] [--udp]
"""

import socketserver
import sys

BUFFER_BYTES = 256 * 1024


class Stream(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        try:
            while data := self.request.recv(BUFFER_BYTES):
                self.request.sendall(data)
        except ConnectionError:
            pass  # a peer may reset; that is its affair


class Datagram(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        self.wfile.write(self.rfile.read())


class TCPServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 1024


class UDPServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    max_packet_size = 65536


def main(arguments: list[str]) -> None:
    ports = [int(argument) for argument in arguments if argument != "--udp"]
    address = ("127.0.0.1", ports[0] if ports else 0)
    server = UDPServer(address, Datagram) if "--udp" in arguments else TCPServer(address, Stream)
    print("listening on", server.server_address[1], flush=True)
    server.serve_forever()


main(sys.argv[1:])
