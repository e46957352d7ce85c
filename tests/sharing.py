"""Runs of pytest that share the tests of one suite: each file of tests is run by whoever claims it first.

Two at a time are nearly twice as fast as one, for many tests wait; which run has which file is known only
as they go. Tests marked `alone` need the machine for themselves, and are left to the last run, beside which
there is no other. That one also adds up what the others have noted of conformance.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

FRONT, BACK, LAST = "front", "back", "last"


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("sharing")
    group.addoption(
        "--share", metavar="FOLDER", help="share the tests with other runs, by notes in this folder"
    )
    group.addoption("--share-as", choices=(FRONT, BACK, LAST), help="which files to claim first")


class Sharing:
    """What one of the runs does differently."""

    def __init__(self, folder: Path, part: str) -> None:
        self.folder = folder
        self.part = part

    @property
    def last(self) -> bool:
        return self.part == LAST

    def _claims(self, file: Path) -> bool:
        """The last run has tests of files that others have claimed for the rest."""
        claim = f"{file.name}.{'alone' if self.last else 'claimed'}"
        try:
            (self.folder / claim).open("x").close()
        except FileExistsError:
            return False
        return True

    def _mine(self, items: list[pytest.Item]) -> Iterator[pytest.Item]:
        wanted = [item for item in items if (item.get_closest_marker("alone") is not None) == self.last]
        files = [(file, list(group)) for file, group in groupby(wanted, lambda item: item.path)]
        for file, group in reversed(files) if self.part == BACK else files:
            if self._claims(file):
                yield from group

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed or session.config.option.collectonly:
            return None  # pytest's own loop has words for that
        items = self._mine(session.items)
        item = next(items, None)
        while item is not None:
            following = next(items, None)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
            item = following
        return True

    def note_cells(self, tests: dict[str, int], failed: set[str]) -> None:
        note = self.folder / f"cells-{os.getpid()}.json"
        note.write_text(json.dumps({"tests": tests, "failed": sorted(failed)}), "utf-8")

    def cells(self) -> Iterator[tuple[dict[str, int], set[str]]]:
        """What each of the runs has noted."""
        for note in self.folder.glob("cells-*.json"):
            noted = json.loads(note.read_text("utf-8"))
            yield noted["tests"], set(noted["failed"])
