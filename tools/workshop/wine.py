"""Run a program on the Windows machine: a Wine prefix of the project's own.

What is peculiar, and why:
- Windows Python on Wine 8 dies unless its three standard streams are pipes: every program gets three pipes.
- Whoever starts the first program in a prefix also starts Wine's services, which inherit its pipes and keep
  them open while they live. So they are started beforehand, without, and the server is told to stay a while.
- A crash must end the program, not open a debugger.
- Wine starts Windows processes detached from their parent; what a program leaves behind is found by a mark in
  its environment, and ended.
"""

from __future__ import annotations

import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from workshop.paths import CACHE, SOURCE
from workshop.steps import StepError

PREFIX = CACHE / "wine-prefix"
HOME = CACHE / "home"
MARK = "WS2ECHO_RUN"
OVERRIDES = "winedbg.exe=d;winemenubuilder.exe=d"
# A new prefix would ask for Wine's own .NET and browser. Later mscoree must be there: .NET 8 loads by it.
OVERRIDES_OF_NEW_PREFIX = f"{OVERRIDES};mscoree=;mshtml="
SERVER_STAYS_S = 120
DRAIN_S = 2.0
TIMED_OUT = 124
INTERRUPTED = 130

Sink = Callable[[bytes], object]


def loader() -> str:
    """Wine's loader: preferably not Debian's wrapper `wine`, which prints advice about 32-bit programs."""
    for candidate in ("/usr/lib/wine/wine64", "wine64", "wine"):
        found = shutil.which(candidate)
        if found:
            return found
    raise StepError("Wine is not installed")


# As /proc cuts them: 15 characters.
WINES_OWN = frozenset(
    (
        "wineserver",
        "wineserver64",
        "services.exe",
        "winedevice.exe",
        "plugplay.exe",
        "svchost.exe",
        "rpcss.exe",
        "explorer.exe",
    )
)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a Windows program: Wine kept quiet, headless and inside the cache."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "PYTHONPATH", "PYTHONHOME")
    }
    env.update(
        HOME=str(HOME),
        XDG_RUNTIME_DIR=str(HOME),  # Wine 10 complains when there is none
        WINEPREFIX=str(PREFIX),
        WINEARCH="win64",
        WINEDEBUG=os.environ.get("WINEDEBUG", "-all"),
        WINEDLLOVERRIDES=OVERRIDES,
    )
    env.update(extra or {})
    return env


