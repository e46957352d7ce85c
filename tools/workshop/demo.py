"""Demo: a server in the DLL, and a C, a Python and a .NET client that hold real loopback sessions with it."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from workshop import build, machine, wine
from workshop.paths import SOURCE, WIN64
from workshop.steps import StepError, report
from workshop.transcript import Transcript

READY_LIMIT_S = 60.0
CLIENT_LIMIT_S = 120.0
CLOSED_LIMIT_S = 10.0
LISTENING = re.compile(r"listening on \S*:(\d+)", re.IGNORECASE)

TEXT = "this is a test"
SESSIONS = 3
WELL_CLOSED = re.compile(rf"closed: fin, {len(TEXT)} bytes received, {len(TEXT)} bytes sent")

NEXT = """What to try next:
  ./dev python -m ws2echo serve          a server of your own (port 27015); Ctrl-C ends it, with its totals
  ./dev python -m ws2echo send "hello"   from a second terminal
  ./dev run client.exe localhost         the same in C: examples/c/client.c
  ./dev test                             see it proven
Packages for Windows are in dist/; examples/ and README.md show how to use them from C, Python and .NET."""


def _show(lines: Sequence[str]) -> None:
    for line in lines:
        report.say(f"      {line}".rstrip())


def _session(title: str, command: Sequence[str | Path]) -> None:
    """Run a client to its end and show what it said; it must have had its whole text back."""
    report.say(f"\n  {title}")
    said = Transcript()
    started = time.monotonic()
    status = wine.run(
        command,
        limit_s=CLIENT_LIMIT_S,
        stdout=said.sink(),
        stderr=said.sink(),
        env=machine.windows_environment(),
        services_run=True,
    )
    _show(said.lines())
    if status != 0 or not re.search(
        rf"bytes received: +{len(TEXT)}\b", "\n".join(said.lines()), re.IGNORECASE
    ):
        raise StepError(f"this client did not get its {len(TEXT)} bytes back (exit status {status})")
    report.say(f"      [{time.monotonic() - started:.1f} s]")


def _sessions(port: str) -> None:
    python = machine.windows_python() / "python.exe"
    dotnet = machine.dotnet_8() / "dotnet.exe"
    _session(
        f"A C program, over IPv4:  client.exe 127.0.0.1 {port}",
        [WIN64 / "examples" / "client.exe", "127.0.0.1", port],
    )
    _session(
        f"Python, over IPv6:  python -m ws2echo send --host ::1 --port {port}",
        [python, "-m", "ws2echo", "send", "--host", "::1", "--port", port, TEXT],
    )
    _session(
        f"A .NET 8 program, by name:  dotnet EchoSession.dll localhost {port}",
        [dotnet, build.dotnet_program_path("EchoSession"), "localhost", port],
    )


def _story() -> None:
    wine.raise_file_limit()
    wine.start_services()
    said = Transcript()
    serve: list[str | Path] = [
        machine.windows_python() / "python.exe",
        "-m",
        "ws2echo",
        "serve",
        "--port",
        "0",
    ]
    report.say("\n  The server, in ws2echo.dll:  python -m ws2echo serve --port 0")
    server = wine.Program(
        serve,
        stdout=said.sink(),
        stderr=said.sink(),
        env=machine.windows_environment(),
        cwd=SOURCE,
        stdin_fd=None,
    )
    try:
        listening = said.wait_for(LISTENING, READY_LIMIT_S)
        shown = len(said.lines())
        _show(said.lines())
        if not listening:
            raise StepError(f"the server did not say where it listens within {READY_LIMIT_S:.0f} s")
        _sessions(listening[0].group(1))
        closed = said.wait_for(WELL_CLOSED, CLOSED_LIMIT_S, SESSIONS)
    finally:
        server.interrupt()
        status = server.wait(READY_LIMIT_S)
    report.say("\n  What the server saw, from its journal; then Ctrl-C, and its totals:")
    _show(said.lines()[shown:])
    if len(closed) != SESSIONS:
        raise StepError(f"the server tells of {len(closed)} good sessions, not {SESSIONS}")
    if status != 0:
        raise StepError(f"the server ended with exit status {status}")


def command(arguments: list[str]) -> int:
    if arguments:
        raise StepError("demo takes no arguments")
    started = time.monotonic()
    report.say(
        "ws2echo: a DLL that echoes, for C, Python and .NET. This builds it for Windows, and runs it on"
    )
    report.say("Windows, which here is Wine. Every byte below goes through real loopback sockets.\n")
    build.everything()
    report.say("\nThe sessions")
    _story()
    seconds = time.monotonic() - started
    report.say(f"\nThree languages, one DLL, every byte came back; {seconds:.0f} s in all.\n\n{NEXT}")
    return 0
