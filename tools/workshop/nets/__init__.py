"""The nets: what searches for bugs beyond the tests that say what should happen. Each prints its figures.

A net is a module here with a NET, and a row in NETS. `./dev test` runs them all in their quick size;
`./dev test --net NAME` one of them, `--full` in full size, `--plants` against planted bugs.
"""

from __future__ import annotations

from workshop.nets import (
    core_coverage,
    coverage,
    fuzz,
    guarded,
    leaks,
    misuse,
    mutants,
    reproducible,
    sanitize,
    seeds,
    soak,
    spin,
    static,
    sweep,
)
from workshop.nets.net import Net

NETS: tuple[Net, ...] = (
    fuzz.NET,
    seeds.NET,
    core_coverage.NET,
    mutants.NET,
    spin.NET,
    static.NET,
    reproducible.NET,
    sweep.NET,
    leaks.NET,
    misuse.NET,
    sanitize.NET,
    guarded.NET,
    soak.NET,
    coverage.NET,
)
