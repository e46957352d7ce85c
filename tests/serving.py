"""A server on the Windows machine, for clients that are sockets of this system."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from packages import LIMIT_S, SOURCE

SERVE = ["./dev", "python", "--no-build", "-m", "ws2echo", "serve", "--port", "0", "--duration"]
DURATION_S = 120


def models() -> list[str]:
    """The names of the DLL's models, where they are written."""
    text = (SOURCE / "dll" / "core" / "models.h").read_text("utf-8")
    return re.findall(r"^    X\(\d+, (\w+),", text, re.MULTILINE)


@contextlib.contextmanager
def serving(*options: str, duration_s: float = DURATION_S) -> Iterator[int]:
    """Starts a server, and ends it: its port."""
    with subprocess.Popen(
        [*SERVE, str(duration_s), *options],
        cwd=SOURCE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    ) as server:
        try:
            assert server.stdout is not None
            said = []
            for line in server.stdout:
                said.append(line)
                if found := re.search(r"listening on \S*127\.0\.0\.1:(\d+)", line):
                    # It tells of each connection, and would wait for ever once the pipe is full.
                    threading.Thread(target=server.stdout.read, daemon=True).start()
                    yield int(found[1])
                    break
            else:
                status = server.wait(LIMIT_S)
                pytest.fail(f"the server ended with {status}, and said only:\n{''.join(said)}")
        finally:
            server.terminate()
            server.wait(LIMIT_S)


def server_process(duration_s: float) -> Path:
    """The process of the server, in /proc: the one that python.exe runs in, known by its arguments."""
    mark = f"--duration\0{duration_s}\0"
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "cmdline").read_text(errors="replace")
            if mark in told and told.split("\0")[0].endswith("python.exe"):
                return process
    raise AssertionError("there is no such process")


def resident_bytes(process: Path) -> int:
    return int((process / "statm").read_text().split()[1]) * mmap.PAGESIZE
