"""A server on the Windows machine, for clients that are sockets of this system."""

from __future__ import annotations

import contextlib
import mmap
import os
import queue
import re
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from packages import LIMIT_S, SOURCE

PYTHON = ["./dev", "python", "--no-build"]
SERVE = [*PYTHON, "-m", "ws2echo", "serve", "--port", "0", "--duration"]
DURATION_S = 120


def models() -> list[str]:
    """The names of the DLL's models, where they are written."""
    text = (SOURCE / "dll" / "core" / "models.h").read_text("utf-8")
    return re.findall(r"^    X\(\d+, (\w+),", text, re.MULTILINE)


@dataclass(frozen=True)
class Listening:
    """A program that serves."""

    port: int
    said: queue.SimpleQueue[str]
    """The lines that it has printed since."""
    end_input: Callable[[], None]
    """Closes its stdin."""


def _read(lines: Iterable[str], said: queue.SimpleQueue[str]) -> None:
    for line in lines:
        said.put(line)


@contextlib.contextmanager
def listening(command: Sequence[str]) -> Iterator[Listening]:
    """Starts a program that says where it listens, and ends it."""
    with subprocess.Popen(
        command,
        cwd=SOURCE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    ) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            said = []
            for line in server.stdout:
                said.append(line)
                if found := re.search(r"listening on \S*127\.0\.0\.1:(\d+)", line):
                    # It may tell of each connection, and would wait for ever once the pipe is full.
                    later: queue.SimpleQueue[str] = queue.SimpleQueue()
                    threading.Thread(target=_read, args=(server.stdout, later), daemon=True).start()
                    yield Listening(int(found[1]), later, server.stdin.close)
                    break
            else:
                status = server.wait(LIMIT_S)
                pytest.fail(f"the server ended with {status}, and said only:\n{''.join(said)}")
        finally:
            server.terminate()
            server.wait(LIMIT_S)


@contextlib.contextmanager
def serving(*options: str, duration_s: float = DURATION_S) -> Iterator[int]:
    """`ws2echo serve`, for so long at most: its port."""
    with listening([*SERVE, str(duration_s), *options]) as server:
        yield server.port


def server_process(*arguments: str) -> Path:
    """The process of a server, in /proc: the one that python.exe runs in, known by some of its arguments."""
    mark = "\0".join(("", *arguments, ""))
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "cmdline").read_text(errors="replace")
            if mark in told and told.split("\0")[0].endswith("python.exe"):
                return process
    raise AssertionError("there is no such process")


def resident_bytes(process: Path) -> int:
    return int((process / "statm").read_text().split()[1]) * mmap.PAGESIZE
