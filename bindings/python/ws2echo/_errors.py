"""Failures: what a Winsock code becomes in Python."""

from __future__ import annotations

import errno

WSAENOTSOCK = errno.WSAENOTSOCK
WSAEMSGSIZE = errno.WSAEMSGSIZE
WSAEOPNOTSUPP = errno.WSAEOPNOTSUPP
WSAETIMEDOUT = errno.WSAETIMEDOUT
WSAEDISCON = 10101
WSAHOST_NOT_FOUND = 11001
WSANO_DATA = 11004


def failure(code: int, text: str) -> OSError:
    """The exception that the ``socket`` module would raise for this code, with a text that says what was
    being done.

    The native layer calls this for every function that failed.
    """
    if not WSAHOST_NOT_FOUND <= code <= WSANO_DATA:
        return OSError(0, text, None, code)  # Python itself picks the subclass, from the fourth argument
    from socket import gaierror  # only here: importing socket takes longer than the rest of ws2echo

    error = gaierror(code, text)
    error.winerror = code
    return error


def with_counts(error: OSError, **counts: int) -> OSError:
    """The same error with counts as attributes: how far the call had come."""
    vars(error).update(counts)
    return error


class EchoMismatchError(Exception):
    """What came back is not what was sent.

    ``offset`` is where the first wrong byte is, ``sent`` the whole message and ``reply`` what came back for
    it. Over UDP the reply may be shorter, or longer: then no more of it is kept than was sent. Where one is
    the beginning of the other, ``offset`` is the end of the shorter.
    """

    def __init__(self, offset: int, sent: bytes, reply: bytes) -> None:
        super().__init__(offset, sent, reply)
        self.offset = offset
        self.sent = sent
        self.reply = reply

    def __repr__(self) -> str:
        return f"EchoMismatchError({str(self)!r})"  # without the bytes, which may be many

    def __str__(self) -> str:
        if self.offset >= len(self.sent):
            return f"{len(self.sent)} bytes were sent, but more came back"
        if self.offset >= len(self.reply):
            return f"{len(self.sent)} bytes were sent, but {len(self.reply)} came back"
        return (
            f"byte {self.offset} of {len(self.sent)} came back as 0x{self.reply[self.offset]:02x}, "
            f"but was sent as 0x{self.sent[self.offset]:02x}"
        )
