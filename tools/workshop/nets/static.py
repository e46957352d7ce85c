"""What compilers and checkers see in the C sources without running them: four that look in different ways.

gcc's analyzer follows paths through a function; clang (zig's) has more warnings than gcc; cppcheck knows the
functions of Windows, and whose handle is lost; clang-tidy knows patterns of bugs. None has anything to say,
or it stands in the source why it is wrong. In the quick size the slow two look at dll/ only.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from workshop import machine, parts
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.steps import StepError, log_path

ONE_LIMIT_S = 900.0
FOLDERS = ("dll", "examples/c", "tests")
INCLUDED = ("include", "dll", "dll/core", "tests/core", "tests/reliability", "tests/peers")
# It is compiled by winegcc alone, with headers of its own.
NOT_FOR_WINDOWS = "tests/reliability/winegcc"
DEFINED = ("-D_WIN32_WINNT=0x0A00", "-DWIN32_LEAN_AND_MEAN")
# What the DLL's own files are compiled with: they export what the header declares.
DLL, DEFINED_FOR_DLL = "dll/", ("-DWS2ECHO_BUILDING_DLL",)
# What a file is only compiled with.
DEFINED_FOR = {"dll/win/calls.c": ("-DW2E_COUNT_CALLS",), "dll/win/failing.c": ("-DW2E_FAIL_CALLS",)}
MINGW = "/usr/x86_64-w64-mingw32/include"

# Of clang's warnings, all but these.
NOT_WARNED = {
    "declaration-after-statement": "this is C11",
    "pre-c11-compat": "this is C11",
    "implicit-void-ptr-cast": "this is no C++",
    "implicit-int-enum-cast": "this is no C++",
    "c++-keyword": "this is no C++",
    "default-const-init-var": "this is no C++",
    "padded": "room between members is no bug",
    "unsafe-buffer-usage": "every pointer that is counted up: this is C",
    "switch-default": "a switch over an enum names all: the compiler tells of one that is missing",
    "cast-align": "a struct is found by its first member, which every task, object and operation is",
    "missing-variable-declarations": "the lists of models declare them where they are used",
    "bad-function-cast": "a whole number becomes a double",
    "reserved-identifier": "the names that a compiler's own checks ask for",
    "reserved-macro-identifier": "those that switch the C library's headers",
    "global-constructors": "the guard value is drawn when the DLL is loaded",
    "unused-command-line-argument": "zig's own",
    "macro-redefined": "zig defines a version of Windows, too",
    "nonportable-system-include-path": "of mingw's headers",
    "disabled-macro-expansion": "of the C library's headers",
    "format-nonliteral": "what formats for others has the attribute, or is told by hand",
    "anon-enum-enum-conversion": "numbers that have names are numbers",
    "comma": "a step of a condition, which is meant",
    "double-promotion": "INFINITY and NAN are what C has",
    "missing-noreturn": "of functions whose shape a table wants",
    "string-conversion": "the text of a check that nothing may reach",
    "float-equal": "numbers that were put in and come out",
    "used-but-marked-unused": "of the C library's headers",
}
CPPCHECK = ("--platform=win64", "--library=windows", "--enable=warning,performance,portability", "--std=c11")
# Only in full: the analyzer of clang takes ten times as long as all else of clang-tidy. It follows no call
# into another file, and so misses that w2e_api_require refused a NULL; and it would have C11's Annex K used.
TIDY_ANALYZER = (
    "-*,clang-analyzer-*,-clang-analyzer-core.NullDereference,-clang-analyzer-security.insecureAPI.*"
)
SUPPRESSED = re.compile(r"cppcheck-suppress|NOLINT(?!END)")
# What zig's wrapper says of every file after clang is through: it misses an output, which -fsyntax-only
# does not make.
WRAPPER = re.compile(r"^\S+:1:1: error: FileNotFound$", re.M)
FINDING = re.compile(
    r"^(\S+?:\d+(?::\d+)?: (?:warning|error|performance|portability|fatal error)\b.*)$", re.M
)


@dataclass(frozen=True)
class Look:
    """One run of a checker: its name, and what to start."""

    checker: str
    command: tuple[str, ...]


def _sources(source: Path, folders: Iterable[str]) -> list[str]:
    found = (path.relative_to(source) for folder in folders for path in (source / folder).rglob("*.c"))
    return sorted(str(path) for path in found if not str(path).startswith(NOT_FOR_WINDOWS))


def _flags(file: str) -> list[str]:
    defined = (*DEFINED, *DEFINED_FOR.get(file, ()), *(DEFINED_FOR_DLL if file.startswith(DLL) else ()))
    return ["-std=c11", *defined, *(f"-I{folder}" for folder in INCLUDED)]


def _gcc(file: str) -> Look:
    # It takes for lost what is handed on by a member, as tasks and operations are: leaks and sanitize see.
    analyzer = ("-fanalyzer", "-Wno-analyzer-malloc-leak")
    command = ("x86_64-w64-mingw32-gcc", *analyzer, "-O1", "-c", file, "-o", os.devnull, *_flags(file))
    return Look("gcc -fanalyzer", command)


def _clang(file: str) -> Look:
    quiet = [f"-Wno-{name}" for name in NOT_WARNED]
    start = [str(machine.checkers() / "python"), "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu"]
    return Look("clang -Weverything", (*start, "-fsyntax-only", "-Weverything", *quiet, file, *_flags(file)))


def _tidy(file: str, checks: str = "") -> Look:
    chosen = [f"--checks={checks}"] if checks else []
    target = ["--target=x86_64-w64-windows-gnu", "-isystem", MINGW]
    name = "clang-tidy, analyzer" if checks else "clang-tidy"
    start = [str(machine.checkers() / "clang-tidy"), "--quiet", *chosen, file, "--"]
    return Look(name, (*start, *target, *_flags(file)))


def _cppcheck(source: Path) -> Look:
    suppressions = source / "tests" / "cppcheck.txt"
    folders = [f"-I{folder}" for folder in INCLUDED]
    told = ["--quiet", "--inline-suppr", f"--suppressions-list={suppressions}", "-D_WIN32", "-D_WIN64"]
    form = "--template={file}:{line}: {severity}: {message} [{id}]"
    files = _sources(source, FOLDERS)
    return Look("cppcheck", ("cppcheck", *CPPCHECK, *told, form, *folders, *files))


def _findings(source: Path, look: Look) -> list[str]:
    try:
        done = subprocess.run(
            look.command,
            cwd=source,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=ONE_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise StepError(f"{look.checker}: {failure}") from failure
    said, wrapper = WRAPPER.subn("", done.stdout.decode(errors="replace"))
    found = FINDING.findall(said)
    if done.returncode != 0 and not found and (not wrapper or "error: " in said):
        raise StepError(f"{look.checker} ended with {done.returncode}:\n{said[-2000:]}")
    return [f"{finding} ({look.checker})" for finding in found]


def _looks(run: Run) -> list[Look]:
    everything, dll = _sources(run.source, FOLDERS), _sources(run.source, FOLDERS[:1])
    slowly = everything if run.full else dll
    checkers: dict[str, Callable[[], list[Look]]] = {
        "cppcheck": lambda: [_cppcheck(run.source)],
        "clang": lambda: [_clang(file) for file in everything],
        "gcc": lambda: [_gcc(file) for file in slowly],
        "tidy": lambda: [_tidy(file) for file in slowly],
        "analyzer": lambda: [_tidy(file, TIDY_ANALYZER) for file in everything] if run.full else [],
    }
    return [look for name, make in checkers.items() if name in run.only or not run.only for look in make()]


def _suppressed(source: Path) -> int:
    listed = (source / "tests" / "cppcheck.txt").read_text("utf-8").splitlines()
    kinds = [line for line in listed if line and not line.startswith("#")]
    texts = [path.read_text("utf-8") for folder in FOLDERS for path in (source / folder).rglob("*.[ch]")]
    return len(kinds) + sum(len(SUPPRESSED.findall(text)) for text in texts)


def _by_checker(looks: Sequence[Look]) -> str:
    counts: dict[str, int] = {}
    for look in looks:
        counts[look.checker] = counts.get(look.checker, 0) + 1
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _work(run: Run) -> list[Figure]:
    looks = _looks(run)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as several:
        found = [
            finding
            for each in several.map(lambda look: _findings(run.source, look), looks)
            for finding in each
        ]
    unique = sorted(set(found))
    log_path("static").write_text("\n".join(unique) + "\n", "utf-8")
    if unique:
        raise FoundError(
            "\n".join(unique[:20]) + f"\n    {len(unique)} findings; all of them: {log_path('static')}"
        )
    files = len(_sources(run.source, FOLDERS))
    return [
        Figure("C files, and runs of each checker", f"{files}: {_by_checker(looks)}"),
        Figure("findings; suppressions, each with its reason", f"0; {_suppressed(run.source)}"),
    ]


def _prepare() -> None:
    machine.checkers()
    machine.debian(parts.CROSS_COMPILER, parts.CPPCHECK)


NET = Net("static", "What four checkers see in the source", "host", _prepare, _work)
