"""The pytest plugin, in runs of pytest of its own; and the Python examples."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import ws2echo
from waiting import LIMIT_S

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "python"


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), *arguments],
        cwd=folder,
        input="",
        capture_output=True,
        text=True,
        timeout=LIMIT_S * 2,
        check=False,
    )


def test_it_is_registered() -> None:
    registered = [point.value for point in entry_points(group="pytest11") if point.name == "ws2echo"]
    assert set(registered) == {"ws2echo.pytest_plugin"}


def test_the_fixtures_work(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import ws2echo\n"
        "def test_one(echo_server):\n"
        "    with ws2echo.Client(echo_server.port) as client:\n"
        "        assert client.echo(b'x') == b'x'\n"
        "def test_several(make_echo_server):\n"
        "    first, second = make_echo_server(), make_echo_server('127.0.0.1', idle_timeout=9)\n"
        "    assert first.port != second.port\n"
        "    assert second.options.idle_timeout == 9\n"
        "def test_both(echo_server, make_echo_server):\n"
        "    assert make_echo_server().port != echo_server.port\n",
        "utf-8",
    )
    done = run_pytest(tmp_path, "-q")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    listed = run_pytest(tmp_path, "--fixtures").stdout
    assert "echo_server" in listed
    assert "make_echo_server" in listed


def test_servers_are_closed_even_when_the_test_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "servers = []\n"
        "def test_fails(echo_server, make_echo_server):\n"
        "    servers.extend([echo_server, make_echo_server(), make_echo_server()])\n"
        "    assert False, 'on purpose'\n"
        "def test_afterwards():\n"
        "    assert [server.closed for server in servers] == [True] * 3\n",
        "utf-8",
    )
    done = run_pytest(tmp_path, "-q")
    assert "1 failed, 1 passed" in done.stdout


def test_a_server_may_be_closed_by_the_test(echo_server: ws2echo.Server) -> None:
    echo_server.close()


def test_the_example_of_a_test() -> None:
    done = run_pytest(EXAMPLES, "-q", "test_own_protocol.py")
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_the_example_of_a_session(echo_server: ws2echo.Server) -> None:
    alone = _example("echo_session.py")
    assert alone.returncode == 0, alone.stderr
    assert "Bytes sent: 14\n" in alone.stdout
    assert "Connection closed\n" in alone.stdout
    assert "accepted" in alone.stdout
    with_server = _example("echo_session.py", str(echo_server.port), "127.0.0.1")
    assert with_server.returncode == 0, with_server.stderr
    assert "Bytes received: 14" in with_server.stdout
    echo_server.close()
    assert _example("echo_session.py", str(echo_server.port)).returncode == 1


def _example(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        input="",
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.parametrize("name", ["echo_server", "make_echo_server"])
def test_the_fixtures_are_documented(name: str) -> None:
    from ws2echo import pytest_plugin

    assert getattr(pytest_plugin, name).__doc__
