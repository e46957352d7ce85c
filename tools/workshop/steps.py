"""Steps: one line each with its seconds, output in a log, and the log's tail when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from workshop.paths import LOGS, SOURCE

TAIL_LINES = 40


class StepError(Exception):
    """A step did not succeed; the text says why, and what to do."""


@dataclass
class Reporter:
    """Where progress is told: on stderr when a user's program runs, so that stdout stays the program's."""

    stream: TextIO
    open_line: bool = False

    def begin(self, title: str) -> None:
        self.end_line()
        self.stream.write(f"  {title} ... ")
        self.stream.flush()
        self.open_line = True

    def finish(self, text: str) -> None:
        if self.open_line:
            self.stream.write(text + "\n")
            self.open_line = False
        self.stream.flush()

    def end_line(self) -> None:
        if self.open_line:
            self.stream.write("\n")
            self.open_line = False

    def say(self, text: str = "") -> None:
        self.end_line()
        self.stream.write(text + "\n")
        self.stream.flush()


report = Reporter(sys.stdout)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Tell what is being done and, once it is done, how long it took."""
    report.begin(title)
    started = time.monotonic()
    try:
        yield
    except BaseException as failure:
        word = "interrupted" if isinstance(failure, KeyboardInterrupt) else "FAILED"
        report.finish(f"{word} after {time.monotonic() - started:.1f} s")
        raise
    report.finish(f"{time.monotonic() - started:.1f} s")


def log_path(name: str) -> Path:
    LOGS.mkdir(parents=True, exist_ok=True)
    return LOGS / f"{name}.log"


def tail(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return "\n".join("    | " + line for line in lines[-TAIL_LINES:])


def failure_text(what: str, log: Path) -> str:
    """What to tell of a step that failed: the end of its output, and where all of it is."""
    shown = log.relative_to(SOURCE) if log.is_relative_to(SOURCE) else log
    return f"{what}\n{tail(log)}\n    full log: {shown}"


def end_group(process: subprocess.Popen[bytes], patience_s: float = 5.0) -> None:
    """End a process that leads a group, and the group: politely first."""
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            break
        try:
            process.wait(patience_s)
            break
        except subprocess.TimeoutExpired:
            continue
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run(
    command: Sequence[str | Path],
    log: str,
    *,
    limit_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path = SOURCE,
    append: bool = False,
) -> None:
    """Run a host program, its output in a log; raise StepError, with the log's tail, unless it succeeds."""
    path = log_path(log)
    with path.open("ab" if append else "wb") as out:
        out.write(("$ " + " ".join(map(str, command)) + "\n").encode())
        out.flush()
        try:
            process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                process_group=0,
            )
        except OSError as error:
            raise StepError(f"cannot start {command[0]}: {error}") from error
        try:
            status = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            end_group(process)
            raise StepError(
                failure_text(f"{Path(command[0]).name} did not end within {limit_s:.0f} s", path)
            ) from None
        except KeyboardInterrupt:
            end_group(process)
            raise
    if status != 0:
        raise StepError(failure_text(f"{Path(command[0]).name} failed with exit status {status}", path))
