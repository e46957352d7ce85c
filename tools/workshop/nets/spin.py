"""Spin: models of stop and close, searched exhaustively: one for each family of drivers, one for handles."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from workshop import machine, parts
from workshop.nets import core_build
from workshop.nets.net import Figure, Net, Run
from workshop.steps import StepError, log_path
from workshop.steps import run as run_program

MODELS = ("registry", "blocking", "readiness", "completion")
"""Models in tests/spin; the others there are parts of these."""
LIMIT_S = 900.0
DEPTH = "-m4000000"


def _prepare() -> None:
    machine.debian(parts.SPIN, parts.HOST_COMPILER)


@dataclass(frozen=True)
class Search:
    """What is asked of a model."""

    name: str
    of_spin: tuple[str, ...]
    of_compiler: tuple[str, ...]
    of_verifier: tuple[str, ...]


SEARCHES = (
    # Nothing is used after it is gone, and nobody waits for ever …
    Search("safety", (), ("-DSAFETY", "-DNOCLAIM"), ()),
    # … and whoever stops or closes comes back, if each who can go on does so.
    Search("progress", ("-DPROGRESS",), (), ("-a", "-f")),
)


def _search(model: str, search: Search, folder: Path, log: str) -> int:
    """Builds a verifier and lets it search: the states that it stored."""
    verifier = folder / f"pan-{search.name}"
    generate = ["spin", *search.of_spin, "-a", f"{model}.pml"]
    run_program(generate, log, limit_s=LIMIT_S, cwd=folder, append=True)
    compile_it: list[str | Path] = [
        "gcc",
        "-O1",
        "-w",
        "-DVECTORSZ=2048",
        "-DNFAIR=3",
        *search.of_compiler,
        "-o",
        verifier,
        "pan.c",
    ]
    run_program(compile_it, log, limit_s=LIMIT_S, cwd=folder, append=True)
    with core_build.findings(
        f"{model}.pml can go wrong; see how: cd {folder} && spin -t -p -g {model}.pml", log
    ):
        # -b makes a search that was cut short an error
        run_program(
            [verifier, "-b", DEPTH, *search.of_verifier], log, limit_s=LIMIT_S, cwd=folder, append=True
        )
        said = log_path(log).read_text("utf-8", errors="replace").rpartition("\n$ ")[2]
        stored = re.findall(r"^ *(\d+) states, stored", said, re.M)
        errors = re.findall(r"errors: (\d+)", said)
        if len(stored) != 1 or errors != ["0"]:
            raise StepError(f"{model}: errors {errors}")
    return int(stored[0])


def _check(run: Run, model: str, log: str) -> int:
    folder = run.build / model
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run.source / "tests" / "spin", folder)
    return sum(_search(model, search, folder, log) for search in SEARCHES)


def _work(run: Run) -> list[Figure]:
    log = core_build.log_of("spin", run)
    core_build.begin_log(log)
    models = run.only or MODELS
    states = {model: _check(run, model, log) for model in models}
    all_states = f"{sum(states.values()):,} states of {len(states)} models"
    each = ", ".join(f"{model} {count:,}" for model, count in states.items())
    return [Figure("spin: searched exhaustively", all_states), Figure("…", each)]


NET = Net("spin", "Model checking of stop and close", "host", _prepare, _work)
