"""Waiting so that Ctrl-C works.

Python runs signal handlers in the main thread, between two steps of Python code: never inside of a call of
the DLL. So the main thread waits in slices. Every blocking function of the DLL may be called again after
WSAETIMEDOUT, so slices lose nothing. Other threads wait in one go.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic
from types import EllipsisType
from typing import TypeVar

from . import _swig

SLICE_MS = 100
INFINITE = _swig.INFINITE
LONGEST_MS = _swig.TIMEOUT_OF_OPTIONS - 1

T = TypeVar("T")
Timeout = float | None
TimeoutOrDefault = float | None | EllipsisType


def _check_seconds(name: str, seconds: float) -> None:
    if not hasattr(seconds, "__float__"):
        raise TypeError(f"{name}: {seconds!r} is not a number of seconds")
    if not seconds >= 0:  # so that NaN is refused as well
        raise ValueError(f"{name}: {seconds!r} is not a number of seconds that is not negative")


def milliseconds(name: str, seconds: Timeout) -> int:
    """Seconds as the DLL wants them: whole milliseconds, rounded up so that a short time does not become
    none.
    """
    if seconds is None:
        return INFINITE
    _check_seconds(name, seconds)
    if seconds * 1000 > LONGEST_MS:
        raise ValueError(
            f"{name}: {seconds!r} seconds are more than {LONGEST_MS // 1000}; None waits without limit"
        )
    return math.ceil(seconds * 1000)


def microseconds(name: str, seconds: float) -> int:
    """Seconds as the DLL wants an interval: whole microseconds, rounded up."""
    _check_seconds(name, seconds)
    if seconds * 1e6 > INFINITE:
        raise ValueError(f"{name}: {seconds!r} seconds are more than {INFINITE / 1e6:.0f}")
    return math.ceil(seconds * 1e6)


def seconds(timeout_ms: int) -> Timeout:
    """Milliseconds of the DLL as Python says them: seconds, or None for no limit."""
    return None if timeout_ms == INFINITE else timeout_ms / 1000


def in_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def first_slice_ms(timeout_ms: int) -> int:
    """How long the first call of a wait may take: in the main thread a slice, elsewhere all of it."""
    return min(timeout_ms, SLICE_MS) if in_main_thread() else timeout_ms


def wait(
    call: Callable[[int], T],
    timeout_ms: int,
    progress: Callable[[], int] | None = None,
    waited_ms: int = 0,
) -> T:
    """``call(timeout_ms)``; in the main thread, cut into slices.

    ``progress`` tells how far the call has come, if each step of it is to start the timeout anew. If it was
    made before, ``waited_ms`` is how long nothing has happened by now.
    """
    if waited_ms == 0 and (timeout_ms <= SLICE_MS or not in_main_thread()):
        return call(timeout_ms)
    limit = math.inf if timeout_ms == INFINITE else timeout_ms / 1000
    deadline = monotonic() + limit - waited_ms / 1000
    come = progress() if progress else 0
    while True:
        began = monotonic()
        left_ms = 1000 * (deadline - began)
        slice_ms = SLICE_MS if left_ms > SLICE_MS else max(0, math.ceil(left_ms))
        try:
            return call(slice_ms)
        except TimeoutError:
            # Far too early for the slice: the connection's own failure (TCP gave up), with the same code.
            if monotonic() - began < slice_ms / 2000:
                raise
            if progress and progress() != come:
                come = progress()
                deadline = monotonic() + limit
            elif slice_ms < SLICE_MS:
                raise


class Pace:
    """How many bytes to hand over in one call, so that the call takes about one slice.

    A transfer that makes progress does not time out, so a large one would keep the main thread in the DLL
    until its end.
    """

    SMALLEST = 4096
    FIRST = 65536
    LARGEST = 1 << 24

    def __init__(self) -> None:
        self.bytes = self.FIRST if in_main_thread() else 1 << 62
        self._began = monotonic()

    def adapt(self) -> None:
        """Learn from the call that just ended, and take the time for the next."""
        now = monotonic()
        took_ms = (now - self._began) * 1000
        self._began = now
        if took_ms < SLICE_MS / 4:
            self.bytes = min(self.bytes * 2, max(self.bytes, self.LARGEST))
        elif took_ms > SLICE_MS:
            self.bytes = max(self.bytes // 2, self.SMALLEST)
