"""The same source, built twice in different folders, gives the same bytes: so anyone can check what they got.

What differs on purpose: the path of the source and its length, the time zone, the language, and the number of
jobs. (The moment differs anyway.)
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from workshop import build, machine, parts
from workshop.nets.net import Figure, FoundError, Net, Run
from workshop.paths import SOURCE, WIN64
from workshop.steps import run

LIMIT_S = 900.0
NEEDED = (
    "CMakeLists.txt",
    "CMakePresets.json",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "bindings",
    "cmake",
    "dll",
    "docs",
    "examples",
    "include",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "bin", "obj")


@dataclass(frozen=True)
class Place:
    """One of the two, with what it does differently."""

    folder: Path
    zone: str
    language: str
    jobs: int

    @property
    def source(self) -> Path:
        return self.folder / "source"

    def environment(self, **extra: str) -> dict[str, str]:
        return machine.tools_environment(TZ=self.zone, LC_ALL=self.language, **extra)


def _copy(run: Run, place: Place) -> None:
    shutil.rmtree(place.folder, ignore_errors=True)
    place.source.mkdir(parents=True)
    for name in NEEDED:
        origin = run.source / name
        if origin.is_dir():
            shutil.copytree(origin, place.source / name, ignore=LEFT_OUT)
        else:
            shutil.copy2(origin, place.source / name)


def _cmake(place: Place, *arguments: str | Path) -> None:
    log = f"reproducible-{place.folder.name}"
    run(["cmake", *arguments], log, limit_s=LIMIT_S, env=place.environment(), append=True)


def _pack(place: Place, built: Path) -> list[Path]:
    """The DLL, its import library, and the archive for C, of what is built in a folder."""
    installed = place.folder / "ws2echo-win64"
    _cmake(place, "--install", built, "--prefix", installed)
    build.pack(installed, place.folder / "ws2echo.zip")
    return [built / "ws2echo.dll", built / "libws2echo.dll.a", place.folder / "ws2echo.zip"]


def _archive(place: Place) -> list[Path]:
    built = place.folder / "win64"
    toolchain = place.source / "cmake" / "mingw-w64.cmake"
    settings = ["-G", "Ninja", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-DCMAKE_BUILD_TYPE=Release"]
    _cmake(place, "-S", place.source, "-B", built, *settings)
    _cmake(place, "--build", built, "--target", "ws2echo", "--parallel", str(place.jobs))
    return _pack(place, built)


def _wheel(place: Place) -> list[Path]:
    target = place.folder / "dist"
    log = f"reproducible-wheel-{place.folder.name}"
    build.wheel(place.source, target, place.folder / "wheel", place.environment(), log)
    return sorted(target.glob("*.whl"))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _first_difference(one: Path, other: Path) -> str:
    a, b = one.read_bytes(), other.read_bytes()
    places = [at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y]
    first = places[0] if places else min(len(a), len(b))
    return f"{len(a)} and {len(b)} bytes, {len(places)} differ, the first at {first}"


def _compare(ones: list[Path], others: list[Path]) -> list[str]:
    if [path.name for path in ones] != [path.name for path in others]:
        return [f"different files: {ones} and {others}"]
    return [
        f"{one.name} depends on where or when it is built: {_first_difference(one, other)} ({one}, {other})"
        for one, other in zip(ones, others, strict=True)
        if _hash(one) != _hash(other)
    ]


def _made(run: Run, place: Place) -> list[Path]:
    _copy(run, place)
    return [*_archive(place), *(_wheel(place) if run.full else [])]


def _made_already(place: Place) -> list[Path]:
    """What the build has made of the project itself, in build/ and dist/."""
    place.folder.mkdir(parents=True, exist_ok=True)
    return _pack(place, WIN64)


def _work(run: Run) -> list[Figure]:
    here = Place(run.build / "one", "UTC", "C", 1)
    there = Place(run.build / "another-with-a-longer-name", "Pacific/Chatham", "C.UTF-8", 2)
    is_built = run.source == SOURCE and not run.full
    if is_built:
        build.programs()
    ones = _made_already(here) if is_built else _made(run, here)
    others = _made(run, there)
    problems = _compare(ones, others)
    if problems:
        raise FoundError("\n".join(problems))
    return [Figure("built twice, the same bytes", ", ".join(path.name for path in others))]


def _prepare() -> None:
    machine.tools()
    machine.debian(parts.CROSS_COMPILER)


NET = Net("reproducible", "Building twice, in different folders", "host", _prepare, _work)
