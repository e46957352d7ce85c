"""Mutants: the core with one small fault in it, many times; the core's tests have to see it.

A mutant is one operator, constant or statement changed. One that compiles to the same code is none. What
survives is a hole in the tests, or does what the original does: tests/core/survivors.md tells which kinds
there are.
"""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from workshop import machine, parts
from workshop.nets import core_build
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.steps import StepError

QUICK = 60
"""So many of them are tried in the quick size."""
SEED = 8
KILLED_LEAST = 0.9
KILLED_LEAST_QUICK = 0.75
"""Of so few: where 90 % of all are killed, a sample has less once in thousands of times."""
BLIND_AFTER = 10
"""If not even half of so many are killed, there is no need to go on."""
TEST_LIMIT_CPU_S = 20
"""Of the processor's time, many times what any test takes: a busy machine makes no mutant look caught."""
TEST_LIMIT_S = 900.0
COMPILE_LIMIT_S = 60.0
FLAGS = ("-O1", "-fPIC", "-w")

SWAPS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "&&": "||",
    "||": "&&",
    "+": "-",
    "-": "+",
    "+=": "-=",
    "-=": "+=",
    "++": "--",
    "--": "++",
    "true": "false",
    "false": "true",
    "0": "1",
    "1": "2",
    "&": "|",
    "*": "+",
    "/": "*",
    "%": "/",
}
TOKEN = re.compile(
    r" (<=|>=|==|!=|&&|\|\||\+=|-=|<|>|\+|-|&|\*|/|%) |(\+\+|--)|\b(true|false|0|1)\b(?![.\w])|(!)(?=[\w(])"
)
DECLARING = (
    "return|break|continue|goto|case|default|"
    r"(?:const|struct|enum|static|bool|unsigned|size_t|uint\w+_t|int|char|void) "
)
STATEMENT = re.compile(rf"^ {{4,}}(?!{DECLARING})[\w(*+-].*;$")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)\'|/\*.*?(?:\*/|$)|^ \*.*$|^#.*$')

FIRST = {
    "datagram_fate": ("session_datagram_faults",),
    "datagram_store": ("session_datagram_faults",),
    "fault_address": ("faults", "faults_parse"),
    "fault_chain": ("session_faults", "session_faults_ends"),
    "fault_gate": ("session_faults", "session_faults_ends"),
    "models": ("options",),
    "text": ("faults_parse", "options"),
}
"""The tests that are tried first, where they are not those of the same name."""
SLOW = {"peers": ("1", "600"), "session_load_world": ("150",)}
"""Tests that take an argument, by which they take less time here."""


@dataclass(frozen=True)
class Mutant:
    source: Path
    line: int
    begin: int
    end: int
    new: str

    def text(self) -> str:
        lines = self.source.read_text("utf-8").splitlines(keepends=True)
        old = lines[self.line]
        lines[self.line] = old[: self.begin] + self.new + old[self.end :]
        return "".join(lines)

    @property
    def what(self) -> str:
        """Its file, and the line as it is without it."""
        return f"{self.source.name} {self.source.read_text('utf-8').splitlines()[self.line]}"

    def __str__(self) -> str:
        line = self.source.read_text("utf-8").splitlines()[self.line]
        old = line[self.begin : self.end]
        return f"{self.source.name}:{self.line + 1}: {old!r} -> {self.new!r} in: {line.strip()}"


@dataclass
class Tally:
    killed: int = 0
    by_time: int = 0
    survivors: list[Mutant] = field(default_factory=list)
    same: int = 0
    invalid: int = 0

    @property
    def judged(self) -> int:
        return self.killed + len(self.survivors)


def _blank(line: str) -> str:
    """The line with what is text, comment or directive blanked out, each character at its place."""
    return QUOTED.sub(lambda match: " " * len(match.group()), line)


def _mutants_of_line(source: Path, number: int, line: str) -> Iterator[Mutant]:
    code = _blank(line)
    for match in TOKEN.finditer(code):
        group = match.lastindex or 0
        begin, end = match.span(group)
        old = match.group(group)
        yield Mutant(source, number, begin, end, "" if old == "!" else SWAPS[old])
    if STATEMENT.match(code.rstrip()):
        indent = len(code) - len(code.lstrip())
        yield Mutant(source, number, indent, len(line.rstrip()), ";")


def _drawn(mutant: Mutant) -> str:
    """A number for each mutant, by what it is and not by where it stands."""
    return hashlib.sha256(f"{SEED} {mutant.begin} {mutant.new} {mutant.what}".encode()).hexdigest()


def all_mutants(run: Run) -> list[Mutant]:
    """All of them, in an order that is drawn, and that a change elsewhere leaves as it is."""
    found = [
        mutant
        for source in core_build.core_sources(run.source)
        for number, line in enumerate(source.read_text("utf-8").splitlines())
        for mutant in _mutants_of_line(source, number, line)
    ]
    return sorted(found, key=_drawn)


