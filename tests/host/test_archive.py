"""The archive for C is all that a C program needs."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from packages import LIMIT_S, SOURCE, RunWindows

GCC = "x86_64-w64-mingw32-gcc"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
SAYS = "3 bytes came back as they went\n"


def run_host(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def flags_of(package: Path) -> list[str]:
    """What `pkg-config --cflags --libs` says; where there is none, its rules are simple enough."""
    if shutil.which("pkg-config"):
        command = ["pkg-config", "--cflags", "--libs", str(package)]
        return shlex.split(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    values = {"pcfiledir": str(package.parent)}
    for name, mark, value in re.findall(r"^(\w+)(=|: *)(.*)$", package.read_text("utf-8"), re.MULTILINE):
        values[name if mark == "=" else name.lower()] = re.sub(
            r"\$\{(\w+)\}", lambda found: values[found[1]], value
        )
    return shlex.split(f"{values['cflags']} {values['libs']}")


def test_holds_header_dll_import_library_and_documents(archive: Path) -> None:
    files = {str(path.relative_to(archive)) for path in archive.rglob("*") if path.is_file()}
    wanted = {"include/ws2echo.h", "bin/ws2echo.dll", "lib/libws2echo.dll.a", "lib/pkgconfig/ws2echo.pc"}
    wanted |= {
        "lib/cmake/ws2echo/ws2echo-config.cmake",
        "share/doc/ws2echo/README.md",
        "share/doc/ws2echo/LICENSE",
    }
    assert wanted <= files, sorted(wanted - files)


def test_no_file_names_a_place_of_the_build(archive: Path) -> None:
    """Made here, used anywhere: no path of this machine may stand in what is read there."""
    for path in archive.rglob("*"):
        if path.suffix in (".h", ".pc", ".cmake", ".md", ".txt", ".html"):
            assert str(SOURCE) not in path.read_text("utf-8"), path


def test_minimal_is_under_20_lines() -> None:
    assert len((SOURCE / "examples" / "c" / "minimal.c").read_text("utf-8").splitlines()) < 20


@pytest.fixture
def folder(archive: Path, tmp_path: Path) -> Path:
    """Where a program is made, with nothing of the project but its one source and the DLL."""
    shutil.copy(SOURCE / "examples" / "c" / "minimal.c", tmp_path)
    shutil.copy(archive / "bin" / "ws2echo.dll", tmp_path)
    return tmp_path


def test_with_plain_flags(archive: Path, folder: Path, run_windows: RunWindows) -> None:
    program = folder / "minimal.exe"
    flags = [f"-I{archive / 'include'}", f"-L{archive / 'lib'}", "-lws2echo"]
    run_host(GCC, *STRICT, folder / "minimal.c", *flags, "-o", program)
    assert run_windows([program]) == SAYS


def test_with_pkg_config(archive: Path, folder: Path, run_windows: RunWindows) -> None:
    program = folder / "minimal.exe"
    flags = flags_of(archive / "lib" / "pkgconfig" / "ws2echo.pc")
    run_host(GCC, *STRICT, folder / "minimal.c", *flags, "-o", program)
    assert run_windows([program]) == SAYS


def test_with_find_package(archive: Path, tmp_path: Path, run_windows: RunWindows) -> None:
    """The examples that come with the archive build as a project of their own."""
    source, build = archive / "share" / "doc" / "ws2echo" / "examples" / "c", tmp_path / "build"
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={SOURCE / 'cmake' / 'mingw-w64.cmake'}"
    run_host("cmake", "-G", "Ninja", "-S", source, "-B", build, toolchain, f"-DCMAKE_PREFIX_PATH={archive}")
    run_host("cmake", "--build", build)
    assert run_windows([build / "examples" / "minimal.exe"]) == SAYS


def test_as_cpp(archive: Path) -> None:
    """The header is C++ as well, and alone."""
    if not shutil.which("x86_64-w64-mingw32-g++"):
        pytest.skip("no C++ compiler for Windows is installed; the project itself needs none")
    strict = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++"]
    run_host("x86_64-w64-mingw32-g++", *strict, archive / "include" / "ws2echo.h")
