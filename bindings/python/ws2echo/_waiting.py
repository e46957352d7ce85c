"""Waiting so that Ctrl-C works.

Python runs signal handlers in the main thread, between two steps of Python code: never inside of a call of
the DLL. So the main thread waits in slices. Every blocking function of the DLL may be called again after
WSAETIMEDOUT, so slices lose nothing. Other threads wait in one go.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import EllipsisType
from typing import TypeVar

from . import _swig
from ._errors import WSA_OPERATION_ABORTED, WSAENOTSOCK, WSAETIMEDOUT, failure

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


def _whole(units: float) -> int:
    """Rounded up, but not for the last bits of a product that was to be whole: 2.007 s are 2007 ms."""
    return math.ceil(round(units, 6))


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
    return _whole(seconds * 1000)


def microseconds(name: str, seconds: float) -> int:
    """Seconds as the DLL wants an interval: whole microseconds, rounded up."""
    _check_seconds(name, seconds)
    if seconds * 1e6 > INFINITE:
        raise ValueError(f"{name}: {seconds!r} seconds are more than {INFINITE / 1e6:.0f}")
    return _whole(seconds * 1e6)


def seconds(timeout_ms: int) -> Timeout:
    """Milliseconds of the DLL as Python says them: seconds, or None for no limit."""
    return None if timeout_ms == INFINITE else timeout_ms / 1000


_MAIN_THREAD = threading.main_thread().ident


def in_main_thread() -> bool:
    return threading.get_ident() == _MAIN_THREAD


def first_slice_ms(timeout_ms: int) -> int:
    """How long the first call of a wait may take: in the main thread a slice, elsewhere all of it."""
    return min(timeout_ms, SLICE_MS) if in_main_thread() else timeout_ms


def left_of(timeout_ms: int, waited_ms: int) -> int:
    """How much of a timeout is left."""
    return timeout_ms if timeout_ms == INFINITE else max(0, timeout_ms - waited_ms)


def closed_meanwhile(error: OSError) -> OSError:
    """What a call that was begun has to tell, if the error says that its object is closed."""
    if error.winerror != WSAENOTSOCK:
        return error
    name, code = "WSA_OPERATION_ABORTED", WSA_OPERATION_ABORTED
    return failure(code, f"{name} ({code}): it was closed while the call was waiting ({error.strerror})")


def wait(
    call: Callable[[int], T],
    timeout_ms: int,
    progress: Callable[[], int] | None = None,
    waited_ms: int = 0,
    begun: bool = False,
) -> T:
    """``call(timeout_ms)``; in the main thread, cut into slices.

    ``progress`` tells how far the call has come, if each step of it is to start the timeout anew. For
    ``waited_ms`` nothing has happened by now. What was ``begun`` before this call, and finds its object
    closed, was interrupted by that.
    """
    if timeout_ms > SLICE_MS and in_main_thread():
        return _wait_in_slices(call, timeout_ms, progress, waited_ms, begun)
    try:
        return call(left_of(timeout_ms, waited_ms))
    except OSError as error:
        raise (closed_meanwhile(error) if begun else error) from None


def _wait_in_slices(
    call: Callable[[int], T],
    timeout_ms: int,
    progress: Callable[[], int] | None,
    waited_ms: int,
    begun: bool,
) -> T:
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
        except OSError as error:
            raise (closed_meanwhile(error) if begun else error) from None
        begun = True


class Turn:
    """Who may use one half of a connection: one call at a time, for all the slices and pieces it is made in.

    The DLL has turns, too, but only within each of its own calls.
    """

    def __init__(self, what: str) -> None:
        lock = threading.RLock()  # a signal handler may use what the main thread is using
        self._what = what
        self._acquire = lock.acquire
        self._owned: Callable[[], bool] = lock._is_owned  # type: ignore[attr-defined]
        self.give_back = lock.release

    def take(self, timeout_ms: int) -> int:
        """Wait for it; gives for how many milliseconds."""
        own = self._owned()
        try:
            if self._acquire(False):
                return 0
            began = monotonic()
            wait(self._take_within, timeout_ms)
            return 1 + int(1000 * (monotonic() - began))
        except BaseException:
            if not own and self._owned():  # Ctrl-C may be heard just when it was taken
                self.give_back()
            raise

    def _take_within(self, ms: int) -> None:
        limit = -1 if ms == INFINITE else min(ms / 1000, threading.TIMEOUT_MAX)
        if not self._acquire(timeout=limit):
            why = "another call on this client has not ended"
            raise failure(WSAETIMEDOUT, f"{self._what}: WSAETIMEDOUT ({WSAETIMEDOUT}): {why}")

    @contextmanager
    def taken(self, timeout_ms: int) -> Iterator[int]:
        """Have it within a ``with`` block, which is given for how many milliseconds it was waited for."""
        waited_ms = self.take(timeout_ms)
        try:
            yield waited_ms
        finally:
            self.give_back()


class Pace:
    """How many bytes to hand over in one call, so that the call takes about one slice.

    A transfer that makes progress does not time out, so a large one would keep the main thread in the DLL
    until its end. What only waits does time out: a peer that takes long to answer slows nothing down.
    """

    SMALLEST = 4096
    FIRST = 65536
    LARGEST = 1 << 20
    """More would be handed over to a peer that may become slow meanwhile."""

    def __init__(self) -> None:
        self.bytes = self.FIRST if in_main_thread() else 1 << 62
        self._longest_ms = 0.0

    def timed(self, call: Callable[[int], None]) -> Callable[[int], None]:
        """The same call of the DLL, whose time is noted."""

        def noted(ms: int) -> None:
            began = monotonic()
            try:
                call(ms)
            finally:
                self._longest_ms = max(self._longest_ms, 1000 * (monotonic() - began))

        return noted

    def adapt(self) -> None:
        """Learn from the calls that the piece was made in."""
        if self._longest_ms > 2 * SLICE_MS:
            self.bytes = max(self.bytes // 2, self.SMALLEST)
        elif self._longest_ms < 1.5 * SLICE_MS:
            self.bytes = min(self.bytes * 2, self.LARGEST)
        self._longest_ms = 0.0
