"""Markdown as GitHub shows it: wrapped paragraphs, tables, code, links to headings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from workshop.steps import StepError

WIDTH = 100


TERMS = re.compile(r"(\bWSA[A-Z]+\b|\b[A-Z0-9]+_[A-Z0-9_]+\b)")


class SourceError(StepError):
    """The source says something that this generator does not understand, or lacks a comment."""


def escape(text: str) -> str:
    """Plain text that Markdown leaves as it is."""
    return re.sub(r"([\\*<>\[\]|])", r"\\\1", text).replace("_", r"\_")


def code(text: str) -> str:
    return f"`{text}`"


def prose(text: str) -> str:
    """Plain text, in which names of constants are code."""
    pieces = TERMS.split(text)
    return "".join(code(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces))


def anchor(heading: str) -> str:
    """The name by which GitHub lets a heading be linked."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link(text: str, heading: str) -> str:
    return f"[{text}](#{anchor(heading)})"


def one_line(text: str) -> str:
    return " ".join(text.split())


def paragraph(text: str, indent: str = "", first: str = "") -> str:
    """Wrapped; no line begins with what Markdown would take for a list or a heading."""
    # What is between backticks stays together.
    held = re.sub(r"`[^`]*`", lambda found: found[0].replace(" ", "\0"), one_line(text))
    lines = textwrap.wrap(held, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    lines = [re.sub(r"^([-+#=]|\d+(?=[.)] ))", r"\\\1", line) for line in lines]
    joined = f"\n{indent or ' ' * len(first)}".join(lines)
    return f"{indent}{first}{joined}".replace("\0", " ")


def item(text: str) -> str:
    return paragraph(text, first="- ")


def items(texts: Iterable[str]) -> str:
    return "\n".join(map(item, texts))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A cell is Markdown already, on one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def block(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


def page(title: str, source: str, parts: Iterable[str]) -> str:
    note = f"<!-- Made by ./dev docs from {source}: change that, not this. -->"
    return "\n\n".join([note, f"# {title}", *(part for part in parts if part)]) + "\n"
