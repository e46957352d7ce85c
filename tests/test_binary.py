"""The DLL as a file: what it exports and imports, how it is hardened, what it says of itself."""

import ctypes
import os
import re
import subprocess
from pathlib import Path

import abi
import pe
import pytest

SOURCE = Path(os.environ.get("WS2ECHO_SOURCE", Path(__file__).parent.parent))
BUILD = Path(os.environ.get("WS2ECHO_BUILD", SOURCE / "build"))
IMAGE_SCN_MEM_EXECUTE = 0x20000000
IMAGE_SCN_MEM_WRITE = 0x80000000
STATUS_STACK_BUFFER_OVERRUN = 0xC0000409
FOR_TESTS = re.compile(r"w2e_(calls?|failing|tsan)_|__[atu]san_|__gcov|__ubsan")
# The C runtime is msvcrt or, with newer tools, the Universal CRT behind its API sets.
ALLOWED_IMPORTS = re.compile(
    r"(ws2_32|kernel32|user32|msvcrt|ucrtbase|vcruntime140|api-ms-win-crt-[a-z0-9-]+)\.dll"
)


@pytest.fixture(scope="module")
def image() -> pe.Image:
    return pe.read(abi.dll_path())


def test_is_a_64_bit_dll(image: pe.Image) -> None:
    assert image.machine == pe.MACHINE_AMD64
    assert image.characteristics & pe.IS_DLL


def test_exports_what_the_header_declares_and_nothing_else(image: pe.Image) -> None:
    assert set(image.exports) == abi.FUNCTIONS


def test_imports_only_winsock_kernel_user_and_c_runtime(image: pe.Image) -> None:
    names = {name.lower() for name in image.imports}
    assert {"ws2_32.dll", "kernel32.dll"} <= names
    assert not [name for name in names if not ALLOWED_IMPORTS.fullmatch(name)]


def test_has_nothing_that_makes_calls_fail() -> None:
    """The table of what can be made to fail (dll/win/failing.c) is in programs for tests only."""
    content = abi.dll_path().read_bytes()
    assert b"\0wait_alertable\0" not in content
    assert b"w2e_failing" not in content


def test_can_be_put_anywhere_and_does_not_execute_data(image: pe.Image) -> None:
    for flag in (pe.DYNAMIC_BASE, pe.HIGH_ENTROPY_VA, pe.NX_COMPAT):
        assert image.dll_characteristics & flag, f"0x{flag:x} is not set"
    assert not image.characteristics & pe.RELOCS_STRIPPED
    assert image.relocation_bytes > 8, "without relocations it cannot be moved, whatever the flags say"
    for name, flags in image.sections.items():
        assert not (flags & IMAGE_SCN_MEM_EXECUTE and flags & IMAGE_SCN_MEM_WRITE), (
            f"{name} is writable and executable"
        )


def test_is_guarded_against_overruns_by_code_of_its_own(image: pe.Image) -> None:
    """The stack protector and FORTIFY; that no runtime library comes with them, the test of imports says."""
    assert {"__stack_chk_fail", "__stack_chk_guard", "__memcpy_chk", "__chk_fail"} <= image.symbols


@pytest.mark.parametrize("kind", ["stack", "copy"])
def test_who_overruns_an_array_is_ended(kind: str) -> None:
    """The program that does it is compiled as the DLL is."""
    program = BUILD / "win64" / "tests" / "overruns.exe"
    ends = {}
    for size in (16, 64):
        run = subprocess.run([str(program), kind, str(size)], capture_output=True, text=True, check=False)
        ends[size] = (run.returncode & 0xFFFFFFFF, run.stdout.strip())
    assert ends == {16: (0, "survived"), 64: (STATUS_STACK_BUFFER_OVERRUN, "")}


def test_holds_nothing_that_is_there_for_tests(image: pe.Image) -> None:
    """What counts or fails calls of the system, or tells a sanitizer of them, is in other builds only."""
    found = [name for name in image.symbols if FOR_TESTS.search(name)]
    assert not found
    assert "w2e_registry_acquire" in image.symbols, "the names of symbols are not what they are thought to be"


def test_does_not_say_when_or_where_it_was_built(image: pe.Image) -> None:
    assert image.timestamp == 0
    data = abi.dll_path().read_bytes()
    for place in (str(SOURCE), SOURCE.as_posix().removeprefix("Z:")):
        assert place.encode() not in data


def test_version_resource_says_the_version(image: pe.Image) -> None:
    version = abi.DLL.ws2echo_version().decode()
    signature = image.version.find((0xFEEF04BD).to_bytes(4, "little"))
    assert signature >= 0
    high, low = (
        int.from_bytes(image.version[signature + at : signature + at + 4], "little") for at in (8, 12)
    )
    assert [high >> 16, high & 0xFFFF, low >> 16] == [int(part) for part in version.split(".")]
    assert image.version_strings["FileVersion"].startswith(version)
    assert image.version_strings["ProductVersion"].startswith(version)
    assert image.version_strings["ProductName"] == "ws2echo"
    assert image.version_strings["OriginalFilename"] == "ws2echo.dll"


def test_windows_itself_finds_every_export() -> None:
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.GetProcAddress.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    kernel32.GetProcAddress.restype = ctypes.c_void_p
    for name in abi.FUNCTIONS:
        assert kernel32.GetProcAddress(abi.DLL._handle, name.encode()), name
