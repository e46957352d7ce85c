"""How a connection ended, as a plain socket sees it: by FIN, or by a reset."""

from __future__ import annotations

import ctypes
import socket

# Wine 8 lets recv return 0 bytes after a reset, unless it was waiting for it. Then only a further send tells;
# after the socket's own shutdown nothing does. tests/host/test_endings.py sees the same from outside Wine.
ON_WINE = hasattr(ctypes.windll.ntdll, "wine_get_version")


def ending(plain: socket.socket) -> str:
    """Reads to the end: "fin" or "reset"."""
    try:
        while plain.recv(65536):
            pass
        if ON_WINE:
            plain.send(b"")
    except (ConnectionResetError, ConnectionAbortedError):
        return "reset"
    return "fin"
