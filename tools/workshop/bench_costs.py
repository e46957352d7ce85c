"""What an echo costs: calls of the system by model, instructions of the core, and what a binding adds.

Counts are the same on every machine that has the same calls succeed at once; what a binding adds is a ratio
of rates that were measured one after the other in each round.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from workshop import build, machine, parts, wine
from workshop.paths import BENCH_NATIVE, BENCH_WIN64, SOURCE, windows_path
from workshop.peers import Peer
from workshop.steps import StepError
from workshop.transcript import Transcript

ANSWER = re.compile(r"^\{.*\}$")
ANSWER_LIMIT_S = 120.0
ECHOES_COUNTED = 300
WAITS = ("select", "poll", "wait_any", "wait_alertable", "get_completions", "get_message", "wait_message")
CORE_ECHOES = 10_000
CALLGRIND = re.compile(r"Collected : (\d+)")

Calls = dict[str, Counter[str]]
"""By model: how often each function is called for an echo."""


class Asked:
    """A program that answers each line of its input with a line of JSON."""

    def __init__(
        self, command: Sequence[str | Path], *, pin: str, env: Mapping[str, str] | None = None
    ) -> None:
        self._read, self._write = os.pipe()
        self._said = Transcript()
        self._answers = 0
        self._program = wine.Program(
            command, stdout=self._said.sink(), stderr=self._said.sink(), stdin_fd=self._read, env=env, pin=pin
        )

    def ask(self, line: str, limit_s: float = ANSWER_LIMIT_S) -> dict[str, float]:
        os.write(self._write, f"{line}\n".encode())
        self._answers += 1
        found = self._said.wait_for(ANSWER, limit_s, self._answers)
        if len(found) < self._answers:
            raise StepError("no answer came; the last lines were:\n" + "\n".join(self._said.lines()[-5:]))
        answer: dict[str, float] = json.loads(found[-1][0])
        if "error" in answer:
            raise StepError(f"it met something wrong: {found[-1][0]}")
        return answer

    def close(self) -> None:
        os.close(self._write)
        self._program.end()
        os.close(self._read)


# Calls


def _calls(arguments: Sequence[str]) -> Calls:
    said = Transcript()
    status = wine.run(
        [BENCH_WIN64 / "calls.exe", *arguments],
        limit_s=ANSWER_LIMIT_S,
        stdout=said.sink(),
        stderr=said.sink(),
    )
    lines = [line for line in said.lines() if ANSWER.match(line)]
    if status != 0 or not lines:
        raise StepError("counting calls failed:\n" + "\n".join(said.lines()[-5:]))
    found: Calls = {}
    for line in lines:
        told = json.loads(line)
        counts: Counter[str] = Counter()
        for function, count in told["calls"]:
            counts[function] += count
        found[told["model"]] = counts
    return found


def _call_row(model: str, counts: Counter[str]) -> list[str]:
    waits = {name: count for name, count in counts.items() if name in WAITS}
    apart = {"alloc", "alloc_buffer", "lock"}
    works = {name: count for name, count in counts.items() if name not in waits and name not in apart}

    def told(some: Mapping[str, float]) -> str:
        return ", ".join(f"{name} {count:.2f}" for name, count in sorted(some.items()) if round(count, 2) > 0)

    return [
        model,
        told(works),
        told(waits) or "none",
        f"{counts['alloc'] + counts['alloc_buffer']:.2f}",
        f"{counts['lock']:.2f}",
    ]


CALL_HEADER = ("model", "calls of an echo", "waits", "allocations", "locks")


def calls() -> list[tuple[str, list[list[str]]]]:
    """Tables of the calls, allocations and locks of an echo of 64 bytes: title and rows."""
    wanted = {
        "TCP, 1 connection": ["1", str(ECHOES_COUNTED)],
        "TCP, 16 connections in turn": ["16", str(ECHOES_COUNTED)],
        "UDP, 1 client": ["1", str(ECHOES_COUNTED), "--udp"],
    }
    return [
        (title, [_call_row(model, counts) for model, counts in _calls(arguments).items()])
        for title, arguments in wanted.items()
    ]


# Instructions


def core_instructions() -> float:
    """Instructions of the pure core for an echo of 64 bytes, by callgrind."""
    machine.debian(parts.VALGRIND)
    counted = []
    for echoes in (0, CORE_ECHOES):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        done = subprocess.run(
            [*command, BENCH_NATIVE / "core_echo", str(echoes)],
            capture_output=True,
            text=True,
            timeout=ANSWER_LIMIT_S,
        )
        found = CALLGRIND.search(done.stderr)
        if done.returncode != 0 or not found:
            raise StepError(f"callgrind said:\n{done.stderr[-500:]}")
        counted.append(int(found[1]))
    return (counted[1] - counted[0]) / CORE_ECHOES


# Bindings


@contextmanager
def _clients(port: int, pin: str) -> Iterator[dict[str, Asked]]:
    script = windows_path(SOURCE / "bench" / "ours" / "client.py")
    python: list[str | Path] = [machine.windows_python() / "python.exe", script, str(port)]
    dotnet_client = windows_path(build.dotnet_program_path("EchoClient"))
    commands: dict[str, tuple[Sequence[str | Path], Mapping[str, str]]] = {
        "C": ([BENCH_WIN64 / "client.exe", str(port)], {}),
        "Python": (python, machine.windows_environment()),
        "Python's own socket": ([*python, "socket"], machine.windows_environment()),
        ".NET 3.1": (
            [machine.dotnet_sdk() / "dotnet.exe", dotnet_client, str(port)],
            machine.dotnet_environment(),
        ),
    }
    with ExitStack() as stack:
        clients = {}
        for name, (command, env) in commands.items():
            clients[name] = Asked(command, pin=pin, env=env)
            stack.callback(clients[name].close)
        yield clients


def bindings(server: Peer, pin: str, rounds: int, echoes: int) -> dict[str, list[float]]:
    """Echoes of 64 bytes a second through each client, a value for each round."""
    build.bench_dotnet_client()
    rates: dict[str, list[float]] = {}
    with server.serve("tcp", pin=pin) as running, _clients(running.port, pin) as clients:
        for client in clients.values():
            client.ask(str(echoes // 10))
        for number in range(rounds):
            names = list(clients)
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                rates.setdefault(name, []).append(clients[name].ask(str(echoes))["echoes_per_s"])
    return rates


BINDING_HEADER = ("client", "echoes/s", "smallest – largest", "to C", "to Python's own socket")


def binding_rows(rates: Mapping[str, Sequence[float]]) -> list[list[str]]:
    def ratio(name: str, to: str) -> str:
        return f"{statistics.median(a / b for a, b in zip(rates[name], rates[to], strict=True)):.2f}"

    return [
        [
            name,
            f"{statistics.median(values):,.0f}",
            f"{min(values):,.0f} – {max(values):,.0f}",
            ratio(name, "C"),
            ratio(name, "Python's own socket"),
        ]
        for name, values in rates.items()
    ]