def raise_file_limit() -> None:
    """One wineserver holds the sockets of all: let it have as many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def quietly(command: Sequence[str], limit_s: float, overrides: str = OVERRIDES) -> int:
    """Run a program of Wine's own that needs no pipes, and give it none to keep."""
    try:
        return subprocess.run(
            command,
            env=environment({"WINEDLLOVERRIDES": overrides}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=limit_s,
            process_group=0,
        ).returncode
    except subprocess.TimeoutExpired:
        raise StepError(f"{' '.join(command)} did not end within {limit_s:.0f} s") from None


def start_services() -> None:
    """Have Wine's services running, without any pipe of ours."""
    HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
    quietly(["wineserver", f"-p{SERVER_STAYS_S}"], 30)
    quietly([loader(), "cmd", "/c", "ver"], 180)


def remove_prefix() -> None:
    """Remove what an interrupted set-up left, which may still be running."""
    if PREFIX.exists():
        stop()
        shutil.rmtree(PREFIX)


def create_prefix() -> None:
    """Set up a Windows 10 in the prefix."""
    HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
    quietly(["wineserver", f"-p{SERVER_STAYS_S}"], 30)
    if quietly([loader(), "wineboot", "-i"], 300, OVERRIDES_OF_NEW_PREFIX) != 0:
        raise StepError(f"wineboot could not set up {PREFIX}")
    if run(["winecfg", "-v", "win10"], limit_s=120, services_run=True) != 0:
        raise StepError("winecfg could not make the prefix a Windows 10")


def stop() -> None:
    """End every Windows program and service in the project's own prefix."""
    quietly(["wineserver", "-k"], 30)


def _pump_out(source: IO[bytes], sink: Sink) -> None:
    """Hand output on, to its end or until nobody wants it any more: then the program learns of it.

    The pipe is closed here, for it may last longer than the program: what that started may have it, too.
    """
    with source, suppress(BrokenPipeError):
        while data := os.read(source.fileno(), 65536):
            sink(data)


def _pump_in(target: IO[bytes], source_fd: int, done: threading.Event) -> None:
    """Hand stdin on as it comes, to its end. Polls, so that the thread ends with the program."""
    try:
        while not done.is_set():
            if select.select([source_fd], [], [], 0.2)[0]:
                data = os.read(source_fd, 65536)
                if not data:
                    break
                target.write(data)
                target.flush()
    except OSError:
        pass  # the program closed its stdin, or ours is closed: both are an end of input
    finally:
        with suppress(OSError):
            target.close()


def _write_all(fd: int) -> Sink:
    def sink(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    return sink


def marked(mark: str) -> list[int]:
    """The processes that carry this run's mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _is_wines_own(pid: int) -> bool:
    return (Path("/proc") / str(pid) / "comm").read_text().strip() in WINES_OWN


def sweep(mark: str) -> None:
    """End what a run left behind; but not what serves every program, if this run happened to start it."""
    for pid in marked(mark):
        try:
            if not _is_wines_own(pid):
                os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


def pinned(command: Sequence[str | Path], pin: str | None) -> list[str]:
    """The command, kept to these CPUs ("0", "0,2", "0-1"): so are the threads and programs that it starts."""
    return [*(["taskset", "-c", pin] if pin is not None else []), *map(str, command)]


class Program:
    """A program running on the Windows machine. Its output goes to the sinks as it comes."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        stdout: Sink,
        stderr: Sink,
        stdin_fd: int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pin: str | None = None,
    ) -> None:
        self._mark = uuid.uuid4().hex
        self._done = threading.Event()
        self._process = subprocess.Popen(
            pinned([loader(), *command], pin),
            env=environment({**(env or {}), MARK: self._mark}),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        streams = self._process
        assert streams.stdin is not None
        assert streams.stdout is not None
        assert streams.stderr is not None
        self._readers = [
            threading.Thread(target=_pump_out, args=(streams.stdout, stdout), daemon=True),
            threading.Thread(target=_pump_out, args=(streams.stderr, stderr), daemon=True),
        ]
        if stdin_fd is None:
            streams.stdin.close()
            pumps = self._readers
        else:
            pump = threading.Thread(target=_pump_in, args=(streams.stdin, stdin_fd, self._done), daemon=True)
            pumps = [*self._readers, pump]
        for thread in pumps:
            thread.start()

    def wait(self, limit_s: float | None) -> int:
        """Wait for its end; TIMED_OUT if it had to be ended. Ctrl-C ends it too."""
        try:
            status = self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            status = TIMED_OUT
        except KeyboardInterrupt:
            self.interrupt()
            self._finish()
            raise
        self._finish()
        return status if status >= 0 else 128 - status

    def interrupt(self, patience_s: float = 5.0) -> None:
        """Ctrl-C: the program may tidy up."""
        try:
            os.killpg(self._process.pid, signal.SIGINT)
            self._process.wait(patience_s)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass

    def status(self) -> int | None:
        """As a shell would tell it; None while it runs."""
        status = self._process.poll()
        return status if status is None or status >= 0 else 128 - status

    def running(self) -> bool:
        return self.status() is None

    @property
    def pid(self) -> int:
        """Its process here: the loader becomes the program, and the program that pins becomes the loader."""
        return self._process.pid

    def end(self) -> None:
        """End it at once."""
        self._finish()

    def _finish(self) -> None:
        """End what is left of it; then let the pumps hand on the rest."""
        self._done.set()
        deadline = time.monotonic() + DRAIN_S
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            sweep(self._mark)
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        if any(reader.is_alive() for reader in self._readers):
            sweep(self._mark)  # something it started lives on and keeps its pipes
            for reader in self._readers:
                reader.join(DRAIN_S)


def run(
    command: Sequence[str | Path],
    *,
    limit_s: float | None,
    stdout: Sink | None = None,
    stderr: Sink | None = None,
    stdin_fd: int | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    services_run: bool = False,
) -> int:
    """Run a program on the Windows machine to its end; without a sink, output is dropped."""

    def drop(_: bytes) -> None:
        pass

    raise_file_limit()
    if not services_run:
        start_services()
    program = Program(
        command, stdout=stdout or drop, stderr=stderr or drop, stdin_fd=stdin_fd, env=env, cwd=cwd or SOURCE
    )
    return program.wait(limit_s)


def run_through(
    command: Sequence[str | Path], *, limit_s: float | None, env: Mapping[str, str] | None = None
) -> int:
    """Run a program on the Windows machine as if it ran here: our folder, stdin, stdout and stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    return run(
        command,
        limit_s=limit_s,
        stdout=_write_all(1),
        stderr=_write_all(2),
        stdin_fd=0,
        env=env,
        cwd=Path.cwd(),
    )
