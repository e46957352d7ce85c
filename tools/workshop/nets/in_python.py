"""The tests of Windows' Python, with another DLL in the package than the one that is released."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from workshop import build, machine, wine
from workshop.nets.net import FoundError, Run
from workshop.paths import SITE, windows_path
from workshop.steps import log_path

TESTS_LIMIT_S = 3600.0
TOLD_LINES = 40
CRASHED = "Windows fatal exception"

# What says something of other programs or of the file ws2echo.dll itself is left out.
LEFT_OUT = (
    "host",
    "test_binary.py",
    "test_dotnet.py",
    "test_examples.py",
    "test_interop.py",
    "test_sdk_samples.py",
)


def prepare() -> None:
    machine.windows_python()
    machine.windows_packages()
    build.site()


def _site(dll: Path, folder: Path) -> Path:
    """The package with that DLL in it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SITE, folder)
    shutil.copy2(dll, folder / "ws2echo" / "ws2echo.dll")
    return folder


def run_tests(run: Run, net: str, dll: Path, quick: Sequence[str]) -> str:
    """Run them: pytest's last line; FoundError if one fails or the process does not come to its end.

    quick: the files, unless all are run.
    """
    site = _site(dll, run.build / "site")
    tests = run.source / "tests"
    chosen = run.only or quick
    arguments: list[str | Path] = [tests] if run.full else [tests / name for name in chosen]
    env = machine.windows_environment()
    env["PYTHONPATH"] = env["PYTHONPATH"].replace(windows_path(SITE), windows_path(site))
    start: list[str | Path] = [
        machine.windows_python() / "python.exe",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    left_out = [f"--ignore={tests / name}" for name in LEFT_OUT]
    path = log_path(f"{net}-pytest")
    with path.open("wb", buffering=0) as log:
        status = wine.run(
            [*start, "--timeout=240", *left_out, *arguments],
            limit_s=TESTS_LIMIT_S,
            stdout=log.write,
            stderr=log.write,
            env=env,
        )
    said = path.read_text("utf-8", errors="replace").splitlines()
    if status != 0:
        tail = "\n".join(said[-TOLD_LINES:])
        ended = next((line for line in said if line.startswith(CRASHED)), f"exit status {status}")
        raise FoundError(f"the tests failed with this DLL ({ended}), {path}\n{tail}")
    return said[-1] if said else ""
