"""Test: format, lint, types; the core under sanitizers; the build; pytest here and in Windows CPython."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from workshop import build, machine, reference, stamps, wine
from workshop.nets import NETS
from workshop.nets.net import Figure, Net, Run
from workshop.nets.plants import must_find_all
from workshop.paths import BUILD, CACHE, DIST, HOST, LOGS, SOURCE, windows_path
from workshop.steps import StepError, log_path, report, run, step

STATIC_LIMIT_S = 300.0
CORE_LIMIT_S = 600.0
PYTEST_LIMIT_S = 2400.0
ONE_TEST_LIMIT_S = 120
NOTHING_COLLECTED = 5

C_SOURCES = tuple(
    f"{folder}/**/*.{ending}"
    for folder in ("include", "dll", "bindings", "examples", "tests", "bench")
    for ending in ("c", "h")
)
WINDOWS_PYTHON_SOURCES = (
    "bindings/python/ws2echo",
    "examples/python",
    "tests",
    "bench/ours",
    "bench/peers/python",
)
HOST_TESTS = "tests/host"


@dataclass(frozen=True)
class Outcome:
    name: str
    passed: bool
    seconds: float
    figures: tuple[Figure, ...] = ()


# Static


def _format_of_c() -> None:
    sources = stamps.files(C_SOURCES)
    command: list[str | Path] = ["clang-format", "--dry-run", "-Werror", *sources]
    run(command, "clang-format", limit_s=STATIC_LIMIT_S, env=machine.tools_environment())


def _lint_of_python() -> None:
    env = machine.tools_environment(RUFF_CACHE_DIR=str(BUILD / "ruff-cache"))
    run(["ruff", "check", "."], "ruff", limit_s=STATIC_LIMIT_S, env=env)
    run(["ruff", "format", "--check", "."], "ruff", limit_s=STATIC_LIMIT_S, env=env, append=True)


def _types_of_python() -> None:
    """The workshop runs here, the rest on Windows: the type checker must know which."""
    common = ["mypy", "--strict", "--cache-dir", str(BUILD / "mypy-cache")]
    env = machine.tools_environment()
    here = ["--platform", "linux", "tools/workshop", HOST_TESTS]
    run([*common, *here], "mypy", limit_s=STATIC_LIMIT_S, env=env)
    there = ["--platform", "win32", "--exclude", f"^{HOST_TESTS}/", *WINDOWS_PYTHON_SOURCES]
    run([*common, *there], "mypy", limit_s=STATIC_LIMIT_S, env=env, append=True)


# The core


def _core() -> None:
    build.host_core()
    command = [
        "ctest",
        "--test-dir",
        str(HOST),
        "--output-on-failure",
        "--no-tests=error",
        "--timeout",
        "120",
    ]
    run(command, "ctest", limit_s=CORE_LIMIT_S, env=machine.tools_environment())


# pytest


def _verdict(results: Path) -> str:
    """Why the run is no success, from what pytest wrote: Wine cuts exit codes to 8 bits."""
    if not results.exists():
        return "pytest did not come to its end"
    suites = list(ElementTree.parse(results).getroot().iter("testsuite"))
    bad = sum(int(suite.get(kind, "0")) for suite in suites for kind in ("failures", "errors"))
    return f"{bad} tests failed" if bad else ""


def _results(where: str) -> Path:
    """Where pytest is to write what happened: a file of this run's own, as there may be others."""
    for old in LOGS.glob(f"pytest-{where}-*.xml"):
        if not Path(f"/proc/{old.stem.rpartition('-')[2]}").exists():
            old.unlink(missing_ok=True)
    results = LOGS / f"pytest-{where}-{os.getpid()}.xml"
    results.unlink(missing_ok=True)
    return results


def _common_pytest_arguments(results: str, cache: str) -> list[str]:
    limit = [f"--timeout={ONE_TEST_LIMIT_S}", "--timeout-method=thread"]
    return ["-m", "pytest", "-q", "-ra", f"--junitxml={results}", "-o", f"cache_dir={cache}", *limit]


def _judge(status: int, results: Path, limit_s: float) -> bool:
    """True if tests ran and passed, False if none was selected; StepError otherwise."""
    if status == wine.TIMED_OUT:
        raise StepError(f"the tests did not end within {limit_s:.0f} s")
    problem = _verdict(results)
    # An access violation, 0xC0000005, has this status, too; but then pytest wrote nothing.
    if status == NOTHING_COLLECTED and not problem:
        return False
    if problem or status != 0:
        raise StepError(f"{problem or 'pytest failed'} (exit status {status})")
    return True


