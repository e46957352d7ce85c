"""Build: the DLL and programs, the C archive, the wheel, the NuGet package.

A step whose inputs did not change is skipped.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from workshop import machine, parts, stamps, wine
from workshop.locks import exclusive
from workshop.paths import (
    BENCH_NATIVE,
    BENCH_PLAIN,
    BENCH_WIN64,
    BUILD,
    CACHE,
    DIST,
    HOST,
    SITE,
    SOURCE,
    WIN64,
    version,
    windows_path,
)
from workshop.steps import StepError, failure_text, log_path, report, run, step

COMPILE_LIMIT_S = 900.0
DOTNET_LIMIT_S = 600.0

DLL_INPUTS = (
    "CMakeLists.txt",
    "CMakePresets.json",
    "cmake",
    "include",
    "dll",
    "bindings/ws2echo.i",
    "bindings/CMakeLists.txt",
    "bindings/csharp/*.i",
    "bindings/csharp/CMakeLists.txt",
    "bindings/csharp/tests/*.c",
    "bindings/python/*.i",
    "bindings/python/CMakeLists.txt",
    "examples/CMakeLists.txt",
    "examples/c",
    "tests/CMakeLists.txt",
    "tests/**/*.c",
    "tests/**/*.h",
    "tests/**/CMakeLists.txt",
)
WHEEL_INPUTS = (
    "pyproject.toml",
    "CMakeLists.txt",
    "cmake",
    "include",
    "dll",
    "bindings/ws2echo.i",
    "bindings/CMakeLists.txt",
    "bindings/python",
    "README.md",
    "LICENSE",
)
NUGET_INPUTS = ("bindings/csharp/Ws2Echo", "bindings/csharp/*.*", "README.md", "LICENSE")
ARCHIVE_INPUTS = ("README.md", "LICENSE", "CHANGELOG.md", "docs")
BENCH_INPUTS = ("CMakeLists.txt", "CMakePresets.json", "cmake", "bench")

GO_ECHO = BENCH_WIN64 / "peers-go" / "echo.exe"
DOTNET_ECHO = BUILD / "dotnet" / "bench-echo" / "echo.dll"

ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def _when_changed(
    name: str, title: str, value: str, outputs: Sequence[Path], work: Callable[[], None]
) -> None:
    if stamps.is_current(name, value, outputs):
        return
    with step(title):
        stamps.forget(name)
        work()
        missing = [str(output.relative_to(SOURCE)) for output in outputs if not output.exists()]
        if missing:
            raise StepError("it succeeded but did not make " + ", ".join(missing))
        stamps.remember(name, value)


def _locked(work: Callable[[], None]) -> None:
    if not (SOURCE / "CMakeLists.txt").exists():
        raise StepError("there is no CMakeLists.txt to build")
    with exclusive(BUILD / ".lock"):
        work()


# The DLL and programs


def _dll_digest() -> str:
    return stamps.digest(DLL_INPUTS, [str(machine.tools())])


def _programs() -> None:
    def work() -> None:
        env = machine.tools_environment()
        run(["cmake", "--preset", "mingw-cross"], "cmake-win64", limit_s=COMPILE_LIMIT_S, env=env)
        run(["cmake", "--build", WIN64], "build-win64", limit_s=COMPILE_LIMIT_S, env=env)

    machine.debian(parts.CROSS_COMPILER)
    _when_changed("win64", "Compiling the DLL and the programs", _dll_digest(), [WIN64 / "ws2echo.dll"], work)


def programs() -> None:
    """build/win64: the DLL, its import library, the example programs and the tests' peers."""
    _locked(_programs)


def find_program(name: str) -> Path:
    """A program by its path, or by its name among those that were built."""
    given = Path(name)
    folders = [Path.cwd(), WIN64 / "examples", WIN64 / "tests", WIN64]
    for candidate in [given, *(folder / f"{name}{ending}" for folder in folders for ending in ("", ".exe"))]:
        if candidate.is_file():
            return candidate.absolute()
    built = sorted(
        path.name for folder in (WIN64 / "examples", WIN64 / "tests") for path in folder.glob("*.exe")
    )
    raise StepError(f"there is no program {name}; those that were built: {', '.join(built) or 'none'}")


