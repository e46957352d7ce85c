"""The servers that ./dev bench measures ours against: what each is, how to have it, and how to run it.

For the one who measures: `usable(peers())` installs, builds and tries each, and says why one cannot be had;
`with peer.serve("tcp", pin="0") as running:` runs it, and `running.port` and `running.pid` say where it is.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from workshop import build, echoing, machine, wine
from workshop.paths import BENCH_NATIVE, BENCH_WIN64, SOURCE, windows_path
from workshop.steps import StepError, report, step
from workshop.transcript import Transcript

Kind = Literal["ours", "floor", "peer", "native"]
Protocol = Literal["tcp", "udp"]

SOURCES = SOURCE / "bench" / "peers"
LISTENING = re.compile(r"listening on (\d+)")
START_LIMIT_S = 90.0
LOOK_AGAIN_S = 0.5
LAST_LINES = 20

NATIVE_LOAD = BENCH_NATIVE / "peers" / "native_load"


@dataclass(frozen=True)
class Running:
    """A server that serves: its port, and its process here, as /proc has it."""

    peer: Peer
    protocol: Protocol
    port: int
    pid: int

    def resident_kib(self) -> int:
        """How much memory its process has resident; what Wine's server keeps for it is not in it."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        if not found:
            raise StepError(f"{self.peer.name} is not running any more")
        return int(found[1])


@dataclass(frozen=True)
class Peer:
    """A server to measure against.

    ours: a server of the DLL; floor: the smallest correct Winsock server of a model, which ours is compared
    with; peer: what others would use; native: a program of this machine itself, without Wine.
    """

    name: str
    kind: Kind
    title: str
    install: Callable[[], None]
    """Has all that it needs, telling what it does; StepError says why it cannot be had."""
    command: Callable[[], Sequence[str | Path]]
    """What to run, once it is installed; port and protocol are added."""
    model: str | None = None
    protocols: tuple[Protocol, ...] = ("tcp", "udp")
    env: Callable[[], Mapping[str, str]] = field(default=dict)

    def prepare(self) -> None:
        self.install()

    def serve(
        self, protocol: Protocol = "tcp", *, pin: str | None = None, options: Sequence[str] = ()
    ) -> AbstractContextManager[Running]:
        """Run it while the context lasts, kept to the CPUs that `pin` names if it names any (as for taskset).

        Wine's own server is not pinned by this: whoever measures starts it pinned.
        """
        if protocol not in self.protocols:
            raise StepError(f"{self.name} does not serve {protocol}")
        return _serving(self, protocol, pin, options)


class _Native:
    """A program of this machine, with what wine.Program offers."""

    def __init__(self, command: Sequence[str | Path], sink: wine.Sink, pin: str | None) -> None:
        self._process = subprocess.Popen(
            wine.pinned(command, pin),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, args=(sink,), daemon=True)
        self._reader.start()

    def _read(self, sink: wine.Sink) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while data := os.read(stream.fileno(), 65536):
                sink(data)

    def status(self) -> int | None:
        return self._process.poll()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(wine.DRAIN_S)


def _start(peer: Peer, arguments: Sequence[str], said: Transcript, pin: str | None) -> wine.Program | _Native:
    command = [*peer.command(), *arguments]
    if peer.kind == "native":
        return _Native(command, said.sink(), pin)
    wine.raise_file_limit()
    wine.start_services()
    return wine.Program(
        command, stdout=said.sink(), stderr=said.sink(), env=peer.env(), cwd=SOURCE, stdin_fd=None, pin=pin
    )


def _port(peer: Peer, program: wine.Program | _Native, said: Transcript) -> int:
    """Wait until it says where it listens."""
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        status = program.status()
        if found := said.wait_for(LISTENING, LOOK_AGAIN_S):
            return int(found[0][1])
        if status is not None or time.monotonic() > deadline:
            slow = f"did not say where it listens within {START_LIMIT_S:.0f} s"
            how = slow if status is None else f"ended at its start, with status {status}"
            lines = "".join(f"\n    | {line}" for line in said.lines()[-LAST_LINES:])
            raise StepError(f"{peer.name} {how}{lines}")


def _started(peer: Peer, arguments: Sequence[str], pin: str | None) -> tuple[wine.Program | _Native, int]:
    """Started, and where it listens. Under Wine 8 a process is gone before it has begun once in a while."""
    for again in (True, False):
        said = Transcript()
        program = _start(peer, arguments, said, pin)
        try:
            return program, _port(peer, program, said)
        except BaseException as failure:
            silent = isinstance(failure, StepError) and program.status() is not None and not said.lines()
            program.end()
            if not (again and silent):
                raise
            report.say(f"  {failure}, without a word: started again")
    raise AssertionError("the last start returns or raises")


