"""Programs run beside the tests: started with pipes, read line by line, ended in any case."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Self

LIMIT_S = 60.0


class Program:
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
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(LIMIT_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def read_line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().rstrip("\r\n")
        self.lines.append(line)
        return line

    def finish(self) -> tuple[int, list[str], str]:
        """Wait for the end: exit status, all lines of stdout, and stderr."""
        out, err = self._process.communicate(timeout=LIMIT_S)
        self.lines += out.splitlines()
        return self._process.returncode, self.lines, err


def run(path: Path, *arguments: object) -> tuple[int, list[str], str]:
    with Program(path, *arguments) as program:
        return program.finish()