# The C archive


def pack(folder: Path, target: Path) -> None:
    """A zip that is the same, byte for byte, whenever the files are."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(Path(folder.name) / path.relative_to(folder)), ZIP_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    partial.replace(target)


def _archive() -> None:
    _programs()
    folder = BUILD / "archive" / f"ws2echo-{version()}-win64"
    target = DIST / f"{folder.name}.zip"

    def work() -> None:
        shutil.rmtree(BUILD / "archive", ignore_errors=True)
        env = machine.tools_environment()
        run(["cmake", "--install", WIN64, "--prefix", folder], "archive", limit_s=120, env=env)
        pack(folder, target)

    value = stamps.digest(ARCHIVE_INPUTS, [_dll_digest()])
    _when_changed("archive", "Packing the archive for C", value, [folder, target], work)


# The wheel


def wheel_path() -> Path:
    return DIST / f"ws2echo-{version()}-cp311-abi3-win_amd64.whl"


def _wheel_digest() -> str:
    return stamps.digest(WHEEL_INPUTS, [str(machine.tools()), str(machine.windows_python_folder())])


def wheel(source: Path, target: Path, folder: Path, env: dict[str, str], log: str) -> None:
    """Build the wheel of a source into a target, working in a folder."""
    toolchain = source / "cmake" / "mingw-w64.cmake"
    definitions = f"-DCMAKE_TOOLCHAIN_FILE={toolchain};-DWS2ECHO_PYTHON_ROOT={machine.windows_python()}"
    env = env | {"_PYTHON_HOST_PLATFORM": "win-amd64", "SETUPTOOLS_EXT_SUFFIX": ".pyd"}
    env["SKBUILD_CMAKE_ARGS"] = definitions
    arguments: list[str | Path] = ["--wheel", "--no-isolation", "--outdir", target, f"-Cbuild-dir={folder}"]
    command = [machine.tools() / "python", "-m", "build", *arguments, source]
    run(command, log, limit_s=COMPILE_LIMIT_S, env=env)


def _wheel() -> None:
    machine.debian(parts.CROSS_COMPILER)
    machine.windows_python()

    def work() -> None:
        for old in DIST.glob("ws2echo-*.whl"):
            old.unlink()
        wheel(SOURCE, DIST, BUILD / "wheel", machine.tools_environment(), "wheel")

    _when_changed("wheel", "Building the Python wheel", _wheel_digest(), [wheel_path()], work)


def _site() -> None:
    _wheel()

    def work() -> None:
        fresh = BUILD / "site.new"
        shutil.rmtree(fresh, ignore_errors=True)
        with zipfile.ZipFile(wheel_path()) as wheel:
            wheel.extractall(fresh)
        shutil.rmtree(SITE, ignore_errors=True)
        fresh.rename(SITE)

    _when_changed("site", "Unpacking the wheel into build/site", _wheel_digest(), [SITE / "ws2echo"], work)


def site() -> None:
    """build/site: what `import ws2echo` finds in ./dev python."""
    _locked(_site)


# The NuGet package and the .NET programs


def with_msbuild_flags(arguments: Sequence[str]) -> list[str]:
    """Add what keeps the compiler server and MSBuild's nodes from outliving the command with its pipes."""
    return [arguments[0], "-p:UseSharedCompilation=false", "-nodeReuse:false", *arguments[1:]]


def dotnet(arguments: Sequence[str], log: str) -> None:
    """Run the SDK with its output in a log; raise StepError, with the log's tail, unless it succeeds."""
    machine.prefix()
    path = log_path(log)
    command: list[str | Path] = [machine.dotnet_sdk() / "dotnet.exe", *with_msbuild_flags(arguments)]
    with path.open("wb", buffering=0) as out:
        status = wine.run(
            command,
            limit_s=DOTNET_LIMIT_S,
            stdout=out.write,
            stderr=out.write,
            env=machine.windows_environment(),
        )
    if status != 0:
        raise StepError(failure_text(f"dotnet {arguments[0]} failed with exit status {status}", path))


def nuget_path() -> Path:
    return DIST / f"Ws2Echo.{version()}.nupkg"