@contextmanager
def _serving(peer: Peer, protocol: Protocol, pin: str | None, options: Sequence[str]) -> Iterator[Running]:
    arguments = ["0", *(["--udp"] if protocol == "udp" else []), *options]
    program, port = _started(peer, arguments, pin)
    try:
        yield Running(peer, protocol, port, program.pid)
    finally:
        program.end()


# What there is


def _floor(model: str, title: str) -> Peer:
    def command() -> list[str | Path]:
        return [BENCH_WIN64 / "peers" / f"floor_{model}.exe"]

    def install() -> None:
        machine.prefix()
        build.bench_floors()

    return Peer(f"floor-{model}", "floor", f"smallest Winsock server: {title}", install, command, model)


def _native(name: str, title: str) -> Peer:
    def command() -> list[str | Path]:
        return [BENCH_NATIVE / "peers" / f"native_{name}"]

    return Peer(f"native-{name}", "native", f"Linux without Wine: {title}", build.bench_native, command)


def _python(name: str, script: str, title: str) -> Peer:
    def command() -> list[str | Path]:
        return [machine.windows_python() / "python.exe", windows_path(SOURCES / "python" / script)]

    def install() -> None:
        machine.windows_python()

    return Peer(f"python-{name}", "peer", title, install, command, env=machine.windows_environment)


def _dotnet(version: str, folder: Callable[[], Path]) -> Peer:
    def command() -> list[str | Path]:
        return [folder() / "dotnet.exe", windows_path(build.DOTNET_ECHO)]

    def install() -> None:
        build.bench_dotnet()
        folder()

    title = f".NET {version}: Socket, SocketAsyncEventArgs"
    return Peer(f"dotnet-{version}", "peer", title, install, command, env=machine.dotnet_environment)


def _go() -> Peer:
    def install() -> None:
        machine.prefix()
        build.bench_go()

    return Peer("go", "peer", "Go: net, a goroutine per connection", install, lambda: [build.GO_ECHO])


def _node() -> Peer:
    def command() -> list[str | Path]:
        return [machine.node() / "bin" / "node.exe", windows_path(SOURCES / "node" / "echo.js")]

    def install() -> None:
        machine.prefix()
        machine.node()

    def env() -> dict[str, str]:
        return {"NODE_SKIP_PLATFORM_CHECK": "1"}  # it would refuse the Windows that Wine 8 is

    return Peer("node-18", "peer", "Node 18: net, dgram", install, command, env=env)


FLOORS = {
    "threads": "threads that accept, recv and send",
    "select": "select",
    "poll": "WSAPoll",
    "event": "WSAEventSelect, 63 connections to a thread",
    "async": "WSAAsyncSelect",
    "overlapped": "overlapped I/O with events, 63 connections to a thread",
    "apc": "overlapped I/O with completion routines",
    "iocp": "completion port",
}


def peers() -> list[Peer]:
    """All that there is to measure against, the floors in the order of our models."""
    return [
        *(_floor(model, title) for model, title in FLOORS.items()),
        _python("socketserver", "socketserver_.py", "Python 3.13: socketserver, a thread per connection"),
        _python("asyncio", "asyncio_.py", "Python 3.13: asyncio protocols"),
        _dotnet("3.1", machine.dotnet_sdk),
        _dotnet("8", machine.dotnet_8),
        _go(),
        _node(),
        _native("epoll", "epoll, one thread"),
        _native("blocking", "a thread per connection"),
    ]


# Before they are measured


def check(peer: Peer, protocol: Protocol) -> None:
    """See that what it serves is echo: bytes and datagrams come back, FIN for FIN; StepError if not."""
    with peer.serve(protocol) as running:
        try:
            echoing.check(running.port, protocol)
        except (OSError, echoing.WrongEchoError) as failure:
            raise StepError(f"{peer.name} does not echo over {protocol}: {failure}") from failure


def _reason(work: Callable[[], None]) -> str:
    """Why it cannot be done; empty when it was."""
    try:
        work()
    except (StepError, OSError) as failure:
        return str(failure)
    return ""


def _try(peer: Peer, protocol: Protocol) -> None:
    with step(f"Trying {peer.name} over {protocol}"):
        check(peer, protocol)


def usable(wanted: Sequence[Peer]) -> tuple[list[Peer], dict[str, str]]:
    """Install, build and try each. Returns those that may be measured, each with the protocols that it serves
    here, and the reasons for what may not, by name ("go") or name and protocol ("go over udp").
    """
    good: list[Peer] = []
    reasons: dict[str, str] = {}
    for peer in wanted:
        found = {peer.name: _reason(peer.prepare)}
        served: list[Protocol] = []
        for protocol in peer.protocols if not found[peer.name] else ():
            name = f"{peer.name} over {protocol}"
            found[name] = _reason(partial(_try, peer, protocol))
            if not found[name]:
                served.append(protocol)
        if served:
            good.append(replace(peer, protocols=tuple(served)))
        for name, reason in found.items():
            if reason:
                reasons[name] = reason
                report.say(f"  {name} is left out: {reason}")
    return good, reasons
