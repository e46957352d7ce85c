"""The I/O models, as dll/core/models.h lists them: the only list that there is."""

from __future__ import annotations

import re
from functools import cache

from workshop.paths import SOURCE
from workshop.steps import StepError

LISTED = re.compile(r"^\s+X\((\d+), (\w+),", re.M)


@cache
def models() -> tuple[str, ...]:
    """Their names; each stands at the place of its number."""
    found = LISTED.findall((SOURCE / "dll" / "core" / "models.h").read_text("utf-8"))
    if not found or [int(number) for number, _ in found] != list(range(len(found))):
        raise StepError("dll/core/models.h does not list models as X(NUMBER, NAME, ...), from 0 on")
    return tuple(name for _, name in found)
