"""The library over real Winsock calls, under sanitizers, of which there are none for Windows.

winegcc makes of the library's sources and the scenarios one program of this machine that calls Wine's Winsock
directly. So ASan, UBSan and LSan see each access to memory of its own, and TSan each access that no lock,
event or end of a thread orders. What Wine does inside is left out, by the names of its modules below.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop import machine, parts, wine
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.steps import StepError, log_path, run

BUILD_LIMIT_S, QUICK_LIMIT_S, FULL_LIMIT_S = 900.0, 600.0, 12 * 3600.0
TIMES_IN_FULL = 40
NOT_IN_IT = ("calls", "failing", "fortify", "server_faults_none", "stack_check")
SCENARIOS = ("choice", "play", "play_tcp", "play_udp", "scenarios")
COMMON = "-g -O1 -fno-omit-frame-pointer -fshort-wchar -std=gnu11 -D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN"
# The headers of Wine: an attribute that it does not need, and a parameter that lacks its const.
QUIET = "-Wno-attributes -Wno-discarded-qualifiers"
# Wine handles faults and its signals itself, on stacks of its own.
HANDS_OFF = [
    "use_sigaltstack=0",
    *(f"handle_{name}=0" for name in ("segv", "sigbus", "sigfpe", "sigill", "abort")),
]
REPORT = re.compile(
    r"ERROR: \w+Sanitizer.*|WARNING: ThreadSanitizer.*|.*runtime error: .*|^WRONG .*|^LEAKS$", re.M
)
OURS = re.compile(r"^\s*#\d+ (?:0x\w+ in )?(\w+) \S*?((?:dll|tests)/\S+\.c:\d+)", re.M)
RIGHT = re.compile(r"^RIGHT: (\d+) played, 0 wrong$", re.M)
MODEL = re.compile(r"^\w+: \d+ scenarios$", re.M)


@dataclass(frozen=True)
class Sanitizer:
    name: str
    title: str
    flags: str
    libraries: tuple[str, ...]
    helpers: tuple[str, ...]
    """Of tests/reliability/winegcc, compiled without the sanitizer."""
    options: dict[str, tuple[str, ...]]
    suppressions: dict[str, tuple[str, ...]]
    """By the name of the variable with the options: what is Wine's own."""
    fixed_addresses: bool = False


ADDRESS = Sanitizer(
    "address",
    "ASan, UBSan and LSan",
    "-fsanitize=address,undefined -fno-sanitize-recover=undefined -Dmain=scenarios_main",
    ("libasan.so", "libubsan.so"),
    ("winegcc", "main"),
    {
        "ASAN_OPTIONS": ("detect_leaks=1", "leak_check_at_exit=0", "strict_string_checks=1", *HANDS_OFF),
        "UBSAN_OPTIONS": ("print_stacktrace=1",),
        "LSAN_OPTIONS": ("print_suppressions=0",),
    },
    {"LSAN_OPTIONS": ("leak:getdelim", "leak:win32u.so")},
)
THREAD = Sanitizer(
    "thread",
    "TSan",
    "-fsanitize=thread -DW2E_TSAN",
    ("libtsan.so",),
    ("winegcc", "tsan"),
    # Of the threads that end, Wine has the last one joined by the next.
    {"TSAN_OPTIONS": ("report_thread_leaks=0", "history_size=4", *HANDS_OFF)},
    {"TSAN_OPTIONS": ("race:ntdll.so", "race:win32u.so", "mutex:ntdll.so")},
    fixed_addresses=True,
)
SANITIZERS = (ADDRESS, THREAD)


def _sources(source: Path) -> Iterator[Path]:
    for folder in ("dll", "dll/core", "dll/io", "dll/win"):
        yield from (path for path in sorted((source / folder).glob("*.c")) if path.stem not in NOT_IN_IT)
    yield from (source / "tests" / "reliability" / f"{name}.c" for name in (*SCENARIOS, "scenarios_main"))


def _escaped(path: Path) -> str:
    return str(path).replace(" ", "$ ")


