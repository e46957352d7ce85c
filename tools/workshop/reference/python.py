"""The page about Python, from the docstrings and annotations of the package: read, not imported."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from textwrap import dedent

from workshop.reference import command_line
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

FOLDER = "bindings/python/ws2echo"
PACKAGE = "ws2echo"
RAW_LAYER = "_swig"
Function = ast.FunctionDef | ast.AsyncFunctionDef

GROUPS = (
    "Server, client and load",
    "Functions",
    "Values",
    "Choices",
    "Exceptions",
    "pytest fixtures",
    "Locust",
)
MODULES = {"pytest fixtures": "pytest_plugin", "Locust": "locust"}  # what is not imported with the package
WORDS = re.compile(r"``(?P<code>[^`]+)``|`(?P<name>[^`]+)`|(?P<plain>[^`]+)")
SECTION = re.compile(r"^(Args|Raises|Returns|Yields):$")


@dataclass(frozen=True)
class Package:
    modules: dict[str, ast.Module]
    classes: dict[str, ast.ClassDef]
    functions: dict[str, Function]
    aliases: dict[str, ast.expr]
    public: list[str]


# Reading


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text("utf-8"), path.name)
    except SyntaxError as error:
        raise SourceError(f"{FOLDER}: {error}") from error


def read(folder: Path) -> Package:
    modules = {path.stem: _parsed(path) for path in sorted(folder.glob("*.py"))}
    classes: dict[str, ast.ClassDef] = {}
    functions: dict[str, Function] = {}
    aliases: dict[str, ast.expr] = {}
    for module in modules.values():
        for node in module.body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = node
            elif isinstance(node, Function):
                functions[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
                aliases[ast.unparse(node.targets[0])] = node.value
    return Package(modules, classes, functions, aliases, _all(modules["__init__"]))


def _all(module: ast.Module) -> list[str]:
    for node in module.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise SourceError(f"{FOLDER}/__init__.py has no __all__")


def _docstring(node: ast.ClassDef | Function | ast.Module, name: str) -> str:
    text = ast.get_docstring(node)
    if not text:
        raise SourceError(f"{FOLDER}: {name} has no docstring")
    return text


def _bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(base).rpartition(".")[2] for base in node.bases]


def _decorators(node: ast.ClassDef | Function) -> set[str]:
    return {ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in node.decorator_list}


def _group(node: ast.ClassDef) -> str:
    bases = _bases(node)
    if "StrEnum" in bases:
        return "Choices"
    if any(base.endswith(("Exception", "Error")) for base in bases):
        return "Exceptions"
    return GROUPS[0] if "Handle" in bases else "Values"


def _is_property(function: Function) -> bool:
    return "property" in _decorators(function)


def _described(body: Iterable[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """Each statement with the string that follows it: how attributes are documented."""
    statements = list(body)
    for place, node in enumerate(statements):
        after = statements[place + 1] if place + 1 < len(statements) else None
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = str(after.value.value)
        yield node, text


# Docstrings


class Prose:
    """Docstrings as Markdown, with links to what is public."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._owner = ""

    def of(self, owner: str) -> Prose:
        """The same for the docstrings of a class, whose methods go by their bare names there."""
        other = Prose(self._package)
        other._owner = owner
        return other

    def __call__(self, text: str) -> str:
        return WORDS.sub(self._word, one_line(text))

    def _word(self, found: re.Match[str]) -> str:
        if found["plain"]:
            return prose(found["plain"])
        return self._link(found["name"]) if found["name"] else code(found["code"])

    def _link(self, name: str) -> str:
        head = name.removeprefix(f"{PACKAGE}.").partition(".")[0]
        if head in self._package.public:
            return link(code(name), head)
        for one in methods(self._package, self._owner) if self._owner else []:
            if one.name == name:
                heading = self._owner if _is_property(one) else f"{self._owner}.{name}"
                return link(code(name), heading)
        return code(name)

    def docstring(self, text: str) -> list[str]:
        """Paragraphs, code that is indented, and the sections that Google's style names."""
        parts = []
        for piece in re.split(r"\n\n(?! )", text):
            title, _, rest = piece.partition("\n")
            if SECTION.match(title):
                parts += self._section(title.rstrip(":"), dedent(rest))
            else:
                parts += self._plain(piece)
        return parts

    def _plain(self, piece: str) -> list[str]:
        words, _, example = piece.partition("\n\n    ")
        parts = [paragraph(self(re.sub(r"::$", ":", words)))]
        return [*parts, block("python", cleandoc(f"\n    {example}"))] if example else parts

    def _section(self, title: str, text: str) -> list[str]:
        entries = [one_line(entry).partition(": ") for entry in re.split(r"\n(?! )", text)]
        parts = items(f"{self._entry(name, title)}: {self(meaning)}" for name, _, meaning in entries)
        return [parts] if title == "Args" else [f"**{title}:**", parts]

    def _entry(self, name: str, title: str) -> str:
        return self._link(name) if title == "Raises" else code(name)


