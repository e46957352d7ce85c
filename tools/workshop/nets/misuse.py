"""misuse: a million wrong calls of every exported function by four threads, beside others that do right."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from workshop import machine, parts
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.nets.windows import Programs
from workshop.steps import StepError

SEED = 1
CALLS = 1_000_000
QUICK_SECONDS = 60
FULL_CALLS = 10_000_000
FULL_SECONDS = 3600
# Beside the calls: the warm-up, and waiting for what the system is slow to clear up.
MORE_SECONDS = 150

TOLD = ("HELD", "WRONG", "CRASH", "HANG", "VERDICT")
ROW = re.compile(r"^(ws2echo_\w+)((?: +\d+:\d+)*)$", re.MULTILINE)


def _exported(source: Path) -> set[str]:
    header = (source / "include" / "ws2echo.h").read_text("utf-8")
    return set(re.findall(r"^WS2ECHO_API [\w *]*?(ws2echo_\w+)\(", header, re.MULTILINE))


def _results(said: str) -> dict[str, Counter[int]]:
    """How often each function gave what."""
    rows: dict[str, Counter[int]] = {}
    for name, pairs in ROW.findall(said):
        codes = (pair.split(":") for pair in pairs.split())
        rows[name] = Counter({int(code): int(count) for code, count in codes})
    return rows


def _check_that_all_were_called(source: Path, results: dict[str, Counter[int]]) -> None:
    called = {name for name, codes in results.items() if codes.total() > 0}
    if forgotten := _exported(source) - called:
        raise StepError(f"tests/misuse calls no {', '.join(sorted(forgotten))}")


def _held(said: str) -> str:
    found = re.search(r"^HELD: (.*)$", said, re.MULTILINE)
    return found[1] if found else "unknown"


def _figures(results: dict[str, Counter[int]], said: str, seed: int) -> list[Figure]:
    codes: Counter[int] = Counter()
    for result in results.values():
        codes.update(result)
    beside = re.search(r"(\d+) of owners", said)
    wrong = ", ".join(f"{code}: {count:,}" for code, count in sorted(codes.items()) if code)
    return [
        Figure("calls by four threads", f"{codes.total():,} of {len(results)} functions (seed {seed})"),
        Figure("that succeeded", f"{codes[0]:,}"),
        Figure("errors, by code", wrong),
        Figure("calls of owners beside them, all well", f"{int(beside[1]):,}" if beside else "unknown"),
        Figure("held before and after", _held(said)),
    ]


def work(run: Run) -> list[Figure]:
    programs = Programs(run, "misuse")
    programs.build("misuse")
    calls, seconds = (FULL_CALLS, FULL_SECONDS) if run.full else (CALLS, QUICK_SECONDS)
    command = ["misuse.exe", str(SEED), str(calls), str(seconds)]
    said = programs.run(command, limit_s=seconds + MORE_SECONDS)
    if "VERDICT ok" not in said:
        told = [line for line in said.splitlines() if line.startswith(TOLD)]
        raise FoundError("\n".join(told) or f"{' '.join(command)} came to no verdict:\n{said[-2000:]}")
    results = _results(said)
    _check_that_all_were_called(run.source, results)
    return _figures(results, said, SEED)


def prepare() -> None:
    machine.tools()
    machine.debian(parts.CROSS_COMPILER)
    machine.prefix()


NET = Net("misuse", "A million calls that are wrong", "windows", prepare, work)
