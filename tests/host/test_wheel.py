"""The wheel is all that a Windows Python needs."""

import zipfile
from pathlib import Path

import pytest
from packages import RunWindows
from workshop.paths import windows_path

ONE_LINE = (
    "import ws2echo\n"
    "with ws2echo.Server() as s, ws2echo.Client(port=s.port) as c: assert c.echo(b'x\\0y') == b'x\\0y'\n"
    "print('echoed')"
)


@pytest.fixture
def installed(wheel: Path, windows_python: Path, tmp_path: Path, run_windows: RunWindows) -> dict[str, str]:
    """The environment of a Python that has the wheel, installed by pip, and nothing else."""
    target = tmp_path / "site"
    pip = ["-m", "pip", "install", "--no-index", "--no-compile", "--disable-pip-version-check", "--target"]
    run_windows([windows_python, *pip, windows_path(target), windows_path(wheel)])
    return {"PYTHONPATH": windows_path(target), "PYTHONDONTWRITEBYTECODE": "1"}


def test_one_line_with_nothing_but_the_wheel(
    installed: dict[str, str], windows_python: Path, run_windows: RunWindows
) -> None:
    assert run_windows([windows_python, "-W", "error", "-c", ONE_LINE], installed) == "echoed\n"
    module = [windows_python, "-m", "ws2echo", "--help"]
    assert "serve" in run_windows(module, installed)


def test_holds_types_the_dll_and_the_pytest_plugin(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        (points,) = (packed.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert {"ws2echo/__init__.py", "ws2echo/py.typed", "ws2echo/ws2echo.dll"} <= names
    assert "ws2echo = ws2echo.pytest_plugin" in points
    folders = {name.split("/")[0] for name in names}
    assert all(folder == "ws2echo" or folder.endswith(".dist-info") for folder in folders), folders
    assert not [name for name in names if name.endswith((".a", ".lib", ".h", ".c", ".i"))]
