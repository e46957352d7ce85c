"""A handle has one owner: no copies, no pickles, no opening twice; an interrupted close can be repeated."""

import copy
import dataclasses
import json
import pickle
from typing import Any

import pytest
import ws2echo


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_what_is_open_is_neither_copied_nor_pickled(duplicate: Any) -> None:
    with (
        ws2echo.Server() as server,
        ws2echo.Client(server.port) as client,
        ws2echo.Load(server.port, send_delay=60) as load,
    ):
        for opened in (server, client, load):
            with pytest.raises(TypeError, match="cannot copy or pickle"):
                duplicate(opened)
        assert client.echo(b"still mine") == b"still mine"


def test_nothing_is_opened_twice() -> None:
    with ws2echo.Server() as server, ws2echo.Client(server.port) as client:
        with pytest.raises(RuntimeError, match="opened before"):
            server.__init__()  # type: ignore[misc]
        with pytest.raises(RuntimeError, match="opened before"):
            client.__init__(server.port)  # type: ignore[misc]
        assert client.echo(b"x") == b"x"
    with pytest.raises(RuntimeError, match="opened before"):
        server.__init__()  # type: ignore[misc]


def test_results_can_be_sent_elsewhere() -> None:
    with ws2echo.Server() as server, ws2echo.Client(server.port) as client:
        results: list[Any] = [server.stats, client.stats, server.options, client.options, *server.events()]
    with ws2echo.Server() as server, ws2echo.Load(server.port, messages=5) as load:
        result = load.run()
    results += [result.stats, result.options]
    results.append(ws2echo.LoadProblem(ws2echo.LoadProblemKind.CORRUPT, 1, 2, 3, None, None, 0, 0, 5, 6))
    assert pickle.loads(pickle.dumps(result)) == copy.deepcopy(result) == result
    results.append(ws2echo.PingResult(3, 2, 1, 0, 0, 0, 0, 0, 0, 0.1, 0.2, 0.3, 1.5))
    for result in results:
        assert pickle.loads(pickle.dumps(result)) == result
        assert copy.deepcopy(result) == result
        json.dumps(dataclasses.asdict(result))
    for info in ws2echo.models():
        assert pickle.loads(pickle.dumps(info)) == info
    mismatch = pickle.loads(pickle.dumps(ws2echo.EchoMismatchError(1, b"abc", b"axc")))
    assert (mismatch.offset, mismatch.sent, mismatch.reply) == (1, b"abc", b"axc")


@pytest.mark.parametrize("no_delay", [2, -1, "no", None])
def test_a_flag_is_a_flag(no_delay: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="no_delay"):
        ws2echo.Server(no_delay=no_delay)


def test_closing_that_is_interrupted_can_be_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ws2echo.Server()

    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(server, "_close_handle", interrupted)
        with pytest.raises(KeyboardInterrupt):
            server.close()
    assert not server.closed
    server.close()
    assert server.closed
