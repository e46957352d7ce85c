"""What this process holds: kernel handles by type, sockets, threads; to tell by name what was left behind.

GetProcessHandleCount would do on Windows, but is always 0 under Wine, and does not say what the handles are.
"""

from __future__ import annotations

import ctypes
import gc
import os
import time
from collections import Counter
from collections.abc import Iterator
from ctypes import POINTER, Structure, byref, c_int, c_long, c_ulong, c_ushort, c_void_p, sizeof
from dataclasses import dataclass, field

ntdll = ctypes.WinDLL("ntdll")
kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
ws2_32 = ctypes.WinDLL("ws2_32")

OBJECT_NAME_INFORMATION = 1
OBJECT_TYPE_INFORMATION = 2
TH32CS_SNAPTHREAD = 4
SOL_SOCKET = 0xFFFF
SO_TYPE = 0x1008

# So many free numbers in a row, and there is nothing further on.
UNUSED_MAX = 512
# Waiting for what a closed object leaves to the system (a thread that has said its last word) to go.
PATIENCE_S = 20.0


class UnicodeString(Structure):
    _fields_ = (("length", c_ushort), ("maximum", c_ushort), ("buffer", c_void_p))


class ThreadEntry(Structure):
    _fields_ = (
        ("size", c_ulong),
        ("usage", c_ulong),
        ("thread_id", c_ulong),
        ("process_id", c_ulong),
        ("priority", c_long),
        ("priority_change", c_long),
        ("flags", c_ulong),
    )


ntdll.NtQueryObject.argtypes = (c_void_p, c_ulong, c_void_p, c_ulong, POINTER(c_ulong))
ntdll.NtQueryObject.restype = c_long
kernel32.CreateToolhelp32Snapshot.argtypes = (c_ulong, c_ulong)
kernel32.CreateToolhelp32Snapshot.restype = c_void_p
kernel32.Thread32First.argtypes = (c_void_p, POINTER(ThreadEntry))
kernel32.Thread32Next.argtypes = (c_void_p, POINTER(ThreadEntry))
kernel32.CloseHandle.argtypes = (c_void_p,)
kernel32.GetHandleInformation.argtypes = (c_void_p, POINTER(c_ulong))
ws2_32.getsockopt.argtypes = (c_void_p, c_int, c_int, c_void_p, POINTER(c_int))


@dataclass(frozen=True)
class Holdings:
    """Handles (value to type), sockets among them, and threads (ids) at one moment."""

    handles: dict[int, str] = field(default_factory=dict)
    sockets: frozenset[int] = frozenset()
    threads: frozenset[int] = frozenset()

    def counts(self) -> Counter[str]:
        counts = Counter(kind for handle, kind in self.handles.items() if handle not in self.sockets)
        counts["socket"] = len(self.sockets)
        counts["running thread"] = len(self.threads)
        return counts


def own_handles() -> Iterator[int]:
    """The numbers that are handles: multiples of 4, of which the lowest free one is given out next.

    Asked for one by one. The list of all handles of the system (NtQuerySystemInformation) would be had at
    once, but Wine 8's server dies of it when it meets a process that is just ending.
    """
    handle, unused = 0, 0
    while unused < UNUSED_MAX:
        handle += 4
        flags = c_ulong()
        if kernel32.GetHandleInformation(handle, byref(flags)):
            unused = 0
            yield handle
        else:
            unused += 1


def _query_text(handle: int, information: int) -> str:
    buffer = ctypes.create_string_buffer(2048)
    if ntdll.NtQueryObject(handle, information, buffer, sizeof(buffer), None) != 0:
        return ""
    text = UnicodeString.from_buffer(buffer)
    return ctypes.wstring_at(text.buffer, text.length // 2) if text.buffer else ""


def type_of(handle: int) -> str:
    return _query_text(handle, OBJECT_TYPE_INFORMATION)


def socket_option(handle: int, option: int) -> int | None:
    """The value of an option of level SOL_SOCKET; None if the handle is no socket."""
    value, size = c_int(), c_int(sizeof(c_int))
    failed = ws2_32.getsockopt(handle, SOL_SOCKET, option, byref(value), byref(size))
    return None if failed else value.value


def is_socket(handle: int) -> bool:
    return socket_option(handle, SO_TYPE) is not None


def own_threads() -> frozenset[int]:
    return threads_of(os.getpid())


def threads_of(process_id: int) -> frozenset[int]:
    snapshot = kernel32.CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0)
    entry = ThreadEntry(size=sizeof(ThreadEntry))
    found = set()
    more = kernel32.Thread32First(snapshot, byref(entry))
    while more:
        if entry.process_id == process_id:
            found.add(entry.thread_id)
        more = kernel32.Thread32Next(snapshot, byref(entry))
    kernel32.CloseHandle(snapshot)
    return frozenset(found)


def holdings() -> Holdings:
    handles = {handle: kind for handle in own_handles() if (kind := type_of(handle))}
    sockets = frozenset(handle for handle, kind in handles.items() if kind == "File" and is_socket(handle))
    return Holdings(handles, sockets, own_threads())


def _describe(before: Holdings, now: Holdings, more: Counter[str]) -> str:
    lines = [f"{count} more of type {kind}" for kind, count in more.items()]
    for handle, kind in now.handles.items():
        if before.handles.get(handle) != kind:
            # Naming a pipe can block on Windows, so only what never does is named.
            name = _query_text(handle, OBJECT_NAME_INFORMATION) if kind not in ("File",) else ""
            lines.append(
                f"  new: handle 0x{handle:x}: {'socket' if handle in now.sockets else kind} {name}".rstrip()
            )
    lines += [f"  new: thread {thread}" for thread in now.threads - before.threads]
    return "\n".join(lines)


def left_behind(before: Holdings, patience_s: float = PATIENCE_S) -> str:
    """What is held beyond `before`, once the system has had its time to clear up; empty if nothing is."""
    deadline = time.monotonic() + patience_s
    while True:
        now = holdings()
        more = now.counts() - before.counts()
        if not more:
            return ""
        if time.monotonic() > deadline:
            return _describe(before, now, more)
        gc.collect()
        time.sleep(0.01)
