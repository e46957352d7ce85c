"""The reference of the three APIs in docs/reference, made from the comments of the source."""

from __future__ import annotations

import difflib

from workshop.paths import SOURCE
from workshop.reference import c, csharp, python
from workshop.steps import StepError, report, step

FOLDER = SOURCE / "docs" / "reference"
SHOWN_LINES = 30


def _pages() -> dict[str, str]:
    return {
        "c.md": c.reference((SOURCE / c.HEADER).read_text("utf-8")),
        "csharp.md": csharp.reference(SOURCE / csharp.FOLDER),
        "python.md": python.reference(SOURCE / python.FOLDER),
    }


def _committed(name: str) -> str:
    path = FOLDER / name
    return path.read_text("utf-8") if path.exists() else ""


def check() -> None:
    """Raise StepError, with the difference, unless docs/reference is what would be made now."""
    for name, text in _pages().items():
        lines = list(
            difflib.unified_diff(
                _committed(name).splitlines(),
                text.splitlines(),
                "as it is",
                "as it would be",
                n=1,
                lineterm="",
            )
        )
        if lines:
            shown = "\n".join(f"    | {line}" for line in lines[:SHOWN_LINES])
            raise StepError(f"docs/reference/{name} is not what ./dev docs makes\n{shown}")


def command(arguments: list[str]) -> int:
    if arguments:
        raise StepError("docs takes no arguments")
    with step("Making docs/reference from the comments of the source"):
        pages = _pages()
        changed = [name for name, text in pages.items() if _committed(name) != text]
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in changed:
            (FOLDER / name).write_text(pages[name], "utf-8")
    report.say(f"  changed: {', '.join(changed) or 'nothing'}")
    return 0
