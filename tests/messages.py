"""From which address the DLL asks WSASendMsg to send each datagram. Wine 8 does not look at that."""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import struct
from collections.abc import Callable, Iterator
from ctypes import POINTER, WINFUNCTYPE, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from abi import DLL

IAT_DIRECTORY = 12
PAGE_READWRITE = 4

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Buffer(ctypes.Structure):
    _fields_ = [("len", c_uint32), ("buf", c_void_p)]

    def content(self) -> bytes:
        return ctypes.string_at(self.buf, self.len) if self.len else b""


class Message(ctypes.Structure):
    _fields_ = [
        ("name", c_void_p),
        ("name_size", c_int),
        ("buffers", POINTER(Buffer)),
        ("buffer_count", c_uint32),
        ("control", Buffer),
        ("flags", c_uint32),
    ]

    def leaves_from(self) -> Address | None:
        """The address in a WSACMSGHDR with an IN6_PKTINFO or IN_PKTINFO."""
        control = self.control.content()
        if not control:
            return None
        size, _level, _type = struct.unpack_from("<Qii", control)
        if size < 16 + 16:
            return ipaddress.IPv4Address(control[16:20])
        address = ipaddress.IPv6Address(control[16:32])
        return address.ipv4_mapped or address


# The thread's last error is to be as the function left it, whatever Python does before it returns.
Send = WINFUNCTYPE(
    c_int, c_size_t, POINTER(Message), c_uint32, c_void_p, c_void_p, c_void_p, use_last_error=True
)


def _import_of(address: int) -> c_uint64:
    """The place where the DLL has the address of a function of another."""
    base = DLL._handle
    header = base + c_uint32.from_address(base + 0x3C).value
    table, size = (c_uint32 * 2).from_address(header + 24 + 112 + 8 * IAT_DIRECTORY)
    places = (base + table + at for at in range(0, size, 8))
    return next(place for at in places if (place := c_uint64.from_address(at)).value == address)


def _put(place: c_uint64, address: int) -> None:
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    at, protection = c_void_p(ctypes.addressof(place)), c_uint32()
    assert kernel32.VirtualProtect(at, c_size_t(8), PAGE_READWRITE, ctypes.byref(protection))
    place.value = address
    assert kernel32.VirtualProtect(at, c_size_t(8), protection, ctypes.byref(protection))


@contextlib.contextmanager
def sent_messages() -> Iterator[list[tuple[bytes, Address | None]]]:
    """What is sent by WSASendMsg and from where. Servers must be opened and closed within the block."""
    seen: list[tuple[bytes, Address | None]] = []
    original: Callable[..., Any] = Send(("WSASendMsg", ctypes.WinDLL("ws2_32", use_last_error=True)))
    address = ctypes.cast(original, c_void_p).value  # type: ignore[arg-type]
    assert address

    def send(socket: int, message: Any, *rest: Any) -> int:
        seen.append((message.contents.buffers[0].content(), message.contents.leaves_from()))
        return int(original(socket, message, *rest))

    replacement = Send(send)
    place = _import_of(address)
    _put(place, ctypes.cast(replacement, c_void_p).value or 0)
    try:
        yield seen
    finally:
        _put(place, address)
