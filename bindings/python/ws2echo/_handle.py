"""What a server and a client have in common: a handle of the DLL that is closed once."""

from __future__ import annotations

import contextlib
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, Self, SupportsIndex

from ._errors import WSAENOTSOCK
from ._waiting import SLICE_MS, in_main_thread


class Handle(ABC):
    """An open object of the DLL. A context manager; closing twice is fine."""

    _handle = 0
    _closed = True
    _closing = threading.RLock()

    def _opening(self) -> None:
        """``__init__`` may run once only: what it opens has one owner."""
        if self._handle:
            raise RuntimeError(f"{self!r} was opened before; make another {type(self).__name__}")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Two owners of one handle, or one in another process, cannot be: so no copy, no pickle."""
        raise TypeError(f"cannot copy or pickle {type(self).__name__!r} object")

    def _open(self, opening: Callable[[], int], host: str | None) -> None:
        """Open it. In the main thread a name is resolved by another, so that Ctrl-C neither waits for that
        nor loses what is opened after all.
        """
        if in_main_thread() and _takes_time(host):
            self._open_in_thread(opening)
        else:
            self._opened(opening())

    def _open_in_thread(self, opening: Callable[[], int]) -> None:
        handles: list[int] = []  # whoever takes it out owns it
        errors: list[BaseException] = []
        ended, given_up = threading.Event(), threading.Event()

        def close_late() -> None:
            with contextlib.suppress(IndexError, OSError):
                self._close_handle(handles.pop())

        def run() -> None:
            try:
                handles.append(opening())
            except BaseException as error:
                errors.append(error)
            if given_up.is_set():
                close_late()
            ended.set()

        try:
            opener = threading.Thread(target=run, name="ws2echo-open", daemon=True)
            opener.start()
            while not ended.wait(SLICE_MS / 1000):
                pass
            opener.join()  # it has nothing more to do
            if errors:
                raise errors.pop()
            self._opened(handles[0])
        except BaseException:
            given_up.set()
            close_late()
            self._closed = True
            raise

    def _opened(self, handle: int) -> None:
        self._closing = threading.RLock()
        self._handle = handle
        self._closed = False

    @abstractmethod
    def _close_handle(self, handle: int) -> None:
        """Close it in the DLL."""

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Give everything up. Every other call is an ``OSError`` (WSAENOTSOCK) afterwards; closing again does
        nothing. Of several threads that close, none returns before all is given up.

        A call that waits in another thread ends with an ``OSError`` (WSA_OPERATION_ABORTED). Blocks for up to
        ``linger`` seconds, where one is set.
        """
        with self._closing:  # entered again by a signal handler in the same thread
            if self._closed:
                return
            try:
                self._close_handle(self._handle)
            except OSError as error:
                if error.winerror != WSAENOTSOCK:  # it was closed by a call of the DLL itself
                    raise
            self._closed = True  # not before: an interrupt here must leave something to close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._closed:
            return
        text = f"unclosed {self!r}"
        # Closed first: when the warning is an error, it must not keep the port taken.
        with contextlib.suppress(Exception):
            self.close()
        warnings.warn(text, ResourceWarning, source=self, stacklevel=2)


def _takes_time(host: str | None) -> bool:
    """Whether somebody else may have to be asked for its addresses."""
    if host in (None, "*", "localhost"):
        return False
    from ipaddress import ip_address  # only here: most have no use for it

    try:
        ip_address(host)
    except ValueError:
        return True
    return False