def _nuget_digest() -> str:
    return stamps.digest(NUGET_INPUTS, [_dll_digest()])


def _nuget() -> None:
    _programs()

    def work() -> None:
        for old in DIST.glob("Ws2Echo.*.nupkg"):
            old.unlink()
        # NuGet takes a package of the same version from its folder rather than the new one.
        shutil.rmtree(BUILD / "nuget-packages" / "ws2echo", ignore_errors=True)
        project = SOURCE / "bindings" / "csharp" / "Ws2Echo" / "Ws2Echo.csproj"
        dotnet(["pack", windows_path(project), "-c", "Release", "-o", windows_path(DIST)], "nuget")

    _when_changed("nuget", "Packing the NuGet package", _nuget_digest(), [nuget_path()], work)


def dotnet_program_path(project: str) -> Path:
    return BUILD / "dotnet" / project / f"{project}.dll"


def _dotnet_programs(folder: Path) -> None:
    """Build each .NET program below a folder of the source, against the NuGet package."""
    for project in sorted(folder.rglob("*.csproj")):
        program = dotnet_program_path(project.stem)
        output = program.parent

        def work(project: Path = project, output: Path = output) -> None:
            shutil.rmtree(output, ignore_errors=True)
            dotnet(
                ["build", windows_path(project), "-c", "Release", "-o", windows_path(output)],
                f"dotnet-{project.stem}",
            )

        value = stamps.digest([str(folder.relative_to(SOURCE))], [_nuget_digest()])
        _when_changed(f"dotnet-{project.stem}", f"Building {project.stem} for .NET", value, [program], work)


# What ./dev bench measures against


def bench_floors() -> None:
    """build/bench-win64/peers: the smallest Winsock server of each model."""

    def work() -> None:
        env = machine.tools_environment()
        run(["cmake", "--preset", "bench-win64"], "cmake-bench-win64", limit_s=COMPILE_LIMIT_S, env=env)
        build = ["cmake", "--build", str(BENCH_WIN64), "--target", "bench_floors", "bench_prng"]
        run(build, "build-bench-win64", limit_s=COMPILE_LIMIT_S, env=env)

    machine.debian(parts.CROSS_COMPILER)
    value = stamps.digest(BENCH_INPUTS, [str(machine.tools())])
    outputs = [BENCH_WIN64 / "peers" / "floor_iocp.exe", GO_ECHO.with_name("bcryptprimitives.dll")]
    title = "Compiling the smallest Winsock servers"
    _locked(lambda: _when_changed("bench-win64", title, value, outputs, work))


def bench_ours() -> None:
    """build/bench-win64: our DLL, a server on it, and the load that measures."""

    def work() -> None:
        env = machine.tools_environment()
        run(["cmake", "--preset", "bench-win64"], "cmake-bench-ours", limit_s=COMPILE_LIMIT_S, env=env)
        command = ["cmake", "--build", str(BENCH_WIN64), "--target", "bench_ours"]
        run(command, "build-bench-ours", limit_s=COMPILE_LIMIT_S, env=env)

    machine.debian(parts.CROSS_COMPILER)
    value = stamps.digest([*BENCH_INPUTS, "include", "dll"], [str(machine.tools())])
    outputs = [BENCH_WIN64 / "serve.exe", BENCH_WIN64 / "measure.exe", BENCH_WIN64 / "ws2echo.dll"]
    _locked(
        lambda: _when_changed(
            "bench-ours", "Compiling the servers and the load to measure", value, outputs, work
        )
    )


def bench_without_faults() -> None:
    """build/bench-win64-without-faults: the server on a DLL without faults."""

    def work() -> None:
        env = machine.tools_environment()
        made = ["cmake", "--preset", "bench-win64", "-B", str(BENCH_PLAIN), "-DWS2ECHO_WITHOUT_FAULTS=ON"]
        run(made, "cmake-bench-plain", limit_s=COMPILE_LIMIT_S, env=env)
        command = ["cmake", "--build", str(BENCH_PLAIN), "--target", "bench_serve"]
        run(command, "build-bench-plain", limit_s=COMPILE_LIMIT_S, env=env)

    machine.debian(parts.CROSS_COMPILER)
    value = stamps.digest([*BENCH_INPUTS, "include", "dll"], [str(machine.tools())])
    outputs = [BENCH_PLAIN / "serve.exe", BENCH_PLAIN / "ws2echo.dll"]
    title = "Compiling the server without faults"
    _locked(lambda: _when_changed("bench-without-faults", title, value, outputs, work))


