"""Coverage: which lines and branches of the DLL are run, in Windows' Python and by the sweep of failures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workshop import build, machine, parts, wine
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.nets.sweep import MODELS, SEED
from workshop.nets.windows import Programs
from workshop.paths import SITE, windows_path
from workshop.steps import StepError, log_path, run

LEAST_LINES = 95.0
LEAST_BRANCHES = 90.0
COMPILE_LIMIT_S = 900.0
TESTS_LIMIT_S = 3600.0
SHOWN = 15
GCOV = "x86_64-w64-mingw32-gcov"

# What says something of other programs or of the file ws2echo.dll itself is left out.
LEFT_OUT = (
    "host",
    "test_binary.py",
    "test_dotnet.py",
    "test_examples.py",
    "test_interop.py",
    "test_sdk_samples.py",
)
# The quick size: the tests of one thing in each model, over one family of addresses.
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
    machine.windows_python()
    machine.windows_packages()
    build.site()


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
    for model in MODELS:
        programs.run(["sweep.exe", "--model", model, "--seed", str(SEED), *size], limit_s=TESTS_LIMIT_S)


def _site(dll: Path, folder: Path) -> Path:
    """The package with that DLL in it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SITE, folder)
    shutil.copy2(dll, folder / "ws2echo" / "ws2echo.dll")
    return folder


def _pytest(source: Path, site: Path, arguments: Sequence[str]) -> None:
    env = machine.windows_environment()
    env["PYTHONPATH"] = env["PYTHONPATH"].replace(windows_path(SITE), windows_path(site))
    python = machine.windows_python() / "python.exe"
    left_out = [f"--ignore={source / 'tests' / name}" for name in LEFT_OUT]
    with log_path("coverage-pytest").open("wb", buffering=0) as log:
        status = wine.run(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=240", *left_out, *arguments],
            limit_s=TESTS_LIMIT_S,
            stdout=log.write,
            stderr=log.write,
            env=env,
        )
    if status != 0:
        tail = "\n".join(log_path("coverage-pytest").read_text("utf-8", errors="replace").splitlines()[-15:])
        raise StepError(f"the tests failed with the DLL that counts (exit status {status})\n{tail}")


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
    site = _site(objects / "ws2echo.dll", run.build / "site")
    tests = run.source / "tests"
    _sweep(programs, run.full)
    _pytest(run.source, site, [str(tests)] if run.full else [str(tests / name) for name in QUICK_FILES])
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
