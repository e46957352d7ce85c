"""The page about .NET, from the public declarations of the C# source and their documentation comments.

The XML file that the compiler makes of these comments tells neither what is public nor the types of
properties and results. That every cref has its target is the compiler's to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from workshop.reference.markdown import (
    SourceError,
    block,
    code,
    items,
    link,
    one_line,
    page,
    paragraph,
    prose,
    table,
)

FOLDER = "bindings/csharp/Ws2Echo"
TYPE = re.compile(
    r"^(?P<modifiers>public .*?)\b(?P<kind>class|struct|interface|enum) (?P<name>\w+)(?P<rest>.*)$"
)
ENUMERATOR = re.compile(r"^(?P<name>\w+)(?: = .*)?,?$")
ANY_TYPE = re.compile(r"^( +)(?:\w+ )*(?:class|struct|interface|enum) \w+[^;(]*$")
TYPE_INDENT = 4
NOT_FOR_CALLERS = re.compile(r"\b(partial|async|unsafe|extern) ")


@dataclass(frozen=True)
class Member:
    name: str
    declaration: str
    comment: ElementTree.Element


@dataclass
class Type:
    name: str
    declaration: str
    comment: ElementTree.Element
    is_enum: bool
    members: list[Member] = field(default_factory=list)


# Reading


@dataclass
class Lines:
    """The lines of a file, taken one after the other without their indentation."""

    path: str
    lines: list[str]
    place: int = 0

    def more(self) -> bool:
        return self.place < len(self.lines)

    def take(self) -> str:
        self.place += 1
        return self.lines[self.place - 1].strip()

    def begins_type(self) -> bool:
        """Whether the line taken last does; one within another is not to be overlooked."""
        found = ANY_TYPE.match(self.lines[self.place - 1])
        if found and len(found[1]) != TYPE_INDENT:
            raise self.error("a type within a type cannot be shown yet")
        return found is not None

    def error(self, what: str) -> SourceError:
        return SourceError(f"{self.path}:{self.place}: {what}")


def _comment(lines: Lines, first: str) -> ElementTree.Element:
    text = [first]
    while lines.more() and lines.lines[lines.place].lstrip().startswith("///"):
        text.append(lines.take())
    try:
        return ElementTree.fromstring("<doc>" + "\n".join(line[3:] for line in text) + "</doc>")
    except ElementTree.ParseError as error:
        raise lines.error(f"the comment is no XML: {error}") from error


def _end(declaration: str) -> int | None:
    """Where the body begins, or the declaration ends; None if it goes on."""
    depth = 0
    for place, character in enumerate(declaration):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and (character in "{;" or declaration.startswith("=>", place)):
            return place
    return None


def _accessors(lines: Lines, body: str) -> str:
    """What a property offers, from what follows its name."""
    if body.startswith("=>"):
        return "{ get; }"
    depth, found = 0, ""
    while True:
        for token in re.findall(r"[{}]|(?:(?:private|internal|protected) )?\b(?:get|set|init)\b|[^{}]", body):
            depth += (token == "{") - (token == "}")
            if depth == 1 and token in ("get", "set", "init"):
                found += f"{token}; "
        if depth == 0:
            return f"{{ {found}}}"
        if not lines.more():
            raise lines.error("a property has no end")
        body = lines.take()


def _declaration(lines: Lines, first: str) -> str:
    """The declaration that begins with this line, without its body."""
    text = first
    while (end := _end(text)) is None:
        if not lines.more():
            raise lines.error("a declaration has no end")
        text += " " + lines.take()
    head = re.sub(r"\[\w+(\([^)]*\))?\] ", "", one_line(text[:end])).replace("( ", "(")
    head = NOT_FOR_CALLERS.sub("", head.split(") :")[0] + (")" if ") :" in head else ""))
    return head if "(" in head else f"{head} {_accessors(lines, text[end:])}"


def _member(lines: Lines, first: str, comment: ElementTree.Element, owner: Type) -> Member:
    if owner.is_enum:
        found = ENUMERATOR.match(first)
        if not found:
            raise lines.error(f"cannot read {first!r}")
        return Member(found["name"], found["name"], comment)
    declaration = _declaration(lines, first).removeprefix("public ")
    name = re.search(r"(\w+)(?:<\w+>)?(?=\(| \{)", declaration)
    if not name:
        raise lines.error(f"cannot read {first!r}")
    return Member(name[1], declaration, comment)


def _read_file(path: Path, types: dict[str, Type]) -> None:
    lines = Lines(path.name, path.read_text("utf-8-sig").splitlines())
    comment: ElementTree.Element | None = None
    owner: Type | None = None
    while lines.more():
        line = lines.take()
        if line.startswith("///"):
            comment = _comment(lines, line)
            continue
        if line.startswith("["):
            continue
        if lines.begins_type():
            owner = _type(lines, line, comment, types)
        elif owner and (line.startswith("public ") or (owner.is_enum and line not in ("{", "}", ""))):
            if comment is None:
                raise lines.error(f"{line!r} has no comment")
            owner.members.append(_member(lines, line, comment, owner))
        comment = None


def _type(
    lines: Lines, line: str, comment: ElementTree.Element | None, types: dict[str, Type]
) -> Type | None:
    """The type that begins here; None if it is not public."""
    found = TYPE.match(line)
    if not found:
        return None
    name = found["name"]
    if name in types:
        return types[name]
    if comment is None or (comment.find("summary") is None and comment.find("content") is None):
        raise lines.error(f"{name} has no comment")
    declaration = NOT_FOR_CALLERS.sub("", one_line(line))
    types[name] = Type(name, declaration, comment, found["kind"] == "enum")
    return types[name]


# Writing


class Prose:
    """Documentation XML as Markdown, with links to the types of the page."""

    def __init__(self, types: dict[str, Type]) -> None:
        self._types = types

    def __call__(self, element: ElementTree.Element | None, owner: str) -> str:
        if element is None:
            return ""
        text = prose(element.text or "")
        for child in element:
            text += self._inline(child, owner) + prose(child.tail or "")
        return one_line(text)

    def _inline(self, child: ElementTree.Element, owner: str) -> str:
        if child.tag == "see":
            return self._see(child.get("cref") or child.get("langword") or "", owner)
        if child.tag == "paramref":
            return code(child.get("name", ""))
        if child.tag == "c":
            return code("".join(child.itertext()))
        raise SourceError(f"{FOLDER}: a comment of {owner} has <{child.tag}>, which cannot be shown")

    def _see(self, cref: str, owner: str) -> str:
        shown = code(cref.replace("{", "<").replace("}", ">"))
        path = cref.partition("(")[0].split(".")
        if path[0] in self._types:
            return link(shown, self._heading(path[0], path[-1], "(" in cref))
        known = self._types.get(owner)
        if known and any(member.name == path[0] for member in known.members):
            return link(shown, self._heading(owner, path[0], "(" in cref))
        return shown

    def _heading(self, owner: str, name: str, called: bool) -> str:
        """Methods have headings of their own; properties stand under that of their type."""
        if name == owner:
            return f"new {owner}" if called else owner
        methods = {one.name for one in self._types[owner].members if "(" in one.declaration}
        return f"{owner}.{name}" if name in methods else owner

    def type_name(self, cref: str) -> str:
        return self._see(cref, "")


def _details(member: Member, owner: str, says: Prose) -> list[str]:
    comment = member.comment
    parameters = [f"`{one.get('name')}`: {says(one, owner)}" for one in comment.findall("param")]
    throws = [
        f"{says.type_name(one.get('cref', ''))}: {says(one, owner)}" for one in comment.findall("exception")
    ]
    parts = [paragraph(says(comment.find("summary"), owner)), paragraph(says(comment.find("remarks"), owner))]
    if parameters:
        parts.append(items(parameters))
    if returns := says(comment.find("returns"), owner):
        parts.append(paragraph(f"**Returns:** {returns}"))
    if throws:
        parts += ["**Throws:**", items(throws)]
    return parts


def _wrapped(declaration: str) -> str:
    """A long declaration with a parameter on each line."""
    if len(declaration) <= 96 or "(" not in declaration:
        return declaration
    head, _, parameters = declaration.partition("(")
    return f"{head}(\n    " + ",\n    ".join(re.split(r", (?![^<]*>)", parameters))


def _methods(owner: Type, says: Prose) -> list[str]:
    """Overloads come under one heading, wherever they stand in the source."""
    groups: dict[str, list[Member]] = {}
    for member in owner.members:
        if "(" in member.declaration:
            groups.setdefault(member.name, []).append(member)
    parts = []
    for name, members in groups.items():
        parts.append(f"#### {'new ' if name == owner.name else owner.name + '.'}{name}")
        for member in members:
            parts += [block("csharp", _wrapped(member.declaration)), *_details(member, owner.name, says)]
    return parts


def _properties(owner: Type, says: Prose) -> list[str]:
    rows = []
    for member in owner.members:
        if "(" in member.declaration:
            continue
        declared, _, accessors = member.declaration.partition(" {")
        kind = re.sub(r"\b(override|virtual|new) ", "", declared).rpartition(" ")[0]
        settable = "get, set" if "set;" in accessors else "get"
        extra = says(member.comment.find("remarks"), owner.name)
        meaning = f"{says(member.comment.find('summary'), owner.name)} {extra}".strip()
        rows.append([code(member.name), code(kind), settable, meaning])
    return [table(["Property", "Type", "", "Meaning"], rows)] if rows else []


def _type_parts(owner: Type, says: Prose) -> Iterable[str]:
    yield f"### {owner.name}"
    if not owner.is_enum:
        yield block("csharp", owner.declaration)
    yield paragraph(says(owner.comment.find("summary"), owner.name))
    yield paragraph(says(owner.comment.find("remarks"), owner.name))
    if owner.is_enum:
        rows = [
            [code(f"{owner.name}.{one.name}"), says(one.comment.find("summary"), owner.name)]
            for one in owner.members
        ]
        yield table(["Name", "Meaning"], rows)
        return
    yield from _properties(owner, says)
    yield from _methods(owner, says)


def reference(folder: Path) -> str:
    types: dict[str, Type] = {}
    for path in sorted(folder.glob("*.cs")):
        _read_file(path, types)
    if not types:
        raise SourceError(f"{FOLDER}: there is no public type")
    says = Prose(types)
    main = ("Server", "Client", "Load")
    kinds = {
        "Server, client and load": [types[name] for name in main if name in types],
        "Values": [one for one in types.values() if one.name not in main and not one.is_enum],
        "Choices": [one for one in types.values() if one.is_enum],
    }
    parts = [
        paragraph(
            "Namespace `Ws2Echo`, in the package of the same name: .NET Standard 2.1, so .NET Core 3.0 "
            "and everything newer, on Windows x64."
        ),
        items(
            f"{title}: {', '.join(link(code(one.name), one.name) for one in group)}"
            for title, group in kinds.items()
        ),
    ]
    for title, group in kinds.items():
        parts.append(f"## {title}")
        for one in group:
            parts += _type_parts(one, says)
    return page("The .NET API", f"the comments in {FOLDER}", parts)
