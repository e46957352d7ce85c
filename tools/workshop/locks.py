"""A lock between processes, so that two ./dev at once do not disturb each other."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workshop.steps import report


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.say("  waiting for another ./dev to finish the same work")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
