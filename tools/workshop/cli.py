"""The commands of ./dev, and their help."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from workshop import bench, build, demo, machine, reference, testing, wine
from workshop.steps import StepError, report

USAGE_STATUS = 2
DEFAULT_LIMIT_S = 3600.0

NO_BUILD = "--no-build"
BUILD_ARGUMENTS = frozenset({"build", "pack", "publish", "restore", "test", "msbuild", "clean"})


class UsageError(Exception):
    """The command was called in a way that it does not understand."""


@dataclass(frozen=True)
class Command:
    run: Callable[[list[str]], int]
    arguments: str
    summary: str
    help: str


def _time_limit() -> float:
    text = os.environ.get("WS2ECHO_TIME_LIMIT", "")
    try:
        return float(text) if text else DEFAULT_LIMIT_S
    except ValueError:
        raise UsageError(f"WS2ECHO_TIME_LIMIT is {text!r}, not a number of seconds") from None


def _without_options(arguments: list[str]) -> tuple[bool, list[str]]:
    """Take our own option off the front; what follows, or follows `--`, is the program's."""
    build_first = True
    if arguments and arguments[0] == NO_BUILD:
        build_first, arguments = False, arguments[1:]
    if arguments and arguments[0] == "--":
        arguments = arguments[1:]
    return build_first, arguments


def _build_for_run(build_first: bool, what: Callable[[], None]) -> None:
    if not build_first:
        return
    try:
        what()
    except StepError as failure:
        raise StepError(
            f"{failure}\n(to run with what was built before: {NO_BUILD} as the first argument)"
        ) from failure


def _finish(status: int, limit_s: float) -> int:
    if status == wine.TIMED_OUT:
        print(f"dev: ended after {limit_s:.0f} s (WS2ECHO_TIME_LIMIT sets how long)", file=sys.stderr)
    return status


def command_python(arguments: list[str]) -> int:
    report.stream = sys.stderr
    build_first, arguments = _without_options(arguments)
    limit_s = _time_limit()
    python = machine.windows_python() / "python.exe"
    machine.windows_packages()
    _build_for_run(build_first, build.site)
    return _finish(
        wine.run_through([python, *arguments], limit_s=limit_s, env=machine.windows_environment()), limit_s
    )


def command_dotnet(arguments: list[str]) -> int:
    report.stream = sys.stderr
    runtime = "3.1"
    if arguments and arguments[0] == "--runtime":
        if len(arguments) < 2 or arguments[1] not in ("3.1", "8"):
            raise UsageError("--runtime takes 3.1 or 8")
        runtime, arguments = arguments[1], arguments[2:]
    limit_s = _time_limit()
    machine.prefix()
    folder = machine.dotnet_sdk() if runtime == "3.1" else machine.dotnet_8()
    if arguments and arguments[0] in BUILD_ARGUMENTS:
        arguments = build.with_msbuild_flags(arguments)
    env = machine.windows_environment()
    return _finish(wine.run_through([folder / "dotnet.exe", *arguments], limit_s=limit_s, env=env), limit_s)


def command_run(arguments: list[str]) -> int:
    report.stream = sys.stderr
    build_first, arguments = _without_options(arguments)
    if not arguments:
        raise UsageError("which program?")
    limit_s = _time_limit()
    machine.prefix()
    _build_for_run(build_first, build.programs)
    program = build.find_program(arguments[0])
    env = machine.windows_environment()
    return _finish(wine.run_through([program, *arguments[1:]], limit_s=limit_s, env=env), limit_s)


DEMO_HELP = """
Builds what is missing, then lets three programs, in C, Python and .NET, hold sessions with an echo server
over real loopback sockets, and shows what each of them says.
"""

BENCH_HELP = """
Measures each model of ours, the smallest Winsock server with the same calls, what Python, .NET, Go and Node
offer, and servers of this machine itself, all on one CPU, in rounds. Prints tables; build/bench has them, the
figures as JSON and a page with pictures. Some of the others are installed first (about 250 MB). It all takes
some 20 minutes; names, by commas, choose: --servers ws2echo-iocp,floor-iocp --scenarios ping-1,stream-1
"""

TEST_HELP = """
Without arguments: format, lint and types; docs/reference against the source; the core under sanitizers; the
build with warnings as errors; what dist/ holds, used from outside; the tests inside Windows CPython, which
also run the .NET and C programs; the nets, which search for bugs. Ends with a table of results and figures;
every step runs, even if one before it failed.

  ./dev test PATTERN          only the tests whose name matches (pytest -k PATTERN)
  ./dev test tests/test_x.py  only the tests of a file
  ./dev test -- -x --lf       pytest's own arguments, inside Windows CPython
  ./dev test --net NAME       one of the nets (docs/reliability.md says what each is)
  ./dev test --full           everything with the nets in full size, which takes hours; also after --net NAME
  ./dev test --plants         nets against bugs that are planted for them; also after --net NAME
"""