def bench_native() -> None:
    """build/bench-native/peers: this machine's own servers and client."""

    def work() -> None:
        env = machine.tools_environment()
        run(["cmake", "--preset", "bench-native"], "cmake-bench-native", limit_s=COMPILE_LIMIT_S, env=env)
        build = ["cmake", "--build", str(BENCH_NATIVE), "--target", "bench_native"]
        run(build, "build-bench-native", limit_s=COMPILE_LIMIT_S, env=env)

    machine.debian(parts.HOST_COMPILER)
    value = stamps.digest(BENCH_INPUTS, [str(machine.tools())])
    outputs = [BENCH_NATIVE / "peers" / "native_load"]
    _locked(
        lambda: _when_changed("bench-native", "Compiling the native servers and client", value, outputs, work)
    )


def bench_go() -> None:
    """Build the Go server for Windows, into the folder of the library that Wine 8 lacks."""

    def work() -> None:
        env = {**os.environ, "GOOS": "windows", "GOARCH": "amd64", "CGO_ENABLED": "0", "GOENV": "off"}
        env |= {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-trimpath -buildvcs=false"}
        env |= {"GOCACHE": str(CACHE / "go-cache"), "GOPATH": str(CACHE / "go")}
        folder = SOURCE / "bench" / "peers" / "go"
        run(["go", "build", "-o", GO_ECHO, "."], "bench-go", limit_s=COMPILE_LIMIT_S, env=env, cwd=folder)

    machine.debian(parts.GO)
    bench_floors()
    value = stamps.digest(["bench/peers/go"], [str(shutil.which("go"))])
    _locked(
        lambda: _when_changed("bench-go", "Cross-building the Go server for Windows", value, [GO_ECHO], work)
    )


def bench_dotnet() -> None:
    """Build the .NET server, for 3.1 and all later."""

    def work() -> None:
        shutil.rmtree(DOTNET_ECHO.parent, ignore_errors=True)
        project = windows_path(SOURCE / "bench" / "peers" / "dotnet" / "echo.csproj")
        dotnet(["build", project, "-c", "Release", "-o", windows_path(DOTNET_ECHO.parent)], "bench-dotnet")

    value = stamps.digest(["bench/peers/dotnet"], [parts.DOTNET_SDK.version])
    title = "Building the .NET server"
    _locked(lambda: _when_changed("bench-dotnet", title, value, [DOTNET_ECHO], work))


def bench_dotnet_client() -> None:
    """Build the client that measures what the .NET binding costs."""

    def work() -> None:
        _nuget()
        _dotnet_programs(SOURCE / "bench" / "ours" / "dotnet")

    _locked(work)


# The whole


def _everything() -> None:
    _archive()
    _site()
    _nuget()
    _dotnet_programs(SOURCE / "bindings" / "csharp" / "tests")
    _dotnet_programs(SOURCE / "examples" / "csharp")


def everything() -> None:
    machine.everything()
    report.say("The build")
    _locked(_everything)


def host_core() -> None:
    """build/host: the pure core and its tests, for this machine, with sanitizers."""

    def work() -> None:
        env = machine.tools_environment()
        run(["cmake", "--preset", "host-core"], "cmake-host", limit_s=COMPILE_LIMIT_S, env=env)
        run(["cmake", "--build", HOST], "build-host", limit_s=COMPILE_LIMIT_S, env=env)

    machine.debian(parts.HOST_COMPILER)
    _locked(work)


def command(arguments: list[str]) -> int:
    if arguments:
        raise StepError("build takes no arguments")
    everything()
    report.say()
    for path in [WIN64 / "ws2echo.dll", *sorted(DIST.iterdir())]:
        report.say(f"  {os.path.relpath(path, SOURCE):48} {path.stat().st_size / 1024:8.0f} KiB")
    return 0