class Bench:
    """The tests, linked with a library of the core of which one object is replaced."""

    def __init__(self, run: Run, log: str) -> None:
        self.compiler = core_build.Compiler(run, "gcc", FLAGS, "objects", log)
        self.core = self.compiler.objects(core_build.core_sources(run.source))
        self.library = self.compiler.folder / "libcore.so"
        self._link(self.core)
        rpath = f"-Wl,-rpath,{self.compiler.folder}"
        self.tests = {
            test.stem.removeprefix("test_"): self.compiler.program(
                test.stem,
                [*self.compiler.objects([test, *core_build.helpers_of(test)]), self.library],
                rpath,
            )
            for test in core_build.test_sources(run.source)
        }
        self.mutated = self.compiler.folder / "mutated.o"

    def _link(self, objects: list[Path]) -> None:
        command = ["gcc", "-shared", "-o", str(self.library), *map(str, objects), "-lm"]
        subprocess.run(command, check=True, timeout=COMPILE_LIMIT_S)

    def _in_order(self, source: Path) -> list[str]:
        own = FIRST.get(source.stem, (source.stem, f"{source.stem}_ends"))
        first = [name for name in own if name in self.tests]
        quick = [name for name in self.tests if name not in first and name not in SLOW]
        return [*first, "peers", *quick, *(name for name in SLOW if name != "peers")]

    def _sees(self, test: str) -> str:
        """Whether the test fails: "no", "yes", or "time" if it did not end."""
        limit = ["prlimit", f"--cpu={TEST_LIMIT_CPU_S}"]
        command = [*limit, str(self.tests[test]), *SLOW.get(test, ())]
        try:
            done = subprocess.run(command, capture_output=True, timeout=TEST_LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return "time"
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return "time"
        return "no" if done.returncode == 0 else "yes"

    def _compile(self, mutant: Mutant) -> str:
        """Whether it is a program ("new"), none ("invalid"), or the same one ("same")."""
        text = self.compiler.folder / mutant.source.name
        text.write_text(mutant.text(), "utf-8")
        command = [*self.compiler.command, "-c", str(text), "-o", str(self.mutated)]
        done = subprocess.run(command, capture_output=True, timeout=COMPILE_LIMIT_S, check=False)
        if done.returncode != 0:
            return "invalid"
        original = self.compiler.folder / f"{mutant.source.stem}.o"
        return "same" if self.mutated.read_bytes() == original.read_bytes() else "new"

    def judge(self, mutant: Mutant, tally: Tally) -> None:
        kind = self._compile(mutant)
        if kind != "new":
            tally.invalid += kind == "invalid"
            tally.same += kind == "same"
            return
        self._link([self.mutated if path.stem == mutant.source.stem else path for path in self.core])
        for test in self._in_order(mutant.source):
            seen = self._sees(test)
            if seen != "no":
                tally.killed += 1
                tally.by_time += seen == "time"
                return
        tally.survivors.append(mutant)

    def must_pass(self) -> None:
        """The tests see nothing where nothing is wrong: else every mutant would count as killed."""
        for test in self.tests:
            if self._sees(test) != "no":
                raise StepError(f"the test {test} of the core fails without a mutant")


def _prepare() -> None:
    machine.debian(parts.HOST_COMPILER)


def _judge_all(run: Run, log: str) -> tuple[int, Tally]:
    bench = Bench(run, log)
    bench.must_pass()
    mutants = all_mutants(run)
    tally = Tally()
    for mutant in mutants if run.full else mutants[:QUICK]:
        bench.judge(mutant, tally)
        if tally.judged >= BLIND_AFTER and 2 * tally.killed < tally.judged:
            break
    return len(mutants), tally


def _work(run: Run) -> list[Figure]:
    log = core_build.log_of("mutants", run)
    core_build.begin_log(log)
    number, tally = _judge_all(run, log)
    listed = "".join(f"{mutant}\n" for mutant in sorted(tally.survivors, key=str))
    survivors = run.build / "survivors.txt"
    survivors.write_text(listed, "utf-8")
    rate = tally.killed / tally.judged
    killed = f"{tally.killed} of {tally.judged}, {rate:.1%} ({tally.by_time} by a time limit)"
    least = KILLED_LEAST if run.full else KILLED_LEAST_QUICK
    if rate < least:
        raise FoundError(f"the core's tests kill only {killed} mutants, not {least:.0%}\n{listed}")
    tried = tally.judged + tally.same + tally.invalid
    return [
        Figure("mutants of the core, killed", killed),
        Figure("… of those that there are, tried", f"{tried:,} of {number:,} (seed {SEED})"),
        Figure("… that are the same program, or none", f"{tally.same} and {tally.invalid}"),
    ]


NET = Net("mutants", "Mutating the core", "host", _prepare, _work)
