"""Programs of the tests for Windows, compiled from a net's own source, and run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workshop import machine, wine
from workshop.nets.net import FoundError, Run
from workshop.steps import log_path, run

COMPILE_LIMIT_S = 900.0


class Programs:
    """Those of one run of a net, and their DLL."""

    def __init__(self, run: Run, name: str, *options: str) -> None:
        """options: further ones for cmake."""
        self._source = run.source
        self._name = name
        self._options = options
        self.folder = run.build / "win64"

    def build(self, *targets: str) -> None:
        """Compile, as `./dev build` does, but only these."""
        env = machine.tools_environment()
        toolchain = self._source / "cmake" / "mingw-w64.cmake"
        chosen = [f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-DCMAKE_BUILD_TYPE=Release", "-DWS2ECHO_TESTS=ON"]
        chosen += self._options
        where: list[str | Path] = ["-G", "Ninja", "-S", self._source, "-B", self.folder]
        log = f"net-{self._name}-build"
        run(["cmake", *where, *chosen], log, limit_s=COMPILE_LIMIT_S, env=env)
        build: list[str | Path] = ["cmake", "--build", self.folder, "--target", "ws2echo", *targets]
        run(build, log, limit_s=COMPILE_LIMIT_S, env=env, append=True)

    def run(self, command: Sequence[str], *, limit_s: float) -> str:
        """Run one of them to its end: what it printed. Not to come to an end is a find."""
        said = bytearray()
        program = self.folder / "tests" / command[0]
        # A program finds its DLL beside itself, or in a folder of the PATH.
        env = {"WINEPATH": "Z:" + str(self.folder).replace("/", "\\")}
        with log_path(f"net-{self._name}").open("wb", buffering=0) as log:

            def sink(data: bytes) -> None:
                log.write(data)
                said.extend(data)

            status = wine.run(
                [program, *command[1:]], limit_s=limit_s, stdout=sink, stderr=sink, env=env, cwd=self.folder
            )
        text = said.decode(errors="replace").replace("\r\n", "\n")
        if status not in (0, 1, wine.TIMED_OUT):  # 1: it found something, and says so
            raise FoundError(f"{' '.join(command)} ended with status {status}:\n{text[-2000:]}")
        if status == wine.TIMED_OUT:
            raise FoundError(
                f"{' '.join(command)} did not end within {limit_s:.0f} s; it printed\n{text[-2000:]}"
            )
        return text
