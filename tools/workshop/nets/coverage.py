"""Coverage: which lines and branches of the DLL are run: by the sweep, by misuse, and in Windows' Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop import machine, parts
from workshop.models import models
from workshop.nets import in_python
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.nets.sweep import AT_ONCE, SEED
from workshop.nets.windows import Programs
from workshop.steps import run

# The core has a net of its own, core-coverage, which wants all of it.
CORE = "dll/core/"
FOR_TESTS = ("dll/win/failing.c", "dll/win/failing.h")
LEAST_LINES = 95.0
LEAST_BRANCHES = 90.0
COMPILE_LIMIT_S = 900.0
TESTS_LIMIT_S = 3600.0
SHOWN = 15
GCOV = "x86_64-w64-mingw32-gcov"

QUICK_FILES = ("test_client_ping.py", "test_python_load.py", "test_python_faults.py")
QUICK_SWEEP = ("--picks", "1", "--share", "20")
MISUSE = ("misuse.exe", "1", "300000", "60")


def prepare() -> None:
    machine.debian(parts.CROSS_COMPILER)
    in_python.prepare()


def _compile(run: Run) -> Programs:
    """The DLL that counts, the sweep with the same sources, and misuse, which calls that DLL."""
    programs = Programs(run, "coverage", "-DCMAKE_BUILD_TYPE=Debug", "-DWS2ECHO_COVERAGE=ON")
    programs.build("sweep", "misuse")
    for counted in programs.folder.rglob("*.gcda"):
        counted.unlink()
    return programs


def _sweep_and_misuse(programs: Programs, full: bool) -> None:
    """What they find is the nets' of these names."""
    size = () if full else QUICK_SWEEP

    def sweep(model: str) -> None:
        programs.run(["sweep.exe", "--model", model, "--seed", str(SEED), *size], limit_s=TESTS_LIMIT_S)

    with ThreadPoolExecutor(AT_ONCE) as several:
        list(several.map(sweep, models()))
    programs.run(MISUSE, limit_s=TESTS_LIMIT_S)


def _summary(source: Path, folder: Path) -> dict[str, Any]:
    target = folder / "coverage.json"
    command: list[str | Path] = [
        *("gcovr", "--gcov-executable", GCOV, "--root", source, "--filter", source / "dll"),
        *("--exclude-throw-branches", "--json-summary", target, "--html-details", folder / "coverage.html"),
        folder,
    ]
    run(command, "coverage-gcovr", limit_s=COMPILE_LIMIT_S, env=machine.tools_environment())
    summary: dict[str, Any] = json.loads(target.read_text("utf-8"))
    return summary


@dataclass(frozen=True)
class Covered:
    """Lines and branches that were run, of those that there are."""

    lines: int
    of_lines: int
    branches: int
    of_branches: int

    @property
    def line_percent(self) -> float:
        return 100 * self.lines / self.of_lines

    @property
    def branch_percent(self) -> float:
        return 100 * self.branches / self.of_branches

    def __str__(self) -> str:
        return (
            f"{self.line_percent:.1f} % of {self.of_lines:,} lines,"
            f" {self.branch_percent:.1f} % of {self.of_branches:,} branches"
        )


def _add_up(files: Sequence[dict[str, Any]]) -> Covered:
    keys = ("line_covered", "line_total", "branch_covered", "branch_total")
    return Covered(*(sum(file[key] for file in files) for key in keys))


def _worst(files: Sequence[dict[str, Any]]) -> str:
    by_missing = sorted(files, key=lambda file: file["branch_total"] - file["branch_covered"], reverse=True)
    return "\n".join(
        f"    {file['filename']}: lines {file['line_percent']} %, branches {file['branch_percent']} %,"
        f" {file['branch_total'] - file['branch_covered']} not taken"
        for file in by_missing[:SHOWN]
    )


def work(run: Run) -> list[Figure]:
    programs = _compile(run)
    objects = programs.folder
    _sweep_and_misuse(programs, run.full)
    in_python.run_tests(run, "coverage", objects / "ws2echo.dll", QUICK_FILES)
    files: list[dict[str, Any]] = [
        file for file in _summary(run.source, objects)["files"] if file["filename"] not in FOR_TESTS
    ]
    outside = [file for file in files if not file["filename"].startswith(CORE)]
    covered, whole = _add_up(outside), _add_up(files)
    if covered.line_percent < LEAST_LINES or covered.branch_percent < LEAST_BRANCHES:
        raise FoundError(
            f"Of the DLL but for its core {covered} are run; {LEAST_LINES} and {LEAST_BRANCHES} % are wanted."
            f" Most is missing in\n"
            f"{_worst(outside)}\n    {objects / 'coverage.html'}"
        )
    return [
        Figure("run of the DLL, but for its core", str(covered)),
        Figure("… with the core, which has tests of its own", str(whole)),
    ]


NET = Net("coverage", "Covering the DLL (gcov)", "windows", prepare, work)
