"""Whoever calls the system in a new way says how that can fail; and nothing of it is in the DLL."""

from __future__ import annotations

import re

from packages import SOURCE

SYSTEM = SOURCE / "dll" / "win" / "system.h"
FAILING = SOURCE / "dll" / "win" / "failing.c"


def _functions() -> dict[str, str]:
    """The functions of the one place that calls the system, and their bodies."""
    text = SYSTEM.read_text("utf-8")
    found = re.findall(
        r"^static inline [^;{]*?\bw2e_sys_(\w+)\([^{]*\{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE
    )
    return dict(found)


def _rows() -> dict[str, set[str]]:
    """The functions of the table, and what each can be made to do."""
    text = FAILING.read_text("utf-8")
    table = text[text.index("all[] = {") : text.index("\n};")]
    rows: dict[str, set[str]] = {}
    for way, function in re.findall(r"^\s+([A-Z_]+)\((\w+)[,)]", table, re.MULTILINE):
        rows.setdefault(function, set()).add(way)
    return rows


def test_every_function_that_calls_the_system_has_a_row() -> None:
    assert len(_functions()) > 50
    assert set(_functions()) == set(_rows())


def test_what_can_fail_is_made_to() -> None:
    """A row that nobody asks would count as swept, and never be."""
    for function, ways in _rows().items():
        asked = "W2E_CALLED_OR" in _functions()[function] or "W2E_OUTCOME" in _functions()[function]
        assert asked == (ways != {"NEVER"}), function
        if "IDLE" in ways:
            assert "W2E_IS_IDLE" in _functions()[function], function
        if "SHORT" in ways:
            assert "W2E_SHORTEN" in _functions()[function], function