class _Told:
    """Output of a program, in a log, and here: a line at a time if there are others beside it."""

    def __init__(self, log: BinaryIO, prefix: str) -> None:
        self._log = log
        self._prefix = prefix.encode()
        self._begun = bytearray()

    def __call__(self, data: bytes) -> None:
        text = data.replace(b"\r\n", b"\n")
        self._log.write(text)
        if not self._prefix:
            self._tell(text)
            return
        self._begun += text
        whole, newline, rest = self._begun.rpartition(b"\n")
        if newline:
            self._tell(b"".join(self._prefix + line + b"\n" for line in whole.split(b"\n")))
            self._begun = bytearray(rest)

    def _tell(self, text: bytes) -> None:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()


class _WindowsPytest:
    """A run of pytest on the Windows machine, begun."""

    def __init__(self, arguments: Sequence[str], part: str = "") -> None:
        name = "-".join(filter(None, ("windows", part)))
        self._results = _results(name)
        cache = windows_path(BUILD / f"pytest-cache-{name}")
        common = _common_pytest_arguments(windows_path(self._results), cache)
        self._log = log_path(f"pytest-{name}").open("wb", buffering=0)
        told = _Told(self._log, f"  {part}: " if part else "")
        wine.raise_file_limit()
        wine.start_services()
        self._until = time.monotonic() + PYTEST_LIMIT_S
        self._program = wine.Program(
            [machine.windows_python() / "python.exe", *common, f"--ignore={HOST_TESTS}", *arguments],
            stdout=told,
            stderr=told,
            env=machine.windows_environment(),
            cwd=SOURCE,
        )

    def ran(self) -> bool:
        """Wait for its end, and judge."""
        with self._log:
            status = self._program.wait(max(0.0, self._until - time.monotonic()))
        return _judge(status, self._results, PYTEST_LIMIT_S)

    def end(self) -> None:
        self._program.end()
        self._log.close()


def _prepare_windows_pytest() -> None:
    machine.windows_python()
    machine.windows_packages()
    machine.locust_packages()
    machine.dotnet_sdk()
    machine.dotnet_8()


def _all_ran(runs: Sequence[_WindowsPytest]) -> tuple[bool, list[StepError]]:
    """Whether any ran tests, and what is to say against them. All are ended when it returns."""
    any_ran, failures = False, []
    try:
        for begun in runs:
            try:
                any_ran |= begun.ran()
            except StepError as failure:
                failures.append(failure)
    except BaseException:
        for begun in runs:
            begun.end()
        raise
    return any_ran, failures


def _windows_pytest_shared(arguments: Sequence[str]) -> bool:
    """Two runs share the tests, then a last one has those that want to be alone: tests/sharing.py."""
    with tempfile.TemporaryDirectory(prefix="share-", dir=BUILD) as folder:

        def begin(part: str) -> _WindowsPytest:
            share = [f"--share={windows_path(Path(folder))}", f"--share-as={part}"]
            return _WindowsPytest([*share, *arguments], part)

        ran, failures = _all_ran([begin("front"), begin("back")])
        ran_alone, more_failures = _all_ran([begin("last")])
    if failures or more_failures:
        raise StepError("\n".join(map(str, failures + more_failures)))
    return ran or ran_alone


def _host_pytest(arguments: Sequence[str]) -> bool:
    """Run the tests that need both machines: what dist/ holds suffices, compiled here and run there."""
    results = _results("host")
    common = _common_pytest_arguments(str(results), str(BUILD / "pytest-cache-host"))
    env = machine.tools_environment(
        WS2ECHO_SOURCE=str(SOURCE),
        WS2ECHO_BUILD=str(BUILD),
        WS2ECHO_DIST=str(DIST),
        WS2ECHO_CACHE=str(CACHE.parent),
    )
    try:
        run([machine.tools() / "python", *common, *arguments], "pytest-host", limit_s=PYTEST_LIMIT_S, env=env)
    except StepError as failure:
        if f"exit status {NOTHING_COLLECTED}" in str(failure).splitlines()[0]:
            return False
        raise
    report.say(log_path("pytest-host").read_text("utf-8").splitlines()[-1])
    return True


# The whole


def _all_host() -> None:
    with step("Testing what dist/ holds, from outside"):
        if not _host_pytest([HOST_TESTS]):
            raise StepError(f"there are no tests in {HOST_TESTS}")
    report.say((BUILD / "connections.txt").read_text("utf-8"))


def _all_windows() -> None:
    report.say("  Testing inside Windows CPython")
    _prepare_windows_pytest()
    if not _windows_pytest_shared(["tests"]):
        raise StepError("there are no tests")


def _in_step(title: str, work: Callable[[], None]) -> Callable[[], None]:
    def stepped() -> None:
        with step(title):
            work()

    return stepped


CHECKS_BEFORE: tuple[tuple[str, Callable[[], None]], ...] = (
    ("format of C", _in_step("Checking the format of C (clang-format)", _format_of_c)),
    ("lint of Python", _in_step("Checking Python (ruff)", _lint_of_python)),
    ("types of Python", _in_step("Checking types (mypy --strict)", _types_of_python)),
    ("reference", _in_step("Checking docs/reference against the source", reference.check)),
    ("core, sanitized", _in_step("Testing the core under ASan and UBSan", _core)),
    ("build", build.everything),
)
CHECKS_IN_WINDOWS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("packages", _all_host),
    ("Windows tests", _all_windows),
)


