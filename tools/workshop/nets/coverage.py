"""Coverage: which lines and branches of the DLL are run, in Windows' Python and by the sweep of failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workshop import machine, parts
from workshop.models import models
from workshop.nets import in_python
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.nets.sweep import SEED
from workshop.nets.windows import Programs
from workshop.steps import run

LEAST_LINES = 95.0
LEAST_BRANCHES = 90.0
COMPILE_LIMIT_S = 900.0
TESTS_LIMIT_S = 3600.0
SHOWN = 15
GCOV = "x86_64-w64-mingw32-gcov"

QUICK_FILES = (
    "test_errors.py",
    "test_options.py",
    "test_events.py",
    "test_python_api.py",
    "test_python_faults.py",
    "test_python_udp.py",
    "test_python_load.py",
)
QUICK_SWEEP = ("--picks", "1", "--share", "10")


def prepare() -> None:
    machine.debian(parts.CROSS_COMPILER)
    in_python.prepare()


def _compile(run: Run) -> Programs:
    """The DLL that counts, and the sweep with the same sources."""
    programs = Programs(run, "coverage", "-DCMAKE_BUILD_TYPE=Debug", "-DWS2ECHO_COVERAGE=ON")
    programs.build("sweep")
    for counted in programs.folder.rglob("*.gcda"):
        counted.unlink()
    return programs


def _sweep(programs: Programs, full: bool) -> None:
    """What it finds is the net's of that name."""
    size = () if full else QUICK_SWEEP
    for model in models():
        programs.run(["sweep.exe", "--model", model, "--seed", str(SEED), *size], limit_s=TESTS_LIMIT_S)


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


def _worst(summary: dict[str, Any]) -> str:
    files = sorted(
        summary["files"], key=lambda file: file["branch_total"] - file["branch_covered"], reverse=True
    )
    return "\n".join(
        f"    {file['filename']}: lines {file['line_percent']} %, branches {file['branch_percent']} %,"
        f" {file['branch_total'] - file['branch_covered']} not taken"
        for file in files[:SHOWN]
    )


def work(run: Run) -> list[Figure]:
    programs = _compile(run)
    objects = programs.folder
    _sweep(programs, run.full)
    in_python.run_tests(run, "coverage", objects / "ws2echo.dll", QUICK_FILES)
    summary = _summary(run.source, objects)
    lines, branches = float(summary["line_percent"]), float(summary["branch_percent"])
    if lines < LEAST_LINES or branches < LEAST_BRANCHES:
        raise FoundError(
            f"{lines} % of the lines and {branches} % of the branches of the DLL are run, of which"
            f" {LEAST_LINES} and {LEAST_BRANCHES} are wanted. Most is missing in\n{_worst(summary)}\n"
            f"    {objects / 'coverage.html'}"
        )
    return [
        Figure("lines of the DLL", f"{lines:.1f} % of {summary['line_total']:,}"),
        Figure("branches of the DLL", f"{branches:.1f} % of {summary['branch_total']:,}"),
    ]


# Beside the suite, of which its quick size is a good part again, there is no time for it.
NET = Net("coverage", "Covering the DLL (gcov, in Windows' Python)", "windows", prepare, work, quick=False)
