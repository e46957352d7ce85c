"""The page about C, from the comments of the public header.

The header is read by its own few forms; whatever is not one of them stops the generator, so that nothing is
left out in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from workshop.reference.markdown import (
    SourceError,
    block,
    code,
    escape,
    items,
    link,
    one_line,
    page,
    paragraph,
    table,
)

HEADER = "include/ws2echo.h"
GENERAL = "Values and handles"

FORMS = re.compile(
    r"""
      /\*\ -{4}\ (?P<section>\w+)\ -+\ \*/
    | /\*(?P<comment>.*?)\*/
    | \#define\ (?P<constant>WS2ECHO_\w+)\ +(?P<value>"[^"\n]*"|-?\w+)[ \t]*$
    | typedef\ (?P<handle_type>\w+)\ (?P<handle>\w+);
    | enum\ (?P<enum>\w+)\ \{(?P<enumerators>.*?)\};
    | typedef\ struct\ (?P<struct>\w+)\ \{(?P<fields>.*?)^\}\ (?P=struct);
    | WS2ECHO_API\ (?P<returned>[\w\ ]+[ *])(?P<function>\w+)\((?P<parameters>[^;]*)\);
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
BEFORE = r"(?:/\*(?P<before>(?:(?!\*/).)*)\*/\s*)?"
AFTER = r"[ \t]*(?:/\*(?P<after>(?:(?!\*/).)*)\*/)?"
ENUMERATOR = re.compile(rf"\s*{BEFORE}(?P<name>\w+) = (?P<value>\w+),?{AFTER}", re.DOTALL)
FIELD = re.compile(rf"\s*{BEFORE}(?P<type>[\w ]+?[ ]\*?)(?P<name>\w+)(?P<array>\[\w+\])?;{AFTER}", re.DOTALL)

