"""What this process holds: kernel handles by type, sockets, threads; to tell by name what was left behind.

GetProcessHandleCount would do on Windows, but is always 0 under Wine, and does not say what the handles are.
"""

from __future__ import annotations

import ctypes
import gc
import time
from collections import Counter
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

THREAD_QUERY_LIMITED_INFORMATION = 0x0800
OWN_PROCESS = -1

# So many free numbers in a row, and there is nothing further on: a guess, as each number takes a call. A test
# that had more handles at once may leave one beyond NEAR: that is found by FAR, once for each file of tests.
NEAR = 128
FAR = 2048
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
ntdll.NtGetNextThread.argtypes = (c_void_p, c_void_p, c_ulong, c_ulong, c_ulong, POINTER(c_void_p))
ntdll.NtGetNextThread.restype = c_long
kernel32.CreateToolhelp32Snapshot.argtypes = (c_ulong, c_ulong)
kernel32.CreateToolhelp32Snapshot.restype = c_void_p
kernel32.Thread32First.argtypes = (c_void_p, POINTER(ThreadEntry))
kernel32.Thread32Next.argtypes = (c_void_p, POINTER(ThreadEntry))
kernel32.CloseHandle.argtypes = (c_void_p,)
kernel32.GetThreadId.argtypes = (c_void_p,)
kernel32.GetThreadId.restype = c_ulong
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


def _query_text(handle: int, information: int) -> str:
    buffer = ctypes.create_string_buffer(2048)
    if ntdll.NtQueryObject(handle, information, buffer, sizeof(buffer), None) != 0:
        return ""
    text = UnicodeString.from_buffer(buffer)
    return ctypes.wstring_at(text.buffer, text.length // 2) if text.buffer else ""


def own_handles(unused_max: int = FAR) -> dict[int, str]:
    """The numbers that are handles, and their types: multiples of 4, the lowest free one is given out next.

    Asked for one by one. The list of all handles of the system (NtQuerySystemInformation) would be had at
    once, but Wine 8's server dies of it when it meets a process that is just ending.
    """
    buffer = ctypes.create_string_buffer(2048)
    text = UnicodeString.from_buffer(buffer)
    query, size, found = ntdll.NtQueryObject, sizeof(buffer), {}
    handle, unused = 0, 0
    while unused < unused_max:
        handle, unused = handle + 4, unused + 1
        if query(handle, OBJECT_TYPE_INFORMATION, buffer, size, None) == 0 and text.buffer:
            found[handle] = ctypes.wstring_at(text.buffer, text.length // 2)
            unused = 0
    return found


def socket_option(handle: int, option: int) -> int | None:
    """The value of an option of level SOL_SOCKET; None if the handle is no socket."""
    value, size = c_int(), c_int(sizeof(c_int))
    failed = ws2_32.getsockopt(handle, SOL_SOCKET, option, byref(value), byref(size))
    return None if failed else value.value


def is_socket(handle: int) -> bool:
    return socket_option(handle, SO_TYPE) is not None


def own_threads() -> frozenset[int]:
    """The threads of this process, one after the other: a snapshot would be of all threads of the system."""
    found: set[int] = set()
    last: int | None = None
    while True:
        thread = c_void_p()
        status = ntdll.NtGetNextThread(
            OWN_PROCESS, last, THREAD_QUERY_LIMITED_INFORMATION, 0, 0, byref(thread)
        )
        if last is not None:
            kernel32.CloseHandle(last)
        if status != 0:
            return frozenset(found)
        found.add(kernel32.GetThreadId(thread))
        last = thread.value


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


def holdings(unused_max: int = NEAR) -> Holdings:
    handles = own_handles(unused_max)
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


def left_behind(before: Holdings, patience_s: float = PATIENCE_S, unused_max: int = NEAR) -> str:
    """What is held beyond `before`, once the system has had its time to clear up; empty if nothing is."""
    deadline = time.monotonic() + patience_s
    while True:
        now = holdings(unused_max)
        more = now.counts() - before.counts()
        if not more:
            return ""
        if time.monotonic() > deadline:
            return _describe(before, now, more)
        gc.collect()
        time.sleep(0.01)
