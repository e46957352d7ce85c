"""Coverage: the core's tests reach each of its lines, and each branch both ways, as llvm-cov counts them."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from workshop import machine, parts
from workshop.nets import core_build
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.steps import log_path
from workshop.steps import run as run_program

TEST_LIMIT_S = 300.0
FLAGS = ("-g", "-O0", "-fprofile-instr-generate", "-fcoverage-mapping")
MARKER = re.compile(r"/\* not reached: (.+) \*/")
"""A line with this comment is left out, whole; the comment says why nothing can reach what is missing."""


@dataclass
class Reached:
    """Of one source: how often each line ran, and of each branch whether it was taken."""

    lines: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    branches: dict[tuple[int, int, str], int] = field(default_factory=lambda: defaultdict(int))
    """By line, column and way. What is inline is met in each object: it counts as one."""

    def missing(self) -> set[int]:
        lines = {line for line, count in self.lines.items() if count == 0}
        return lines | {line for (line, _, _), count in self.branches.items() if count == 0}


def _prepare() -> None:
    machine.debian(parts.CLANG)


def _build(run: Run, log: str) -> list[Path]:
    compiler = core_build.Compiler(run, "clang-14", FLAGS, "objects", log)
    core = compiler.objects(core_build.core_sources(run.source))
    return [
        compiler.program(test.stem, [*compiler.objects([test, *core_build.helpers_of(test)]), *core])
        for test in core_build.test_sources(run.source)
    ]


def _run_tests(run: Run, tests: list[Path], log: str) -> Path:
    raw = [run.build / f"{test.name}.profraw" for test in tests]
    for test, profile in zip(tests, raw, strict=True):
        env = {**os.environ, "LLVM_PROFILE_FILE": str(profile)}
        run_program([test], log, limit_s=TEST_LIMIT_S, env=env, append=True)
    merged = run.build / "all.profdata"
    run_program(["llvm-profdata-14", "merge", "-o", merged, *raw], log, limit_s=TEST_LIMIT_S, append=True)
    return merged


def _export(run: Run, tests: list[Path], profile: Path, form: str, log: str) -> str:
    others = [word for test in tests[1:] for word in ("-object", str(test))]
    report = f"{log}-{form}"
    command = ["llvm-cov-14", "export", f"-format={form}", f"-instr-profile={profile}"]
    run_program([*command, tests[0], *others, "-ignore-filename-regex=tests/"], report, limit_s=TEST_LIMIT_S)
    return log_path(report).read_text("utf-8").partition("\n")[2]


def _read_lines(text: str, sources: dict[Path, Reached]) -> None:
    """Lines, from lcov's format."""
    current = Reached()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "SF":
            current = sources.get(Path(value), Reached())
        elif key == "DA":
            number, count = value.split(",")[:2]
            current.lines[int(number)] += int(count)


def _read_branches(text: str, sources: dict[Path, Reached]) -> None:
    """Branches, from llvm-cov's own format."""
    for file in json.loads(text)["data"][0]["files"]:
        reached = sources.get(Path(file["filename"]), Reached())
        for line, column, _, _, true, false, *_ in file["branches"]:
            reached.branches[line, column, "true"] += true
            reached.branches[line, column, "false"] += false


def _read(run: Run, tests: list[Path], profile: Path, log: str) -> dict[Path, Reached]:
    """What is known of the sources of the core, its headers too."""
    core = run.source / "dll" / "core"
    sources = {path: Reached() for path in core.glob("*.[ch]")}
    _read_lines(_export(run, tests, profile, "lcov", log), sources)
    _read_branches(_export(run, tests, profile, "text", log), sources)
    return {path: reached for path, reached in sources.items() if reached.lines}


def _marked(path: Path) -> dict[int, str]:
    lines = path.read_text("utf-8").splitlines()
    found = ((number, MARKER.search(line)) for number, line in enumerate(lines, 1))
    return {number: match.group(1) for number, match in found if match}


def _problems(source: Path, reached: Reached, root: Path) -> list[str]:
    marked = _marked(source)
    missing = reached.missing()
    where = source.relative_to(root)
    return [
        *(f"{where}:{line}: not reached, or not both ways" for line in sorted(missing - marked.keys())),
        *(
            f"{where}:{line}: is reached, though a comment says it is not"
            for line in sorted(marked.keys() - missing)
        ),
    ]


def _work(run: Run) -> list[Figure]:
    log = core_build.log_of("core-coverage", run)
    core_build.begin_log(log)
    tests = _build(run, log)
    with core_build.findings("a test of the core fails", log):
        profile = _run_tests(run, tests, log)
    sources = _read(run, tests, profile, log)
    problems = [
        problem
        for source, reached in sorted(sources.items())
        for problem in _problems(source, reached, run.source)
    ]
    if problems or not sources:
        raise FoundError("the core's tests do not reach all of it:\n    " + "\n    ".join(problems))
    left_out = sum(len(_marked(source)) for source in sources)
    lines = sum(len(reached.lines) for reached in sources.values())
    branches = sum(len(reached.branches) for reached in sources.values())
    return [
        Figure("dll/core: lines reached", f"100 % of {lines:,}"),
        Figure("dll/core: branches taken both ways", f"100 % of {branches:,} ways"),
        Figure("… lines left out, each with a reason", str(left_out)),
    ]


NET = Net("core-coverage", "Coverage of the core", "host", _prepare, _work)
