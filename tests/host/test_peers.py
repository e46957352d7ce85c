"""The servers that ./dev bench measures against do echo.

Those that need an installation of their own, of Go or Node, are tried by the bench itself before it measures.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from packages import LIMIT_S
from serving import models
from workshop import echoing
from workshop.peers import NATIVE_LOAD, Peer, Protocol, peers

CHEAP = [peer for peer in peers() if peer.kind in ("floor", "native")]


@pytest.fixture(params=CHEAP, ids=lambda peer: peer.name)
def peer(request: pytest.FixtureRequest) -> Peer:
    found: Peer = request.param
    found.prepare()
    return found


def test_each_model_has_a_floor() -> None:
    assert [peer.model for peer in CHEAP if peer.kind == "floor"] == models()


def test_names_are_unique() -> None:
    names = [peer.name for peer in peers()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_echoes(peer: Peer, protocol: Protocol) -> None:
    with peer.serve(protocol) as running:
        echoing.check(running.port, protocol)
        assert running.resident_kib() > 0


def test_can_be_pinned() -> None:
    (peer,) = (peer for peer in CHEAP if peer.name == "floor-iocp")
    peer.prepare()
    cpu = min(os.sched_getaffinity(0))
    with peer.serve("tcp", pin=str(cpu)) as running:
        echoing.check_bytes(running.port)
        with open(f"/proc/{running.pid}/status") as status:
            assert f"Cpus_allowed_list:\t{cpu}\n" in status.readlines()


@pytest.mark.parametrize(
    "load", [["--connections", "2"], ["--mode", "stream", "--size", "65536"], ["--mode", "churn"]]
)
def test_the_native_load_client_tells_what_it_did(load: list[str]) -> None:
    (peer,) = (peer for peer in CHEAP if peer.name == "native-epoll")
    peer.prepare()
    with peer.serve("tcp") as running:
        command = [str(NATIVE_LOAD), str(running.port), "--seconds", "0.1", *load]
        done = subprocess.run(command, capture_output=True, check=True, timeout=LIMIT_S)
    assert json.loads(done.stdout)["mib_per_s"] > 0
