"""sweep: under each model, in each scenario, system calls are made to fail, one after the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workshop import machine, parts
from workshop.models import models
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.nets.windows import Programs

SEED = 1
# Of the calls of each kind of failure one is drawn, and of those so many of a hundred are made to fail;
# where only a part is swept, two.
QUICK = ("--picks", "1", "--share", "28")
QUICK_PART = ("--picks", "2")
QUICK_LIMIT_S, FULL_LIMIT_S = 1200, 12 * 3600
# Much of the time somebody waits for what does not come.
AT_ONCE = 4
WAY = re.compile(r"^WAY (\S+) (came|did not come)$", re.M)
COUNTED = re.compile(r"(\d+) (errors|failed completions|short transfers|idle returns)")


@dataclass(frozen=True)
class Swept:
    """A model: how many faults of each kind were injected, and which ways to fail came, or did not."""

    kinds: Counter[str]
    came: frozenset[str]
    missed: frozenset[str]


def _sweep(run: Run, model: str, selection: Sequence[str]) -> Swept:
    programs = Programs(run, f"sweep-{model}")
    size = () if run.full else QUICK_PART if selection else QUICK
    command = ["sweep.exe", "--model", model, "--seed", str(SEED), *size, *selection]
    said = programs.run(command, limit_s=FULL_LIMIT_S if run.full else QUICK_LIMIT_S)
    lines = said.splitlines()
    found = [line for line in lines if line.startswith("FOUND")]
    if found or "RIGHT" not in lines:
        raise FoundError("\n".join(found) or f"the sweep of {model} did not end:\n{said[-2000:]}")
    told = next(line for line in lines if line.startswith(f"MODEL {model}:"))
    ways = dict(WAY.findall("\n".join(lines)))
    return Swept(
        Counter({kind: int(number) for number, kind in COUNTED.findall(told)}),
        frozenset(way for way, what in ways.items() if what == "came"),
        frozenset(way for way, what in ways.items() if what != "came"),
    )


def _selection(only: Sequence[str]) -> tuple[list[str], list[str]]:
    """The models, and further arguments: words of `only` are models, or as in scenario=echo."""
    chosen = [word for word in only if word in models()] or list(models())
    pairs = [word.partition("=") for word in only if "=" in word]
    return chosen, [part for name, _, value in pairs for part in (f"--{name}", value)]


def work(run: Run) -> list[Figure]:
    Programs(run, "sweep").build("sweep")
    chosen, selection = _selection(run.only)
    with ThreadPoolExecutor(AT_ONCE) as several:
        swept = list(several.map(lambda model: _sweep(run, model, selection), chosen))
    if idle := [model for model, each in zip(chosen, swept, strict=True) if each.kinds.total() == 0]:
        raise FoundError(f"not one fault was injected in {', '.join(idle)}")
    came = frozenset[str]().union(*(each.came for each in swept))
    missed = frozenset[str]().union(*(each.missed for each in swept)) - came
    if missed and run.full and not run.only:
        raise FoundError(f"never failed, in no model and no scenario: {', '.join(sorted(missed))}")
    kinds = sum((each.kinds for each in swept), Counter[str]())
    by_model = ", ".join(f"{model} {each.kinds.total()}" for model, each in zip(chosen, swept, strict=True))
    never = f"; not {', '.join(sorted(missed))}" if missed else ""
    return [
        Figure("faults injected, one in a run", f"{kinds.total():,}: {by_model}"),
        Figure("… ways to fail that came", f"{len(came)} of {len(came | missed)}{never}"),
        Figure("… by kind", ", ".join(f"{count} {kind}" for kind, count in kinds.items())),
    ]


def prepare() -> None:
    machine.tools()
    machine.debian(parts.CROSS_COMPILER)
    machine.prefix()


NET = Net("sweep", "Every system call fails in its turn", "windows", prepare, work)
