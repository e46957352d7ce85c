"""Compiles the pure core, and what tests it, from the source of a run into the folder of its net."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from workshop.nets.net import FoundError, Run
from workshop.steps import StepError, failure_text, log_path
from workshop.steps import run as run_program

# How a check, a sanitizer and libFuzzer tell what is wrong.
TELLING = re.compile(r"^.*(?:not true:|runtime error:|ERROR: \w+Sanitizer|ERROR: libFuzzer).*$", re.M)

COMPILE_LIMIT_S = 300.0
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wsign-conversion", "-Wshadow")

PEERS = ("guard.c", "peers_datagrams.c", "peers_rules.c", "peers_stream.c", "peers_stream_drivers.c")
"""What tests/core/peers.h is made of."""


def core_sources(source: Path) -> list[Path]:
    return sorted((source / "dll" / "core").glob("*.c"))


def peers_sources(source: Path) -> list[Path]:
    return [source / "tests" / "core" / name for name in PEERS]


def test_sources(source: Path) -> list[Path]:
    return sorted((source / "tests" / "core").glob("test_*.c"))


def helpers_of(test: Path) -> list[Path]:
    """What a test is linked with besides the core: as tests/core/CMakeLists.txt has it."""
    if test.stem == "test_peers":
        return [test.with_name(name) for name in PEERS]
    if test.stem.startswith("test_session_datagram_faults"):
        return [test.with_name("net.c")]
    return [test.with_name("wire.c")] if test.stem.startswith("test_session_faults") else []


def log_of(net: str, run: Run) -> str:
    """The name of a net's log: a planted copy has its own, as it may run beside."""
    planted = run.build.parent.name if run.build.parent.parent.name == "plants" else ""
    return f"net-{net}-{planted}" if planted else f"net-{net}"


def _digest(run: Run, flags: Sequence[str]) -> str:
    result = hashlib.sha256("\0".join(flags).encode())
    for folder in ("include", "dll/core", "tests/core", "tests/fuzz"):
        for path in sorted((run.source / folder).glob("*.[ch]")):
            result.update(path.name.encode() + path.read_bytes())
    return result.hexdigest()


class Compiler:
    """One compiler with its flags: objects go into a folder, and are kept while no source has changed."""

    def __init__(self, run: Run, command: str, flags: Sequence[str], folder: str, log: str) -> None:
        includes = [f"-I{run.source / part}" for part in ("dll/core", "include", "tests/core")]
        self.command = [command, "-std=c11", *flags, *includes]
        self.folder = run.build / folder
        self.log = log
        value = _digest(run, self.command)
        stamp = self.folder / "stamp"
        if not stamp.exists() or stamp.read_text() != value:
            for old in self.folder.glob("*"):
                old.unlink()
            self.folder.mkdir(parents=True, exist_ok=True)
            stamp.write_text(value)

    def objects(self, sources: Iterable[Path], *flags: str) -> list[Path]:
        return [self._object(source, flags) for source in sources]

    def _object(self, source: Path, flags: Sequence[str]) -> Path:
        target = self.folder / f"{source.stem}.o"
        if not target.exists():
            command: list[str | Path] = [*self.command, *flags, "-c", source, "-o", target]
            run_program(command, self.log, limit_s=COMPILE_LIMIT_S, append=True)
        return target

    def program(self, name: str, objects: Sequence[Path], *flags: str) -> Path:
        target = self.folder / name
        if not target.exists():
            command: list[str | Path] = [*self.command, *flags, *objects, "-lm", "-o", target]
            run_program(command, self.log, limit_s=COMPILE_LIMIT_S, append=True)
        return target


def begin_log(log: str) -> None:
    log_path(log).write_bytes(b"")


@contextmanager
def findings(what: str, log: str) -> Iterator[None]:
    """Whatever fails in here is a finding, and no failure to search."""
    try:
        yield
    except StepError as failure:
        raise found(what, log) from failure


def found(what: str, log: str) -> FoundError:
    """A finding: the first line of the log that tells of one, and its end."""
    telling = TELLING.search(log_path(log).read_text("utf-8", errors="replace"))
    return FoundError(failure_text(f"{what}\n    {telling.group()}" if telling else what, log_path(log)))


def said(log: str, begin: str) -> list[str]:
    """The lines of a log that begin like this."""
    lines = log_path(log).read_text("utf-8", errors="replace").splitlines()
    return [line for line in lines if line.startswith(begin)]
