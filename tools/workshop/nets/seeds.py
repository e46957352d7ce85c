"""Seeds: server against load client in memory, any slicing, order, abort and fault (tests/core/peers.h)."""

from __future__ import annotations

from pathlib import Path

from workshop import machine, parts
from workshop.nets import core_build
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.steps import StepError
from workshop.steps import run as run_program

SEEDS = 100_000
SEEDS_FULL = 5_000_000
RUN_LIMIT_S = 1200.0
RUN_LIMIT_FULL_S = 24 * 3600.0


def _prepare() -> None:
    machine.debian(parts.HOST_COMPILER)


def build(run: Run, log: str) -> Path:
    compiler = core_build.Compiler(run, "gcc", ("-g", "-O1", *core_build.SANITIZERS), "objects", log)
    sources = [*core_build.core_sources(run.source), *core_build.peers_sources(run.source)]
    test = run.source / "tests" / "core" / "test_peers.c"
    return compiler.program("peers", compiler.objects([*sources, test]))


def _failed(program: Path, log: str) -> FoundError:
    seeds = [line.split()[1] for line in core_build.said(log, "seed ")]
    again = f"see it again: {program} {seeds[-1]}" if seeds else f"see it again: {program} 1 {SEEDS}"
    seed = f"seed {seeds[-1]}" if seeds else "an unknown seed"
    return core_build.found(f"server against client, {seed}: not as it has to be; {again}", log)


def _figures(log: str) -> list[Figure]:
    words = core_build.said(log, "seeds ")[-1].split()
    told = dict(zip(words[::2], words[1::2], strict=True))
    number = {name: f"{int(value):,}" for name, value in told.items() if name != "trace"}
    return [
        Figure("seeds (server against client, ASan, UBSan)", number["seeds"]),
        Figure("… steps of them", number["steps"]),
        Figure("… messages and datagrams", number["messages"]),
        Figure("… where all had to come back, and did", number["complete"]),
        Figure("… stopped on the way", number["aborted"]),
        Figure("… played twice, with the same trace", number["twice"]),
        Figure("… trace of all", told["trace"]),
    ]


def _work(run: Run) -> list[Figure]:
    log = core_build.log_of("seeds", run)
    core_build.begin_log(log)
    program = build(run, log)
    count = SEEDS_FULL if run.full else SEEDS
    limit_s = RUN_LIMIT_FULL_S if run.full else RUN_LIMIT_S
    try:
        run_program([program, "1", str(count)], log, limit_s=limit_s)
    except StepError as failure:
        raise _failed(program, log) from failure
    return _figures(log)


NET = Net("seeds", "Playing server against client", "host", _prepare, _work)
