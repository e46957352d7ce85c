"""soak: all eight models echo at once with every byte checked; servers are stopped at random moments."""

from __future__ import annotations

import re

from workshop import machine, parts
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.nets.windows import Programs

SEED = 1
QUICK_FLOW_S, FULL_FLOW_S = 40, 1800
FLOW_BYTES = 10_000_000_000
QUICK_STOPS, FULL_STOPS = 24, 1000
MORE_S = 240
STOP_LIMIT_S = 30
TOLD = ("WRONG", "HANG", "VERDICT", "problem")


def _run(programs: Programs, arguments: list[str], limit_s: float) -> str:
    said = programs.run(["soak.exe", *arguments], limit_s=limit_s)
    if "VERDICT ok" not in said:
        told = [line for line in said.splitlines() if line.startswith(TOLD)]
        raise FoundError("\n".join(told) or f"soak {' '.join(arguments)} came to no verdict:\n{said[-2000:]}")
    return said


def _flow(programs: Programs, full: bool) -> list[Figure]:
    seconds = FULL_FLOW_S if full else QUICK_FLOW_S
    said = _run(programs, ["flow", str(SEED), str(seconds), str(FLOW_BYTES)], seconds + MORE_S)
    flows = re.findall(
        r"^FLOW (\w+) +(tcp|udp): (\d+) messages, .* (\d+) of \d+ connections", said, re.MULTILINE
    )
    total = re.search(r"^TOTAL (\d+) bytes back, (\d+) wrong", said, re.MULTILINE)
    if total is None:
        raise FoundError(f"soak told no sum:\n{said[-2000:]}")
    messages, connections = (sum(int(flow[column]) for flow in flows) for column in (2, 3))
    models = len({model for model, *_ in flows})
    return [
        Figure("bytes echoed and checked", f"{int(total[1]):,} by {models} models at once, TCP and UDP"),
        Figure("wrong ones", total[2]),
        Figure("messages, connections", f"{messages:,}, {connections:,}"),
    ]


def _stops(programs: Programs, full: bool) -> list[Figure]:
    count = FULL_STOPS if full else QUICK_STOPS
    said = _run(programs, ["stops", str(SEED), str(count)], MORE_S + count * STOP_LIMIT_S)
    told = re.search(r"^STOPS (\d+) of servers with up to (\d+) busy connections: (.*)$", said, re.MULTILINE)
    if told is None:
        raise FoundError(f"soak told nothing of its stops:\n{said[-2000:]}")
    return [Figure(f"stops under up to {told[2]} connections", f"{told[1]}: {told[3]}")]


PARTS = {"flow": _flow, "stops": _stops}


def work(run: Run) -> list[Figure]:
    programs = Programs(run, "soak")
    programs.build("soak")
    return [
        figure
        for name, part in PARTS.items()
        if name in run.only or not run.only
        for figure in part(programs, run.full)
    ]


def prepare() -> None:
    machine.tools()
    machine.debian(parts.CROSS_COMPILER)
    machine.prefix()


NET = Net("soak", "All models for long, and stops at any moment", "windows", prepare, work)
