"""What a program says, line by line, for whoever waits for a line."""

from __future__ import annotations

import re
import threading
import time

from workshop import wine


class Transcript:
    """What a program says on stdout and stderr, line by line, as it comes, for whoever waits for a line."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = threading.Condition()

    def sink(self) -> wine.Sink:
        """Return a sink for one stream, which adds its lines when they are whole."""
        rest = b""

        def add(data: bytes) -> None:
            nonlocal rest
            *whole, rest = (rest + data).split(b"\n")
            with self._more:
                self._lines += [line.decode("utf-8", errors="replace").rstrip("\r") for line in whole]
                self._more.notify_all()

        return add

    def lines(self) -> list[str]:
        with self._more:
            return list(self._lines)

    def wait_for(self, pattern: re.Pattern[str], limit_s: float, count: int = 1) -> list[re.Match[str]]:
        """Return the matching lines so far; fewer than `count` only when the time is over."""
        deadline = time.monotonic() + limit_s
        with self._more:
            while True:
                found = [match for line in self._lines if (match := pattern.search(line))]
                left = deadline - time.monotonic()
                if len(found) >= count or left <= 0:
                    return found
                self._more.wait(left)
