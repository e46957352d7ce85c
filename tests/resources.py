"""What this process holds: kernel handles by type, sockets, threads; to tell by name what was left behind.

GetProcessHandleCount would do on Windows, but is always 0 under Wine, and does not say what the handles are.
"""

from __future__ import annotations

import ctypes
import gc
import os
import time
from collections import Counter
from ctypes import POINTER, Structure, byref, c_int, c_long, c_ulong, c_ushort, c_void_p, sizeof
from dataclasses import dataclass, field

ntdll = ctypes.WinDLL("ntdll")
kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
ws2_32 = ctypes.WinDLL("ws2_32")

SYSTEM_EXTENDED_HANDLE_INFORMATION = 64
OBJECT_NAME_INFORMATION = 1
OBJECT_TYPE_INFORMATION = 2
STATUS_INFO_LENGTH_MISMATCH = -0x3FFFFFFC
TH32CS_SNAPTHREAD = 4
SOL_SOCKET = 0xFFFF
SO_TYPE = 0x1008

# Waiting for what a closed object leaves to the system (a thread that has said its last word) to go.
PATIENCE_S = 20.0


class HandleEntry(Structure):
    _fields_ = (
        ("object", c_void_p),
        ("process_id", c_void_p),
        ("handle", c_void_p),
        ("access", c_ulong),
        ("creator", c_ushort),
        ("type_index", c_ushort),
        ("attributes", c_ulong),
        ("reserved", c_ulong),
    )


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


ntdll.NtQuerySystemInformation.argtypes = (c_ulong, c_void_p, c_ulong, POINTER(c_ulong))
ntdll.NtQuerySystemInformation.restype = c_long
ntdll.NtQueryObject.argtypes = (c_void_p, c_ulong, c_void_p, c_ulong, POINTER(c_ulong))
ntdll.NtQueryObject.restype = c_long
kernel32.CreateToolhelp32Snapshot.argtypes = (c_ulong, c_ulong)
kernel32.CreateToolhelp32Snapshot.restype = c_void_p
kernel32.Thread32First.argtypes = (c_void_p, POINTER(ThreadEntry))
kernel32.Thread32Next.argtypes = (c_void_p, POINTER(ThreadEntry))
kernel32.CloseHandle.argtypes = (c_void_p,)
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


def own_handles() -> list[int]:
    size = 1 << 18
    while True:
        buffer = ctypes.create_string_buffer(size)
        status = ntdll.NtQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION, buffer, size, None)
        if status != STATUS_INFO_LENGTH_MISMATCH:
            break
        size *= 2
    if status != 0:
        raise OSError(f"NtQuerySystemInformation: 0x{status & 0xFFFFFFFF:08x}")
    count = ctypes.cast(buffer, POINTER(c_void_p))[0] or 0
    entries = ctypes.cast(ctypes.byref(buffer, 2 * sizeof(c_void_p)), POINTER(HandleEntry))
    mine = os.getpid()
    return [entries[i].handle for i in range(count) if entries[i].process_id == mine and entries[i].handle]


def _query_text(handle: int, information: int) -> str:
    buffer = ctypes.create_string_buffer(2048)
    if ntdll.NtQueryObject(handle, information, buffer, sizeof(buffer), None) != 0:
        return ""
    text = UnicodeString.from_buffer(buffer)
    return ctypes.wstring_at(text.buffer, text.length // 2) if text.buffer else ""


def type_of(handle: int) -> str:
    return _query_text(handle, OBJECT_TYPE_INFORMATION)


def is_socket(handle: int) -> bool:
    kind, size = c_int(), c_int(sizeof(c_int))
    return bool(ws2_32.getsockopt(handle, SOL_SOCKET, SO_TYPE, byref(kind), byref(size)) == 0)


def own_threads() -> frozenset[int]:
    snapshot = kernel32.CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0)
    entry = ThreadEntry(size=sizeof(ThreadEntry))
    mine, found = os.getpid(), set()
    more = kernel32.Thread32First(snapshot, byref(entry))
    while more:
        if entry.process_id == mine:
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
