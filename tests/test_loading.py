"""The DLL comes from its own package, whatever lies in the current folder or in PATH under its name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("WS2ECHO_SOURCE", Path(__file__).parent.parent))
BUILD = Path(os.environ.get("WS2ECHO_BUILD", SOURCE / "build"))
LIMIT_S = 100

WHERE_IN_PYTHON = """
import ctypes, os, ws2echo
kernel = ctypes.WinDLL("kernel32")
kernel.GetModuleHandleW.restype = ctypes.c_void_p
module = ctypes.c_void_p(kernel.GetModuleHandleW("ws2echo.dll"))
path = ctypes.create_unicode_buffer(1000)
kernel.GetModuleFileNameW(module, path, 1000)
print(os.path.samefile(os.path.dirname(path.value), os.path.dirname(ws2echo.__file__)), ws2echo.__version__)
"""


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder with DLLs of our names, which load but are something else."""
    other = BUILD / "win64" / "tests" / "wine_frames.dll"
    for name in ("ws2echo.dll", "ws2echo_csharp.dll"):
        shutil.copyfile(other, tmp_path / name)
    return tmp_path


def run_in(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{folder};{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, env=env, input="", capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def test_the_trap_would_be_stepped_into(trap: Path) -> None:
    """A program that asks for the bare name gets it: or the tests below would show nothing."""
    code = (
        "import ctypes; library = ctypes.CDLL('ws2echo.dll', winmode=0);"
        "print(hasattr(library, 'wine_frames_install'), hasattr(library, 'ws2echo_version'))"
    )
    run = run_in(trap, sys.executable, "-S", "-c", code)
    assert run.stdout.split() == ["True", "False"], run.stdout + run.stderr


def test_python_takes_the_one_of_its_package(trap: Path) -> None:
    run = run_in(trap, sys.executable, "-c", WHERE_IN_PYTHON)
    assert run.stdout.split()[:1] == ["True"], run.stdout + run.stderr


@pytest.mark.parametrize("runtime", ["WS2ECHO_DOTNET", "WS2ECHO_DOTNET8"])
def test_dotnet_takes_the_one_of_its_package(trap: Path, runtime: str) -> None:
    host = os.environ.get(runtime)
    if host is None:
        pytest.skip(f"{runtime} does not name a dotnet.exe")
    program = BUILD / "dotnet" / "EchoSession" / "EchoSession.dll"
    run = run_in(trap, host, str(program), "--self")
    assert "Bytes received: 14 (this is a test)" in run.stdout, run.stdout + run.stderr
