"""leaks: handles, threads and heap blocks are counted while servers open and close, and peers come and go."""

from __future__ import annotations

import re

from workshop import machine, parts
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.nets.windows import Programs

# Of each model.
QUICK_CYCLES, FULL_CYCLES = 60, 10_000
QUICK_CONNECTIONS, FULL_CONNECTIONS = 300, 12_500
QUICK_LIMIT_S, FULL_LIMIT_S = 600, 6 * 3600
TOLD = re.compile(r"^MODEL (\w+): (\d+) cycles, (\d+) connections; (.*)$", re.MULTILINE)


def work(run: Run) -> list[Figure]:
    programs = Programs(run, "leaks")
    programs.build("leaks")
    cycles = FULL_CYCLES if run.full else QUICK_CYCLES
    connections = FULL_CONNECTIONS if run.full else QUICK_CONNECTIONS
    command = ["leaks.exe", "--cycles", str(cycles), "--connections", str(connections)]
    for model in run.only[:1]:
        command += ["--model", model]
    said = programs.run(command, limit_s=FULL_LIMIT_S if run.full else QUICK_LIMIT_S)
    lines = said.splitlines()
    found = [line for line in lines if line.startswith("FOUND")]
    if found or "RIGHT" not in lines:
        raise FoundError("\n".join(found) or f"leaks did not end:\n{said[-2000:]}")
    told = TOLD.findall(said)
    return [
        Figure("opened and closed", f"{sum(int(one[1]) for one in told):,} times by {len(told)} models"),
        Figure("connections and datagrams", f"{sum(int(one[2]) for one in told):,}"),
        Figure("handles, threads, heap blocks", "as before, and not growing"),
    ]


def prepare() -> None:
    machine.tools()
    machine.debian(parts.CROSS_COMPILER)
    machine.prefix()


NET = Net("leaks", "Nothing is left, counted from outside", "windows", prepare, work)