def _runtime(library: str) -> str:
    asked = ["gcc", f"-print-file-name={library}"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute():
        raise StepError(f"gcc has no {library}")
    return found


def _rules(source: Path, sanitizer: Sanitizer) -> str:
    own = source / "tests" / "reliability"
    folders = (source / "include", source / "dll", source / "dll" / "core", own)
    flags = " ".join([COMMON, QUIET, *(f"-I{_escaped(folder)}" for folder in folders)])
    compile_it = "winegcc -MD -MF $out.d $flags -c $in -o $out"
    libraries = " ".join(map(_runtime, sanitizer.libraries))
    return f"""
common = {flags}
shim = -include {_escaped(own / "winegcc" / "winegcc.h")}
rule cc
  command = {compile_it}
  depfile = $out.d
  deps = gcc
rule link
  command = winegcc $in -o $stem -mconsole -lws2_32 -luser32 {libraries}
"""


def _write_ninja(folder: Path, source: Path, sanitizer: Sanitizer) -> None:
    lines = [_rules(source, sanitizer)]
    objects = []
    for path in _sources(source):
        # The core knows nothing of Windows: its names may be those of functions there.
        shim = "" if path.parent.name == "core" else "$shim"
        renamed = (
            sanitizer.flags if path.stem == "scenarios_main" else sanitizer.flags.partition(" -Dmain=")[0]
        )
        objects.append(f"{path.stem}.o")
        lines.append(f"build {objects[-1]}: cc {_escaped(path)}\n  flags = $common {renamed} {shim}")
    for helper in sanitizer.helpers:
        path = source / "tests" / "reliability" / "winegcc" / f"{helper}.c"
        objects.append(f"helper-{helper}.o")
        lines.append(f"build {objects[-1]}: cc {_escaped(path)}\n  flags = $common")
    lines.append(f"build scenarios.exe.so: link {' '.join(objects)}\n  stem = scenarios\n")
    (folder / "build.ninja").write_text("\n".join(lines), "utf-8")


def _build(run_: Run, sanitizer: Sanitizer) -> Path:
    folder = run_.build / sanitizer.name
    folder.mkdir(parents=True, exist_ok=True)
    _write_ninja(folder, run_.source, sanitizer)
    log = f"sanitize-build-{sanitizer.name}"
    run(["ninja", "-C", folder], log, limit_s=BUILD_LIMIT_S, env=machine.tools_environment())
    return folder / "scenarios.exe.so"


def _environment(folder: Path, sanitizer: Sanitizer) -> dict[str, str]:
    extra = {"LD_PRELOAD": " ".join(map(_runtime, sanitizer.libraries)), "WINELOADERNOEXEC": "1"}
    for variable, options in sanitizer.options.items():
        wines_own = sanitizer.suppressions.get(variable, ())
        if wines_own:
            path = folder / f"{variable}.suppressions"
            path.write_text("\n".join(wines_own) + "\n", "utf-8")
            options = (*options, f"suppressions={path}")
        extra[variable] = ":".join(options)
    return wine.environment(extra)


def _verdict(said: str, log: Path) -> int:
    """How many scenarios were played, 0 if not all were; FoundError tells the first report, and where."""
    report = REPORT.search(said)
    if report:
        at = OURS.search(said, report.start())
        where = f", in {at[1]} at {at[2]}" if at else ""
        raise FoundError(f"{report[0].strip()}{where}\n    full log: {log}")
    right = RIGHT.search(said)
    return int(right[1]) if right else 0


def _play(run_: Run, sanitizer: Sanitizer) -> list[Figure]:
    program = _build(run_, sanitizer)
    log = f"sanitize-{sanitizer.name}"
    fixed = ["setarch", "-R"] if sanitizer.fixed_addresses else []
    times = TIMES_IN_FULL if run_.full else 1
    command: list[str | Path] = [*fixed, wine.loader(), program, "--times", str(times)]
    limit_s = FULL_LIMIT_S if run_.full else QUICK_LIMIT_S
    problem = ""
    wine.start_services()  # without what is preloaded here
    try:
        run(command, log, limit_s=limit_s, env=_environment(program.parent, sanitizer), cwd=program.parent)
    except StepError as failure:
        problem = str(failure)
    said = log_path(log).read_text("utf-8", errors="replace")
    played = _verdict(said, log_path(log))
    if problem or not played:
        raise FoundError(problem or "the scenarios did not come to their end")
    models = len(set(MODEL.findall(said)))
    return [Figure(sanitizer.title, f"{played} scenarios played, {models} models, 0 reports")]


def _work(run_: Run) -> list[Figure]:
    chosen = [each for each in SANITIZERS if each.name in run_.only or not run_.only]
    return [figure for each in chosen for figure in _play(run_, each)]


def _prepare() -> None:
    machine.tools()
    machine.debian(parts.HOST_COMPILER, parts.WINE_COMPILER)
    machine.prefix()


NET = Net("sanitize", "The library over Winsock under sanitizers", "windows", _prepare, _work)