# Identifiers, `code` as it is, *parameter, and what Markdown would take for a mark.
WORDS = re.compile(
    r"""
      `(?P<code>[^`]+)`
    | (?P<size>sizeof\(\w+\))
    | (?P<reference>(?:enum\ )?\bws2echo_\w+)(?P<call>\(\)|\.\w+)?
    | (?P<pattern>\*?\bws2echo_\w*…\w*)
    | (?P<word>\w+->\w+ | \*\w+_?\w* | \b\w*_\w+ | \bWSA[A-Z]+\b)
    | (?P<plain>[*<>|\[\]\\])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Entry:
    """Something that the header declares, under a heading of its own."""

    heading: str
    parts: list[str]
    is_function: bool = False


@dataclass
class Header:
    conventions: list[str] = field(default_factory=list)
    constants: list[tuple[str, str, str]] = field(default_factory=list)
    sections: dict[str, list[Entry]] = field(default_factory=lambda: {GENERAL: []})


def _text(comment: str | None) -> str:
    """A comment without its stars, its lines kept."""
    lines = (re.sub(r"^\s*\* ?", "", line).rstrip() for line in (comment or "").splitlines())
    return "\n".join(lines).strip("\n")


def _meaning(comment: str | None) -> str:
    return one_line(_text(comment))


class Prose:
    """Comments as Markdown, with links to what the header declares."""

    def __init__(self, headings: set[str]) -> None:
        self._headings = headings

    def __call__(self, text: str) -> str:
        return WORDS.sub(self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        if name := found["reference"]:
            shown = code(name + (found["call"] or "").replace("()", ""))
            return link(shown, name) if name in self._headings else shown
        if found["plain"]:
            return escape(found["plain"])
        return code(found["code"] or found["size"] or found["pattern"] or found["word"])


# Functions


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) (?=[A-Z])", text)


def _documented(comment: str, prose: Prose) -> list[str]:
    """What it does; its errors; whether it blocks, and other notes."""
    does, mark, rest = one_line(_text(comment)).partition("Errors: ")
    if not mark:
        return [paragraph(prose(does))]
    errors, *notes = _sentences(rest)
    return [
        paragraph(prose(does)),
        paragraph(f"**Errors:** {prose(errors)}"),
        paragraph(prose(" ".join(notes))),
    ]


def _signature(returned: str, name: str, parameters: str) -> str:
    start = f"{returned.lstrip()}{name}("
    one = f"{start}{one_line(parameters)});"
    if len(one) <= 100:
        return one
    separator = ",\n" + " " * len(start)
    return start + separator.join(one_line(parameters).split(", ")) + ");"


def _function(found: re.Match[str], comment: str, prose: Prose) -> Entry:
    name = found["function"]
    if not comment.strip():
        raise SourceError(f"{HEADER}: {name} has no comment")
    signature = _signature(found["returned"], name, found["parameters"])
    return Entry(name, [block("c", signature), *_documented(comment, prose)], is_function=True)


# Types


def _members(pattern: re.Pattern[str], body: str, owner: str) -> Iterator[re.Match[str]]:
    place = 0
    body = body.rstrip()
    while place < len(body):
        found = pattern.match(body, place)
        if not found:
            raise SourceError(f"{HEADER}: {owner}: cannot read {body[place:].strip()[:60]!r}")
        place = found.end()
        yield found


def _member_meaning(found: re.Match[str], prose: Prose) -> str:
    return prose(_meaning(found["before"] or found["after"]))


def _type(found: re.Match[str], prose: Prose) -> str:
    name: str = found["type"].strip()
    return prose(name) if name.startswith("ws2echo_") else code(name + (found["array"] or ""))


def _struct(found: re.Match[str], comment: str, prose: Prose) -> Entry:
    name = found["struct"]
    rows = [
        [code(one["name"]), _type(one, prose), _member_meaning(one, prose)]
        for one in _members(FIELD, found["fields"], name)
    ]
    return Entry(name, [paragraph(prose(_meaning(comment))), table(["Field", "Type", "Meaning"], rows)])


def _enum(found: re.Match[str], comment: str, prose: Prose) -> Entry:
    name = f"enum {found['enum']}"
    members = list(_members(ENUMERATOR, found["enumerators"], name))
    head, rows = ["Name", "Value"], [[code(one["name"]), code(one["value"])] for one in members]
    if any(one["before"] or one["after"] for one in members):
        head.append("Meaning")
        for row, one in zip(rows, members, strict=True):
            row.append(_member_meaning(one, prose))
    return Entry(name, [paragraph(prose(_meaning(comment))), table(head, rows)])


def _handle(found: re.Match[str], comment: str, prose: Prose) -> Entry:
    declaration = f"typedef {found['handle_type']} {found['handle']};"
    return Entry(found["handle"], [block("c", declaration), paragraph(prose(_meaning(comment)))])


ENTRIES: dict[str, Callable[[re.Match[str], str, Prose], Entry]] = {
    "function": _function,
    "struct": _struct,
    "enum": _enum,
    "handle": _handle,
}


# The whole


def _conventions(comment: str, prose: Prose) -> list[str]:
    """The comment at the head: a title, then terms with what hangs under them."""
    found: list[str] = []
    for line in _text(comment).splitlines():
        if start := re.match(r"  (?:(\w+)  +|(\S[^:]+): )", line):
            found.append(f"**{start[1] or start[2]}:** {prose(line[start.end() :])}")
        elif line.startswith("   "):
            if not found:
                raise SourceError(f"{HEADER}: in the conventions, {line.strip()!r} belongs to no term")
            found[-1] += " " + prose(line.strip())
    if not found:
        raise SourceError(f"{HEADER}: the conventions at its head are gone, or written otherwise")
    return found


def _check_gap(text: str) -> None:
    """Between two forms there is nothing but what the preprocessor and C++ want."""
    known = re.compile(
        r'^\s*(#(if|ifdef|ifndef|elif|else|endif|include|define WS2ECHO_(H|API))\b.*|extern "C" \{|\})?$'
    )
    for line in text.splitlines():
        if not known.match(line):
            raise SourceError(f"{HEADER}: cannot read {line.strip()!r}")


def _headings(text: str) -> set[str]:
    names: set[str] = set()
    for found in FORMS.finditer(text):
        names.update(found[kind] for kind in ("function", "struct", "handle") if found[kind])
        if found["enum"]:
            names.add(f"enum {found['enum']}")
    return names


def _read(text: str) -> Header:
    prose = Prose(_headings(text))
    header = Header()
    entries = header.sections[GENERAL]
    comment, place = "", 0
    for found in FORMS.finditer(text):
        gap = text[place : found.start()]
        _check_gap(gap)
        if gap.strip():
            comment = ""
        place = found.end()
        kind = found.lastgroup and next((one for one in ENTRIES if found[one]), None)
        if found["section"]:
            entries = header.sections.setdefault(found["section"].capitalize(), [])
        elif found["comment"]:
            if not header.conventions:
                header.conventions = _conventions(found["comment"], prose)
                continue
            comment = found["comment"]
            continue
        elif found["constant"]:
            header.constants.append((found["constant"], found["value"], prose(_meaning(comment))))
        elif kind:
            entries.append(ENTRIES[kind](found, comment, prose))
        comment = ""
    _check_gap(text[place:])
    return header


def _section(title: str, entries: list[Entry]) -> list[str]:
    parts = [f"## {title}"]
    groups = ("Functions", True), ("Types", False)
    listed = []
    for name, functions in groups:
        links = [link(code(one.heading), one.heading) for one in entries if one.is_function == functions]
        if links:
            listed.append(f"{name}: {', '.join(links)}")
    parts.append(items(listed))
    for entry in entries:
        parts += [f"### {entry.heading}", *entry.parts]
    return parts


def reference(text: str) -> str:
    header = _read(text)
    constants = [[code(name), code(value), meaning] for name, value, meaning in header.constants]
    parts = [
        paragraph(
            "Everything below is declared in `ws2echo.h`, which includes only `<stdint.h>`. "
            "A program links the import library and has `ws2echo.dll` beside it."
        ),
        "## Conventions",
        items(header.conventions),
        "## Constants",
        table(["Name", "Value", "Meaning"], constants),
    ]
    for title, entries in header.sections.items():
        parts += _section(title, entries)
    return page("The C API", HEADER, parts)
