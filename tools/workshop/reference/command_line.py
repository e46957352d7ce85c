"""The command line of the Python package, as its own argparse parser describes it.

The package cannot be imported here, as it needs Windows. What makes the parser needs only the names of the
choices, so it runs with stand-ins for them, and with those modules of the package that need nothing else. The
words are laid out here, since argparse's own layout differs between Pythons.
"""

from __future__ import annotations
import __future__

import argparse
import ast
import enum
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from workshop.reference.markdown import SourceError, block, code, one_line, paragraph, prose, table

SOURCE = "bindings/python/ws2echo/__main__.py"
MODULES = ("_units", "_load_arguments", "__main__")  # what the parser is made of, the last by the others
MAKER = "_parser"
DEFAULT = re.compile(r"\s*\(?default: %\(default\)[sr]\)?")


def _choices(node: ast.ClassDef) -> object:
    members = {
        ast.unparse(one.targets[0]): ast.literal_eval(one.value)
        for one in node.body
        if isinstance(one, ast.Assign)
    }
    return enum.StrEnum(node.name, members)


def _is_of_package(node: ast.stmt) -> bool:
    """Whether it imports what is not here; or the annotations, which the compiler is told of."""
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
    return any(name.startswith(("ws2echo", "__future__")) for name in names)


def parser(modules: Mapping[str, ast.Module], classes: Mapping[str, ast.ClassDef]) -> argparse.ArgumentParser:
    """The parser, made by the source's own functions."""
    enums = {
        name: _choices(node)
        for name, node in classes.items()
        if any(ast.unparse(base) == "enum.StrEnum" for base in node.bases)
    }
    nodes = [node for name in MODULES for node in modules[name].body]
    kept = [node for node in nodes if not _is_of_package(node) and not isinstance(node, ast.If)]
    flags = __future__.annotations.compiler_flag
    program = compile(ast.Module(kept, type_ignores=[]), SOURCE, "exec", flags=flags, dont_inherit=True)
    names: dict[str, Any] = {**enums, "ws2echo": SimpleNamespace(__version__="", **enums)}
    try:
        exec(program, names)
        made = names[MAKER]()
    except Exception as error:
        raise SourceError(f"{SOURCE}: cannot make the parser: {type(error).__name__}: {error}") from error
    if not isinstance(made, argparse.ArgumentParser):
        raise SourceError(f"{SOURCE}: {MAKER} makes no parser")
    return made


def _invocation(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return action.dest
    takes = action.nargs != 0 and not isinstance(action, argparse.BooleanOptionalAction)
    return ", ".join(action.option_strings) + (f" {value}" if takes else "")


def _default(action: argparse.Action) -> str:
    if action.default in (None, argparse.SUPPRESS) or action.nargs == 0:
        return ""
    if isinstance(action, argparse.BooleanOptionalAction):
        return code(action.option_strings[0 if action.default else 1])
    return code(str(action.default))


def _command(program: str, made: argparse.ArgumentParser) -> list[str]:
    rows = []
    for action in made._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        meaning = prose(one_line(DEFAULT.sub("", action.help or "")))
        rows.append([code(_invocation(action)), meaning, _default(action)])
    places = "".join(f" [{one.dest}]" for one in made._actions if not one.option_strings)
    return [
        f"### {program}",
        block("text", f"{program} [options]{places}"),
        paragraph(prose(made.description or "")),
        table(["Argument", "Meaning", "Default"], rows),
    ]


def parts(modules: Mapping[str, ast.Module], classes: Mapping[str, ast.ClassDef]) -> list[str]:
    made = parser(modules, classes)
    found = ["## Command line", paragraph(prose(f"{made.description or ''} {made.epilog or ''}"))]
    for action in made._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                found += _command(f"{made.prog} {name}", command)
    return found