def _check(name: str, work: Callable[[], None]) -> Outcome:
    started = time.monotonic()
    try:
        work()
        passed = True
    except StepError as failure:
        report.say(f"{failure}\n")
        passed = False
    except Exception:  # a bug of the step itself: the others still have their turn, and the table
        report.say(f"{name} FAILED:\n{traceback.format_exc()}")
        passed = False
    return Outcome(name, passed, time.monotonic() - started)


def _cast(net: Net, full: bool) -> Outcome:
    """Run a net. What it says comes when it has ended: nets of the host run beside other work."""
    started = time.monotonic()
    figures: list[Figure] = []
    try:
        figures = net.work(Run(SOURCE, BUILD / "nets" / net.name, full))
        passed = True
    except StepError as failure:
        report.say(f"{net.title} FAILED: {failure}\n")
        passed = False
    except Exception:
        report.say(f"{net.title} FAILED:\n{traceback.format_exc()}")
        passed = False
    seconds = time.monotonic() - started
    if passed:
        report.say(f"  {net.title} ... {seconds:.1f} s")
    return Outcome(net.name, passed, seconds, tuple(figures))


def _cast_all(nets: Iterable[Net], full: bool) -> list[Outcome]:
    return [_cast(net, full) for net in nets]


def _table(outcomes: Sequence[Outcome]) -> str:
    lines = ["", f"  {'step':17} result   seconds"]
    for outcome in outcomes:
        lines.append(
            f"  {outcome.name:17} {'passed' if outcome.passed else 'FAILED':8} {outcome.seconds:7.1f}"
        )
        lines += [f"    {figure.what:40} {figure.value}" for figure in outcome.figures]
    return "\n".join(lines)


def _status(outcomes: Sequence[Outcome]) -> int:
    report.say(_table(outcomes))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _prepare(nets: Iterable[Net]) -> None:
    for net in nets:
        net.prepare()


def _everything(full: bool) -> int:
    machine.everything()
    _prepare(NETS)
    report.say("The tests")
    with ThreadPoolExecutor(1) as beside:
        here = [net for net in NETS if net.where == "host"]
        there = [net for net in NETS if net.where == "windows"]
        outcomes = [_check(name, work) for name, work in CHECKS_BEFORE]
        casting = beside.submit(_cast_all, here, full)
        outcomes += [_check(name, work) for name, work in CHECKS_IN_WINDOWS]
        outcomes += _cast_all(there, full)
        outcomes += casting.result()
    return _status(outcomes)


def _net_command(arguments: list[str]) -> int:
    """./dev test --net NAME ... [--full | --plants]"""
    full, planted = "--full" in arguments, "--plants" in arguments
    names = [argument for argument in arguments if not argument.startswith("--")]
    misspelt = {word for word in arguments if word.startswith("--")} - {"--net", "--full", "--plants"}
    if misspelt:
        raise StepError(f"beside --net NAME there are --full and --plants, not {', '.join(sorted(misspelt))}")
    unknown = set(names) - {net.name for net in NETS}
    if unknown or (arguments and arguments[0] == "--net" and not names):
        known = ", ".join(net.name for net in NETS)
        raise StepError(
            f"there is no net {', '.join(sorted(unknown)) or 'without a name'}; there are {known}"
        )
    nets = tuple(net for net in NETS if net.name in names or not names)
    machine.everything()
    if planted:
        report.say(f"  {must_find_all(nets)} planted bugs, each found")
        return 0
    _prepare(nets)
    return _status(_cast_all(nets, full))


def _selection(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What was asked for, as pytest's arguments inside Windows and here; empty is a run to leave out."""
    if arguments[0] == "--":
        return [*arguments[1:], "tests"] if not _paths(arguments[1:]) else arguments[1:], []
    paths = _paths(arguments)
    if paths:
        here = [path for path in paths if path.startswith(HOST_TESTS)]
        return [path for path in paths if path not in here], here
    pattern = ["-k", " or ".join(arguments)]
    return [*pattern, "tests"], [*pattern, HOST_TESTS]


def _paths(arguments: Sequence[str]) -> list[str]:
    return [argument for argument in arguments if (SOURCE / argument.split("::")[0]).exists()]


def command(arguments: list[str]) -> int:
    if not arguments or arguments == ["--full"]:
        return _everything(bool(arguments))
    if arguments[0] in ("--net", "--plants"):
        return _net_command(arguments)
    build.everything()
    windows, host = _selection(arguments)
    report.say("The tests")
    _prepare_windows_pytest()
    ran = [_WindowsPytest(windows).ran()] if windows else []
    ran += [_host_pytest(host)] if host else []
    if not any(ran):
        raise StepError("no test matches " + " ".join(arguments))
    return 0
