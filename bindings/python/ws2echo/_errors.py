"""Failures: what a Winsock code becomes in Python."""

from __future__ import annotations

import errno
import re

WSA_OPERATION_ABORTED = 995
WSAEINVAL = errno.WSAEINVAL
WSAENOTSOCK = errno.WSAENOTSOCK
WSAEMSGSIZE = errno.WSAEMSGSIZE
WSAEOPNOTSUPP = errno.WSAEOPNOTSUPP
WSAETIMEDOUT = errno.WSAETIMEDOUT
WSAEDISCON = 10101
WSAHOST_NOT_FOUND = 11001
WSANO_DATA = 11004


# What the DLL says in the words of C, and how Python calls it.
_IN_PYTHON = (
    (re.compile(r"^ws2echo_\w+: option "), "option "),
    (re.compile(r"\bWS2ECHO_INFINITE\b"), "None"),
    (re.compile(r"\bWS2ECHO_PROTOCOL_TCP or _UDP\b"), "'tcp' or 'udp'"),
    (re.compile(r"\bmessage_bytes\b"), "sizes"),
    (re.compile(r"\blinger_s\b"), "linger"),
    (re.compile(r"-1 \(not set\) to\b"), "None, or 0 to"),
    (re.compile(r"\b([a-z_]+)_ms\b"), r"\1 (in ms)"),
    (re.compile(r"\b([a-z_]+)_us\b"), r"\1 (in µs)"),
)


class UsageError(OSError, ValueError):
    """A value, or two of them together, that cannot be (WSAEINVAL), or that the model or the protocol does
    not offer (WSAEOPNOTSUPP).

    It is a ``ValueError`` as well, as ``io.UnsupportedOperation`` is: so ``except ValueError`` gets whatever
    is out of its range, whether Python or the DLL found it.
    """


def failure(code: int, text: str) -> OSError:
    """The exception that the ``socket`` module would raise for this code, with a text that says what was
    being done.

    The native layer calls this for every function that failed.
    """
    if code in (WSAEINVAL, WSAEOPNOTSUPP):
        return UsageError(0, _in_python(text), None, code)
    if not WSAHOST_NOT_FOUND <= code <= WSANO_DATA:
        return OSError(0, text, None, code)  # Python itself picks the subclass, from the fourth argument
    from socket import gaierror  # only here: importing socket takes longer than the rest of ws2echo

    error = gaierror(code, text)
    error.winerror = code
    return error


def _in_python(text: str) -> str:
    if ": option " in text:
        for words, called in _IN_PYTHON:
            text = words.sub(called, text)
    return text


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
