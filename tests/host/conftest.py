"""Fixtures for tests on the host: what dist/ holds is put somewhere else, and used from there."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from packages import LIMIT_S, RunWindows, only_one
from workshop import machine, wine


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive for C, unpacked: its one top folder."""
    folder = tmp_path_factory.mktemp("archive")
    with zipfile.ZipFile(only_one("ws2echo-*-win64.zip")) as packed:
        packed.extractall(folder)
    (top,) = folder.iterdir()
    return top


@pytest.fixture(scope="session")
def wheel() -> Path:
    return only_one("ws2echo-*-cp311-abi3-win_amd64.whl")


@pytest.fixture(scope="session")
def nuget() -> Path:
    return only_one("Ws2Echo.*.nupkg")


@pytest.fixture(scope="session")
def windows_python() -> Path:
    return machine.windows_python() / "python.exe"


@pytest.fixture
def run_windows(tmp_path: Path) -> RunWindows:
    """Runs a program on the Windows machine, in an empty folder; it must succeed. Gives what it printed."""

    def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> str:
        out, err = bytearray(), bytearray()
        status = wine.run(
            command, limit_s=LIMIT_S, stdout=out.extend, stderr=err.extend, env=env, cwd=tmp_path
        )
        told = f"exit status {status}\n{out.decode(errors='replace')}\n{err.decode(errors='replace')}"
        assert status == 0, told
        return out.decode().replace("\r\n", "\n")

    return run
