"""The NuGet package is all that a .NET program needs, on .NET Core 3.1 and on .NET 8."""

import shutil
import zipfile
from pathlib import Path

import pytest
from packages import BUILD, SOURCE, RunWindows
from workshop import machine
from workshop.paths import windows_path

PROGRAMS = BUILD / "dotnet"
EXAMPLES = sorted(project.stem for project in (SOURCE / "examples" / "csharp").rglob("*.csproj"))


def test_holds_the_library_its_documentation_and_the_dll(nuget: Path) -> None:
    with zipfile.ZipFile(nuget) as packed:
        names = set(packed.namelist())
    wanted = {"lib/netstandard2.1/Ws2Echo.Net.dll", "lib/netstandard2.1/Ws2Echo.Net.xml"}
    wanted |= {"runtimes/win-x64/native/ws2echo.dll", "runtimes/win-x64/native/ws2echo_csharp.dll"}
    assert wanted <= names, sorted(names)


def test_there_are_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("runtime", ["3.1", "8"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_example_runs_away_from_the_build(
    example: str, runtime: str, tmp_path: Path, run_windows: RunWindows
) -> None:
    """The program was built with the package as its one reference; what came out runs wherever it is put."""
    program = shutil.copytree(PROGRAMS / example, tmp_path / example) / f"{example}.dll"
    dotnet = (machine.dotnet_sdk() if runtime == "3.1" else machine.dotnet_8()) / "dotnet.exe"
    lines = run_windows([dotnet, windows_path(program), "--self"], machine.dotnet_environment()).splitlines()
    assert lines[1:] == ["Bytes Sent: 14", "Bytes received: 14 (this is a test)", "Connection closed"]
