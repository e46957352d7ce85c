"""What a load says about its pace: messages that never began, timers that are late, what rates count over."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import ws2echo
from waiting import LIMIT_S, Task, wait_until
from ws2echo import Load, Server, _load_report

MODELS = [model.name for model in ws2echo.models()]


def accept_and_answer_one(listener: socket.socket) -> None:
    """Answers the first message, and takes what comes after that, until the load hangs up."""
    with listener.accept()[0] as peer:
        peer.settimeout(LIMIT_S)
        peer.sendall(peer.recv(16, socket.MSG_WAITALL))
        try:
            while peer.recv(65536):
                pass
        except ConnectionError:  # the load resets it in the end
            pass


@pytest.mark.parametrize("model", MODELS)
def test_what_was_due_and_never_began_is_told(model: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = Task(accept_and_answer_one, listener)
        options: dict[str, Any] = {
            "model": model,
            "sizes": 16,
            "rate": 100,
            "duration": 0.5,
            "finish_timeout": 0.2,
        }
        with Load(listener.getsockname()[1], "127.0.0.1", **options) as load:
            result = load.run()
        task.result()
    stats = result.stats
    begun = stats.bytes_sent // 16
    assert begun == stats.messages + 1, "one waits for its answer for ever"
    assert stats.messages_owed == 50 - begun, "fifty were due"
    assert stats.active_us <= stats.elapsed_us - 200_000, "the wait for what never came is not in it"
    assert result.messages_per_second == pytest.approx(stats.messages * 1e6 / stats.active_us)
    for report in (_load_report.summary(result), result.to_html()):
        assert f"{stats.messages_owed} messages were due and never began" in report


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("model", MODELS)
def test_timers_that_are_late_are_told(model: str, protocol: str) -> None:
    with (
        Server(protocol="both", model="iocp") as server,
        Load(server.port, model=model, protocol=protocol, messages=40, rate=200, connections=2) as load,
    ):
        result = load.run()
    stats = result.stats
    assert stats.messages == 40
    assert stats.messages_owed == 0
    assert 0 < stats.messages_timed <= 40
    assert stats.timer_late_max_us <= stats.timer_late_us <= stats.messages_timed * stats.timer_late_max_us
    assert stats.timer_late_max_us <= result.latency.max_us, "it is in the latency"
    assert "timers of this end were late by" in _load_report.summary(result)
    assert "never began" not in _load_report.summary(result)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_without_a_rate_nothing_is_owed_nor_late(protocol: str) -> None:
    with (
        Server(protocol="both", model="iocp") as server,
        Load(server.port, protocol=protocol, messages=40) as load,
    ):
        stats = load.run().stats
    assert (stats.messages_owed, stats.messages_timed, stats.timer_late_us) == (0, 0, 0)
    assert 0 < stats.active_us <= stats.elapsed_us


def test_waiting_for_fin_is_not_part_of_the_time_that_rates_count_over() -> None:
    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as peer:
            peer.settimeout(LIMIT_S)
            peer.sendall(peer.recv(16, socket.MSG_WAITALL))
            assert peer.recv(16) == b""
            answered.append(load.stats.elapsed_us)
            wait_until(lambda: load.stats.elapsed_us >= answered[0] + 300_000, "FIN is kept back")

    answered: list[int] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Load(listener.getsockname()[1], "127.0.0.1", sizes=16, messages=1) as load,
    ):
        task = Task(serve, listener)
        stats = load.run().stats
        task.result()
    assert stats.active_us <= answered[0] <= stats.elapsed_us - 300_000


def test_a_connection_that_broke_owes_what_it_had_left() -> None:
    """The other one goes on, and is through when all forty were due, or all but the last."""

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as good, listener.accept()[0] as bad:
            good.settimeout(LIMIT_S)
            bad.settimeout(LIMIT_S)
            bad.sendall(bad.recv(16, socket.MSG_WAITALL))
            bad.close()
            while data := good.recv(65536):
                good.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = Task(serve, listener)
        options: dict[str, Any] = {"connections": 2, "sizes": 16, "rate": 100, "messages": 40}
        with Load(listener.getsockname()[1], "127.0.0.1", **options) as load:
            stats = load.run().stats
        task.result()
    begun = stats.bytes_sent // 16
    assert stats.messages == 21
    assert 40 - begun - 1 <= stats.messages_owed <= 40 - begun
