"""The .NET binding: its test program on .NET Core 3.1 and .NET 8, each test one here; and the example."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from last_words import END_LIMIT_S, LAST_WORD, end_of
from programs import run_mixed

SOURCE = Path(os.environ.get("WS2ECHO_SOURCE", Path(__file__).parent.parent))
BUILD = Path(os.environ.get("WS2ECHO_BUILD", SOURCE / "build"))
RUNTIMES = {"3.1": "WS2ECHO_DOTNET", "8": "WS2ECHO_DOTNET8"}
TESTS = "Ws2Echo.Tests"
EXAMPLE = "EchoSession"
LIMIT_S = 400

pytestmark = pytest.mark.timeout(LIMIT_S + 60)


def names() -> list[str]:
    """The tests of the program, as they stand in its source."""
    found = []
    for path in sorted((SOURCE / "bindings" / "csharp" / "tests" / TESTS).glob("*Tests.cs")):
        methods = re.findall(r"\[Test\]\s+public static (?:async Task|void) (\w+)\(", path.read_text("utf-8"))
        found += [f"{path.stem}.{method}" for method in methods]
    return found


def command(runtime: str, program: str, *arguments: str) -> list[str]:
    host = os.environ.get(RUNTIMES[runtime])
    if host is None:
        pytest.skip(f"{RUNTIMES[runtime]} does not name a dotnet.exe")
    path = BUILD / "dotnet" / program / f"{program}.dll"
    assert path.exists(), f"{path} was not built"
    return [host, str(path), *arguments]


def dotnet(runtime: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_mixed(command(runtime, program, *arguments), LIMIT_S)


@dataclass
class Run:
    """What the test program printed: of each test, how it ended and what it said."""

    output: str
    verdicts: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = ""
        for line in self.output.splitlines():
            if match := re.match(r"(PASS|FAIL) (\S+) ", line):
                name = match[2]
                self.verdicts[name] = match[1]
                self.said[name] = line
            elif name:
                self.said[name] += "\n" + line


@pytest.fixture(scope="module", params=list(RUNTIMES))
def run(request: pytest.FixtureRequest) -> Run:
    return Run(dotnet(request.param, TESTS).stdout)


@pytest.mark.parametrize("name", names())
def test_dotnet(run: Run, name: str) -> None:
    assert name in run.verdicts, f"it did not come to its end; the program printed:\n{run.output}"
    assert run.verdicts[name] == "PASS", run.said[name]


def test_no_test_is_forgotten(run: Run) -> None:
    assert set(run.verdicts) == set(names())


@pytest.mark.timeout(END_LIMIT_S)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_program_may_end_with_everything_open(runtime: str) -> None:
    """With threads that wait inside, and others that call all the time: no crash, no hang, no word."""
    assert end_of(command(runtime, TESTS, "--leave-open")) == (0, LAST_WORD)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_example_holds_a_session_of_its_own(runtime: str) -> None:
    result = dotnet(runtime, EXAMPLE, "--self")
    assert result.returncode == 0, result.stdout
    said = result.stdout.splitlines()
    assert re.fullmatch(r"Connected to (\[::1\]|127\.0\.0\.1):\d+", said[0])
    assert said[1:] == ["Bytes Sent: 14", "Bytes received: 14 (this is a test)", "Connection closed"]


def test_the_example_says_what_failed() -> None:
    nobody = dotnet("3.1", EXAMPLE, "127.0.0.1", "1")
    assert (nobody.returncode, "WSAECONNREFUSED (10061)" in nobody.stdout) == (1, True), nobody.stdout
    wrong = dotnet("3.1", EXAMPLE, "localhost", "not-a-port")
    assert (wrong.returncode, wrong.stdout.startswith("usage:")) == (2, True), wrong.stdout