# Signatures


class _Plain(ast.NodeTransformer):
    """Annotations as a user of the package would write them."""

    def __init__(self, package: Package) -> None:
        self._aliases = package.aliases

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._aliases.get(node.id, node)


def _annotation(package: Package, node: ast.expr | None) -> str:
    return ast.unparse(_Plain(package).visit(node)) if node else ""


def _parameters(package: Package, arguments: ast.arguments) -> list[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [
        *[None] * (len(positional) - len(arguments.defaults)),
        *arguments.defaults,
    ]
    found = [_parameter(package, *one) for one in zip(positional, defaults, strict=True)]
    if positional and positional[0].arg in ("self", "cls"):
        del found[0]
    if arguments.kwonlyargs:
        found.append("*")
        named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        found += [_parameter(package, *one) for one in named]
    return found


def _value(node: ast.expr) -> str:
    """As it is written here: ast's own quotes are single."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return json.dumps(ast.literal_eval(node), ensure_ascii=False) if is_text else ast.unparse(node)


def _parameter(package: Package, argument: ast.arg, default: ast.expr | None) -> str:
    annotation = _annotation(package, argument.annotation)
    text = f"{argument.arg}: {annotation}" if annotation else argument.arg
    return f"{text} = {_value(default)}" if default else text


def _signature(package: Package, name: str, function: Function) -> str:
    parameters = _parameters(package, function.args)
    returned = _annotation(package, function.returns)
    end = f" -> {returned}" if returned not in ("", "None") else ""
    one = f"{name}({', '.join(parameters)}){end}"
    if len(one) <= 88:
        return block("python", one)
    return block("python", f"{name}(\n    " + ",\n    ".join(parameters) + f",\n){end}")


# Classes


def _is_of_raw_layer(function: Function) -> bool:
    """It converts from or to the C struct: public for the package's other modules only."""
    return any(isinstance(one, ast.Name) and one.id == RAW_LAYER for one in ast.walk(function.args)) or (
        function.returns is not None and RAW_LAYER in ast.unparse(function.returns)
    )


def methods(package: Package, name: str) -> list[Function]:
    """The public methods and properties, those of the package's base classes after its own."""
    node = package.classes[name]
    found = [
        one
        for one in node.body
        if isinstance(one, Function) and not one.name.startswith("_") and not _is_of_raw_layer(one)
    ]
    for base in _bases(node):
        if base in package.classes:
            names = {one.name for one in found}
            found += [one for one in methods(package, base) if one.name not in names]
    return found


def _constructor(package: Package, name: str) -> list[str]:
    for one in package.classes[name].body:
        if isinstance(one, Function) and one.name == "__init__":
            return [_signature(package, name, one)]
    return []


def _fields(package: Package, node: ast.ClassDef, says: Prose) -> list[str]:
    fields = [
        (one, text)
        for one, text in _described(node.body)
        if isinstance(one, ast.AnnAssign) and not ast.unparse(one.target).startswith("_")
    ]
    if not fields:
        return []
    head = ["Field", "Type", "Meaning"]
    rows = [
        [code(ast.unparse(one.target)), code(_annotation(package, one.annotation)), says(text)]
        for one, text in fields
    ]
    if not any(text for _, text in fields):
        head, rows = head[:2], [row[:2] for row in rows]
    return [table(head, [[cell.replace("|", r"\|") for cell in row] for row in rows])]


def _choices(node: ast.ClassDef, says: Prose) -> list[str]:
    members = [(one, text) for one, text in _described(node.body) if isinstance(one, ast.Assign)]
    head = ["Name", "Value", "Meaning"]
    rows = [
        [code(f"{node.name}.{ast.unparse(one.targets[0])}"), code(_value(one.value)), says(text)]
        for one, text in members
    ]
    if not any(text for _, text in members):
        head, rows = head[:2], [row[:2] for row in rows]
    return [table(head, rows)]


def _class(package: Package, name: str, says: Prose) -> list[str]:
    node = package.classes[name]
    says = says.of(name)
    parts = [f"### {name}"]
    group = _group(node)
    if group in (GROUPS[0], "Values"):
        parts += _constructor(package, name)
    parts += says.docstring(_docstring(node, name))
    if group == "Values":
        parts += _fields(package, node, says)
    if group == "Choices":
        parts += _choices(node, says)
    members = methods(package, name)
    properties = [one for one in members if _is_property(one)]
    if properties:
        parts.append(_properties(package, name, properties, says))
    for one in members:
        if one not in properties:
            title = f"{name}.{one.name}"
            parts += [f"#### {title}", _signature(package, one.name, one)]
            parts += says.docstring(_docstring(one, title))
    return parts


def _properties(package: Package, name: str, properties: list[Function], says: Prose) -> str:
    rows = []
    for one in properties:
        kind = _annotation(package, one.returns).replace("|", r"\|")
        rows.append([code(one.name), code(kind), says(_docstring(one, f"{name}.{one.name}"))])
    return table(["Property", "Type", "Meaning"], rows)


# The whole


def _function(package: Package, name: str, says: Prose) -> list[str]:
    node = package.functions[name]
    return [f"### {name}", _signature(package, name, node), *says.docstring(_docstring(node, name))]


def _fixture(node: Function, package: Package, says: Prose) -> list[str]:
    parts = [f"### {node.name}", *says.docstring(_docstring(node, node.name))]
    returned = _annotation(package, node.returns)
    given = re.sub(r"^Iterator\[(.*)\]$", r"\1", returned)
    return [*parts, paragraph(f"Type: `{given}`.")]


def _grouped(package: Package) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {title: [] for title in GROUPS}
    for name in package.public:
        if name in package.classes:
            groups[_group(package.classes[name])].append(name)
        elif name in package.functions:
            groups["Functions"].append(name)
        elif name != "__version__":
            raise SourceError(f"{FOLDER}: {name} of __all__ is neither a class nor a function")
    groups[GROUPS[0]].sort(reverse=True)  # the server first: nothing is without it
    plugin = package.modules["pytest_plugin"].body
    groups["pytest fixtures"] = [
        node.name for node in plugin if isinstance(node, Function) and "fixture" in _decorators(node)
    ]
    groups["Locust"] = [
        node.name
        for node in package.modules["locust"].body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    return groups


def reference(folder: Path) -> str:
    package = read(folder)
    says = Prose(package)
    groups = _grouped(package)
    listed = [
        f"{title}: {', '.join(link(code(name), name) for name in names)}"
        for title, names in groups.items()
        if names
    ]
    listed.append(link("Command line", "Command line"))
    parts = [*says.docstring(_docstring(package.modules["__init__"], PACKAGE)), items(listed)]
    for title, names in groups.items():
        if names:
            parts.append(f"## {title}")
        if title in MODULES:
            parts += says.docstring(_docstring(package.modules[MODULES[title]], MODULES[title]))
        for name in names:
            if title == "pytest fixtures":
                parts += _fixture(package.functions[name], package, says)
            elif name in package.classes:
                parts += _class(package, name, says)
            else:
                parts += _function(package, name, says)
    parts += command_line.parts(package.modules, package.classes)
    return page("The Python API", f"the docstrings in {FOLDER}", parts)
