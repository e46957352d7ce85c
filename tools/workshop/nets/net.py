"""What a net is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workshop.steps import StepError


class FoundError(StepError):
    """A net found something: the text says what, where, and how to see it again."""


@dataclass(frozen=True)
class Figure:
    """A row of the table of figures."""

    what: str
    value: str


@dataclass(frozen=True)
class Run:
    """What a net is run on."""

    source: Path
    """The project, or a copy of it with a planted bug."""
    build: Path
    """A folder of this net's own, kept between runs."""
    full: bool
    """In full size, which may take hours, or in the quick one of CI."""
    only: tuple[str, ...] = ()
    """The parts to run, in the net's own words; none means all."""


@dataclass(frozen=True)
class Net:
    name: str
    title: str
    where: Literal["host", "windows"]
    """What it keeps busy: nets of the host run beside the tests on the Windows machine."""
    prepare: Callable[[], None]
    """Installs what the net misses."""
    work: Callable[[Run], list[Figure]]
    """Searches: raises FoundError when there is something, StepError when it could not search."""
