"""ws2echo.locust: Locust's master and workers, which are processes of their own, drive clients of the DLL."""

from __future__ import annotations

import csv
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tampering
from waiting import LIMIT_S
from ws2echo import Reason, Server

LOCUST = Path(os.environ.get("WS2ECHO_LOCUST") or "none")
LOCUSTFILE = "from ws2echo.locust import EchoUser\n\nclass User(EchoUser):\n    message_bytes = 500\n"
# A time limit of Locust would be none: what starting took may count in it, or not.
QUITS_WHEN_ALL_ECHO = """
from locust import events

@events.init.add_listener
def listen(environment, **_):
    @environment.events.worker_report.add_listener
    def look(**_):
        asked = {name: entry.num_requests for (name, _), entry in environment.stats.entries.items()}
        if asked.get("connect", 0) >= 4 and asked.get("echo", 0) > 0:
            environment.runner.quit()
"""
QUITS_AT_FAILURE = """
from locust import events

@events.test_start.add_listener
def listen(environment, **_):
    @environment.events.request.add_listener
    def look(exception, **_):
        if exception is not None:
            environment.runner.quit()
"""

pytestmark = pytest.mark.timeout(300)
needs_locust = pytest.mark.skipif(not (LOCUST / "locust").is_dir(), reason="Locust is not installed")


def environment() -> dict[str, str]:
    """Where Locust is, and pywin32, which it needs on Windows and whose folders pip would make known."""
    folders = [LOCUST, LOCUST / "win32", LOCUST / "win32" / "lib", LOCUST / "pythonwin"]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], *map(str, folders)]),
        "PATH": os.pathsep.join([str(LOCUST / "pywin32_system32"), os.environ["PATH"]]),
    }


@contextmanager
def python(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process, which is ended in any case."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=environment(),
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate("", timeout=4 * LIMIT_S)
    return process.returncode, out


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    file = tmp_path / "locustfile.py"
    file.write_text(LOCUSTFILE, "utf-8")
    return file


def free_port() -> int:
    """For Locust's own master, which does not tell the port that the system chose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def told(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of the statistics that Locust wrote, by the name of the request."""
    with (folder / "run_stats.csv").open(encoding="utf-8", newline="") as file:
        return {row["Name"]: row for row in csv.DictReader(file)}


@needs_locust
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_master_and_two_workers(locustfile: Path, tmp_path: Path, protocol: str) -> None:
    locustfile.write_text(LOCUSTFILE + QUITS_WHEN_ALL_ECHO, "utf-8")
    port = str(free_port())
    with Server("127.0.0.1", protocol=protocol, model="iocp") as server:
        common = ["-m", "locust", "-f", str(locustfile), "--headless", "--host"]
        common.append(f"{protocol}://127.0.0.1:{server.port}")
        master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        master += ["--expect-workers", "2", "-u", "4", "-r", "4", "--only-summary"]
        worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
        with (
            python(*common, *master, "--csv", str(tmp_path / "run")) as head,
            python(*common, *worker) as one,
            python(*common, *worker) as two,
        ):
            for process in (head, one, two):
                status, out = finished(process)
                assert status == 0, out
        rows = told(tmp_path)
        assert int(rows["connect"]["Request Count"]) == 4
        echoes = int(rows["echo"]["Request Count"])
        assert echoes > 0
        assert (rows["echo"]["Type"], rows["echo"]["Failure Count"]) == (protocol.upper(), "0")
        # At its end Locust breaks off what is under way: that was echoed, and is not told.
        assert 500 * echoes <= server.stats.bytes_sent
        if protocol == "tcp":
            server.drain(LIMIT_S)
            assert server.stats.connections_accepted == 4
            ends = server.stats.connections_closed
            assert ends[Reason.FIN] + ends[Reason.RESET] == 4


@needs_locust
def test_a_wrong_byte_is_a_failure(locustfile: Path) -> None:
    locustfile.write_text(LOCUSTFILE + QUITS_AT_FAILURE, "utf-8")
    with tampering.tampering(tampering.flipped(77), 500) as tampered:
        arguments = ["--headless", "--host", f"tcp://127.0.0.1:{tampered.port}", "-u", "1"]
        arguments += ["--only-summary"]
        with python("-m", "locust", "-f", str(locustfile), *arguments) as process:
            status, out = finished(process)
    assert status == 1, out
    assert "EchoMismatchError('byte 77 of 500 came back as" in out
    assert re.search(r"^TCP +echo +1 +1\(100", out, re.MULTILINE), out


USERS_OF_ONE_THREAD = """if True:
    import gevent, time
    from locust.env import Environment
    from ws2echo import locust

    class User(locust.EchoUser):
        host = "tcp://127.0.0.1:7"

    locust.THREADS = 1
    gevent.get_hub().threadpool.maxsize = 1
    environment, told = Environment(user_classes=[User]), []
    environment.events.request.add_listener(lambda start_time, **_: told.append(start_time))
    ends = []

    def call():
        time.sleep(0.1)
        ends.append(time.time())

    calls = [gevent.spawn(User(environment)._timed, "call", call, 0) for _ in range(3)]
    gevent.joinall(calls, raise_error=True)
    assert len(told) == len(ends) == 3
    assert all(end <= start for end, start in zip(ends, sorted(told)[1:])), (ends, told)
    print("all")
"""


@needs_locust
def test_a_wait_for_a_thread_is_none_for_the_server() -> None:
    with python("-c", USERS_OF_ONE_THREAD) as process:
        assert finished(process) == (0, "all\n")


MESSAGES = """if True:
    from locust.env import Environment
    from ws2echo import locust

    for size in (1, 8, 500):
        class User(locust.EchoUser):
            host = "tcp://127.0.0.1:7"
            message_bytes = size

        user = User(Environment(user_classes=[User]))
        messages = [user._next_message() for _ in range(200)]
        assert len(set(messages)) == 200
        assert {len(message) for message in messages} == {size}
    print("all")
"""


@needs_locust
def test_no_message_is_like_another() -> None:
    with python("-c", MESSAGES) as process:
        assert finished(process) == (0, "all\n")


HOSTS = """if True:
    from ws2echo.locust import parse_host
    assert parse_host("tcp://127.0.0.1:80") == ("tcp", "127.0.0.1", 80)
    assert parse_host("udp://[::1]:81") == ("udp", "::1", 81)
    for wrong in (None, "", "127.0.0.1:80", "http://127.0.0.1:80", "tcp://127.0.0.1", "tcp://:80"):
        try:
            parse_host(wrong)
        except ValueError as error:
            assert "tcp://127.0.0.1:7" in str(error)
        else:
            raise AssertionError(wrong)
    print("all")
"""


@needs_locust
def test_hosts() -> None:
    with python("-c", HOSTS) as process:
        assert finished(process) == (0, "all\n")


def test_without_locust_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gevent", None)
    monkeypatch.delitem(sys.modules, "ws2echo.locust", raising=False)
    with pytest.raises(ImportError, match=r"pip install ws2echo\[locust\]"):
        import ws2echo.locust  # noqa: F401
