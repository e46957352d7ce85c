"""Waiting for what is to come, instead of sleeping and hoping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

# Wide, because the machines that run the tests are slow and shared; what waits for it is right long before.
LIMIT_S = 60.0


def wait_until(condition: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit_s:.0f} s: {what}"
        time.sleep(0.005)


def more_and_more(first_s: float) -> Iterator[float]:
    """Times for what must be over before a time is, which a machine that stands still may thwart: for the
    first try, and four times as much for each after it, until it is long enough. What each try must be is
    asserted of each, and what it should come to after the last.
    """
    time_s = first_s
    while time_s < LIMIT_S:
        yield time_s
        time_s *= 4


class Task:
    """A call on a thread of its own, whose result or exception can be asked for."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._result: Any = None
        self._failure: BaseException | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(function, arguments), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._started.set()
        try:
            self._result = function(*arguments)
        except BaseException as failure:
            self._failure = failure

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def blocks(self) -> bool:
        """Whether the call, once begun, goes on a while later: that it waits is not to be seen."""
        self._started.wait(LIMIT_S)
        self._thread.join(0.3)
        return self.running

    def result(self, limit_s: float = LIMIT_S) -> Any:
        self._thread.join(limit_s)
        assert not self._thread.is_alive(), f"still running after {limit_s:.0f} s"
        if self._failure is not None:
            raise self._failure
        return self._result
