"""Programs run beside the tests: started with pipes, read as they print, ended in any case."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

LIMIT_S = 60.0


class Program:
    """Its stdout is read all the time: a program whose pipe is full would wait for us."""

    def __init__(self, path: Path, *arguments: object) -> None:
        assert path.is_file(), f"{path} was not built"
        self._process = subprocess.Popen(
            [str(path), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._told: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._errors: list[str] = []
        assert self._process.stdout
        assert self._process.stderr
        self._readers = [
            threading.Thread(target=self._read_out, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self.lines: list[str] = []

    def _read_out(self, stream: IO[str]) -> None:
        for line in stream:
            self._told.put(line.rstrip("\r\n"))
        self._told.put(None)

    def _read_errors(self, stream: IO[str]) -> None:
        for line in stream:
            self._errors.append(line.rstrip("\r\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(LIMIT_S)
        for reader in self._readers:
            reader.join(LIMIT_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def read_line(self) -> str:
        line = self._told.get(timeout=LIMIT_S)
        assert line is not None, f"it ended; stderr: {self._errors}"
        self.lines.append(line)
        return line

    @property
    def process_id(self) -> int:
        return self._process.pid

    def tell(self, text: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def end_input(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()

    def error_lines(self) -> list[str]:
        """The lines that came on stderr, so far."""
        return list(self._errors)

    def finish(self) -> tuple[int, list[str], str]:
        """Wait for the end: exit status, all lines of stdout, and stderr."""
        status = self._process.wait(LIMIT_S)
        while (line := self._told.get(timeout=LIMIT_S)) is not None:
            self.lines.append(line)
        self._readers[1].join(LIMIT_S)
        return status, self.lines, "".join(f"{line}\n" for line in self._errors)


def run_mixed(command: Sequence[str], limit_s: float) -> subprocess.CompletedProcess[str]:
    """Runs a program without input; what it prints and what it complains of are one text."""
    return subprocess.run(
        command,
        input="",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=limit_s,
        check=False,
    )


def run(path: Path, *arguments: object) -> tuple[int, list[str], str]:
    with Program(path, *arguments) as program:
        return program.finish()


def driver_clients(build: Path, *arguments: int | str) -> list[dict[int, int]]:
    """Runs the program of that name: for each of its two rounds how many connections had which outcome."""
    status, lines, errors = run(build / "tests" / "driver_clients.exe", *arguments)
    assert (status, errors) == (0, ""), (lines, errors)
    assert lines[-1] == "0 handles left"
    rounds: list[dict[int, int]] = []
    for line in lines[:-1]:
        if line.startswith("round"):
            rounds.append({})
        else:
            count, outcome = line.split(" x ")
            rounds[-1][int(outcome)] = int(count)
    return rounds
