"""Names with several addresses, and internationalised ones: a hosts file of our own, in a mount namespace."""

import shlex
import subprocess
from pathlib import Path

import pytest
from packages import LIMIT_S, SOURCE

HOSTS = """\
127.0.0.1 localhost one.test
::1 two.test
127.0.0.1 two.test
127.0.0.1 xn--bcher-kva.test
192.0.2.1 silent.test
127.0.0.1 silent.test
"""

SCRIPT = """
import ws2echo

def reached(port, name):
    with ws2echo.Client(port, name) as client:
        assert client.echo(b"x") == b"x"
        return client.peer_address.host

for host in ("127.0.0.1", "::1"):
    with ws2echo.Server(host) as server:
        print("only", host, "reached at", reached(server.port, "two.test"))
with ws2echo.Server("two.test") as server:
    print("two.test listens on", sorted(address.host for address in server.addresses),
          "one port", {address.port for address in server.addresses} == {server.port})
with ws2echo.Server("b\\u00fccher.test") as server:
    print("IDN", reached(server.port, "B\\u00dcCHER.test"))
with ws2echo.Server() as server, ws2echo.Client(server.port, "silent.test", connect_timeout=4) as client:
    print("past the silent one", client.echo(b"x"))
try:
    ws2echo.Client(1, "two.test")
except ConnectionRefusedError as error:
    print("refused", error.winerror, "two.test" in str(error))
"""


def in_namespace(command: str, hosts: Path) -> subprocess.CompletedProcess[str]:
    mounted = f"mount --bind {shlex.quote(str(hosts))} /etc/hosts && {command}"
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", mounted],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_every_address_of_a_name_is_tried_and_listened_on(tmp_path: Path) -> None:
    hosts, script = tmp_path / "hosts", tmp_path / "names.py"
    hosts.write_text(HOSTS)
    script.write_text(SCRIPT)
    if in_namespace("true", hosts).returncode != 0:
        pytest.skip("mount namespaces are not allowed here")
    ran = in_namespace(f"./dev python --no-build {shlex.quote(str(script))}", hosts)
    assert ran.stdout.splitlines() == [
        "only 127.0.0.1 reached at 127.0.0.1",
        "only ::1 reached at ::1",
        "two.test listens on ['127.0.0.1', '::1'] one port True",
        "IDN 127.0.0.1",
        "past the silent one b'x'",
        "refused 10061 True",
    ], ran.stderr