BUILD_HELP = """
Builds what changed:
  build/win64/   ws2echo.dll, its import library, the example programs
  build/dotnet/  the .NET programs
  build/site/    the wheel, unpacked: what ./dev python imports
  dist/          the Python wheel, the NuGet package, the archive for C
"""

DOCS_HELP = """
Makes the reference of the three APIs anew: docs/reference/c.md from include/ws2echo.h, python.md from the
docstrings and the command line of the package, csharp.md from the documentation comments of the .NET source.
Stops at what has no comment. Builds nothing.
"""

PYTHON_HELP = f"""
Runs python.exe on the Windows machine with our stdin, stdout, stderr and exit status. ws2echo is built first
unless the first argument is {NO_BUILD}. Without ARGS, Python reads its program from stdin.

  ./dev python -c "import ws2echo; print(ws2echo.__version__)"
  ./dev python -- --help      Python's own help
"""

DOTNET_HELP = """
Runs dotnet.exe on the Windows machine with our stdin, stdout, stderr and exit status.

  ./dev dotnet build examples/csharp/EchoSession
  ./dev dotnet --runtime 8 build/dotnet/EchoSession/EchoSession.dll
"""

RUN_HELP = f"""
Runs the program on the Windows machine with our stdin, stdout, stderr and exit status. PROGRAM is a path, or
the name of one in build/win64/examples or build/win64/tests. It is built first unless the first argument is
{NO_BUILD}.

  ./dev run server.exe
"""

COMMANDS = {
    "demo": Command(
        demo.command,
        "",
        "see it work: a server in the DLL; a C, a Python and a .NET client that talk to it",
        DEMO_HELP,
    ),
    "test": Command(
        testing.command,
        "[PATTERN | PATH ... | -- PYTEST ARGS ... | --net NAME | --full | --plants]",
        "everything that CI runs, or the tests that match",
        TEST_HELP,
    ),
    "bench": Command(
        bench.command,
        "[--rounds N] [--seconds S] [--servers NAMES] [--scenarios NAMES] [--idle N] [--no-costs]",
        "our servers and others under one load, interleaved, as ratios",
        BENCH_HELP,
    ),
    "build": Command(
        build.command,
        "",
        "build/ with the DLL and programs; dist/ with the wheel, the NuGet package, the C archive",
        BUILD_HELP,
    ),
    "docs": Command(
        reference.command,
        "",
        "docs/reference, made from the comments of the source",
        DOCS_HELP,
    ),
    "python": Command(
        command_python,
        f"[{NO_BUILD}] [--] [ARGS ...]",
        "run Windows CPython, with ws2echo and pytest importable",
        PYTHON_HELP,
    ),
    "dotnet": Command(
        command_dotnet,
        "[--runtime 3.1|8] ARGS ...",
        "run the Windows .NET SDK (3.1), or a built program on the .NET 8 runtime",
        DOTNET_HELP,
    ),
    "run": Command(
        command_run,
        f"[{NO_BUILD}] PROGRAM[.exe] [ARGS ...]",
        "run a Windows program, one of the examples or any other",
        RUN_HELP,
    ),
}

OVERVIEW = """ws2echo: an echo server and client for Windows sockets, in a DLL for C, Python and .NET.

usage: ./dev COMMAND [ARGS ...]

{commands}

./dev COMMAND --help says more. What a command misses it installs first, and says so: Debian packages, and the
rest into {cache} (WS2ECHO_CACHE sets another place).
A program is ended after an hour, or after the seconds that WS2ECHO_TIME_LIMIT says."""


def overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return OVERVIEW.format(commands="\n".join(lines), cache=wine.PREFIX.parent)


def help_of(name: str) -> str:
    command = COMMANDS[name]
    return f"usage: ./dev {name} {command.arguments}".rstrip() + f"\n\n{command.help.strip()}"


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(overview())
        return 0
    name, rest = arguments[0], list(arguments[1:])
    if name not in COMMANDS:
        print(f"dev: there is no command {name!r}\n\n{overview()}", file=sys.stderr)
        return USAGE_STATUS
    if rest and rest[0] in ("--help", "-h"):
        print(help_of(name))
        return 0
    for kind in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, _interrupt)  # so that what we started ends with us, whoever ends us
    try:
        return COMMANDS[name].run(rest)
    except UsageError as problem:
        print(f"dev {name}: {problem}\n\n{help_of(name)}", file=sys.stderr)
        return USAGE_STATUS
    except StepError as failure:
        report.end_line()
        print(f"dev {name}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        report.end_line()
        print("interrupted", file=sys.stderr)
        return wine.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read our output has left; nothing more to tell
        return 1
