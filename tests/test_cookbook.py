"""docs/cookbook.md: its Python is run as it stands there, and its C# is what the .NET tests run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(os.environ.get("WS2ECHO_SOURCE", Path(__file__).parent.parent))
PAGE = (SOURCE / "docs" / "cookbook.md").read_text("utf-8")
DOTNET_TESTS = SOURCE / "bindings" / "csharp" / "tests" / "Ws2Echo.Tests" / "CookbookTests.cs"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def recipes() -> dict[str, Callable[[], None]]:
    """The tests of the page, each of which may use what stands before it."""
    names: dict[str, Any] = {"__name__": "cookbook"}
    exec(compile("\n\n".join(blocks("python")), "docs/cookbook.md", "exec"), names)
    return {name: value for name, value in names.items() if name.startswith("test_")}


RECIPES = recipes()


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe(name: str) -> None:
    RECIPES[name]()


def test_there_are_twelve() -> None:
    titles = re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE)
    assert titles == [str(number) for number in range(1, 13)]
    assert len(blocks("python")) == len(blocks("csharp")) == 13


def without_indents(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


@pytest.mark.parametrize("block", blocks("csharp"), ids=lambda block: re.findall(r"\w+(?=\()", block)[0])
def test_the_csharp_is_what_is_run(block: str) -> None:
    run = without_indents(DOTNET_TESTS.read_text("utf-8"))
    assert without_indents(block).replace("[Fact]", "[Test]") in run
