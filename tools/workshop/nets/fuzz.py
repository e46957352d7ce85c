"""Fuzzing: libFuzzer with ASan and UBSan drives the core.

Each target checks what has to be true, not only that nothing crashes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from workshop import machine, parts
from workshop.nets import core_build
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.steps import StepError
from workshop.steps import run as run_program

QUICK_S = {
    "stream": 32,
    "datagrams": 32,
    "rules": 16,
    "options": 12,
    "histogram": 8,
    "pattern": 10,
    "tables": 10,
}
"""Seconds of each target: 120 in all."""
FULL_TIMES = 30
"""… and so many times as long in full size: an hour."""
INPUT_BYTES_MAX = 700
ONE_INPUT_LIMIT_S = 25
START_LIMIT_S = 300.0
FLAGS = ("-g", "-O1", *core_build.SANITIZERS, *core_build.WARNINGS)


def _prepare() -> None:
    machine.debian(parts.CLANG)


def _build(run: Run, names: Iterable[str], log: str) -> dict[str, Path]:
    compiler = core_build.Compiler(run, "clang-14", FLAGS, "objects", log)
    sources = [*core_build.core_sources(run.source), *core_build.peers_sources(run.source)]
    objects = compiler.objects(sources, "-fsanitize=fuzzer-no-link")
    targets = run.source / "tests" / "fuzz"
    return {
        name: compiler.program(name, [targets / f"fuzz_{name}.c", *objects], "-fsanitize=fuzzer")
        for name in names
    }


def _corpus(run: Run, name: str) -> Path:
    """The kept corpus of a target, unpacked; what the target finds beside is added in the build folder."""
    folder = run.build / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    kept = run.source / "tests" / "fuzz" / "corpus" / f"{name}.txt"
    for number, line in enumerate(kept.read_text("ascii").split()):
        (folder / f"kept-{number:04}").write_bytes(bytes.fromhex(line))
    return folder


def _found(name: str, program: Path, folder: Path, log: str) -> FoundError:
    inputs = sorted(folder.glob("*"))
    shown = f"see it again: {program} {inputs[-1]}" if inputs else "it left no input"
    return core_build.found(f"fuzzing {name} found an input that breaks it; {shown}", log)


def _fuzz(run: Run, name: str, program: Path) -> int:
    """Runs that were made."""
    log = f"{core_build.log_of('fuzz', run)}-{name}"
    found = run.build / "found" / name
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir(parents=True)
    seconds = QUICK_S[name] * (FULL_TIMES if run.full else 1)
    command: list[str | Path] = [
        program,
        f"-max_total_time={seconds}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-timeout={ONE_INPUT_LIMIT_S}",
        "-print_final_stats=1",
        f"-artifact_prefix={found}/",
        _corpus(run, name),
    ]
    try:
        run_program(command, log, limit_s=seconds + START_LIMIT_S, cwd=run.build)
    except StepError as failure:
        raise _found(name, program, found, log) from failure
    return int(core_build.said(log, "stat::number_of_executed_units:")[-1].split()[-1])


def _keep(run: Run, name: str, program: Path) -> None:
    """After a full run: the smallest corpus that reaches as much, to be kept in tests/fuzz/corpus."""
    smallest = run.build / "smallest" / name
    shutil.rmtree(smallest, ignore_errors=True)
    smallest.mkdir(parents=True)
    command: list[str | Path] = [
        program,
        "-merge=1",
        f"-max_len={INPUT_BYTES_MAX}",
        smallest,
        _corpus(run, name),
    ]
    run_program(command, f"net-fuzz-{name}-merge", limit_s=3600.0, cwd=run.build)
    lines = sorted(
        (path.read_bytes().hex() for path in smallest.glob("*")), key=lambda line: (len(line), line)
    )
    (run.build / "smallest" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))


def _work(run: Run) -> list[Figure]:
    log = core_build.log_of("fuzz", run)
    core_build.begin_log(log)
    names = run.only or tuple(QUICK_S)
    programs = _build(run, names, log)
    figures = []
    for name, program in programs.items():
        figures.append(Figure(f"fuzz {name}: runs", f"{_fuzz(run, name, program):,}"))
        if run.full:
            _keep(run, name, program)
    runs = sum(int(figure.value.replace(",", "")) for figure in figures)
    return [Figure("fuzz: runs in all (ASan, UBSan)", f"{runs:,}"), *figures]


NET = Net("fuzz", "Fuzzing the core", "host", _prepare, _work)
