"""The echo client."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from . import _swig
from ._choices import HALF_NUMBERS, Family, Half, Protocol, choice
from ._errors import (
    WSAEMSGSIZE,
    WSAEOPNOTSUPP,
    WSAETIMEDOUT,
    EchoMismatchError,
    failure,
    with_counts,
)
from ._handle import Handle
from ._options import Address, ClientOptions, ClientStats, integer
from ._ping import PingResult
from ._waiting import (
    Pace,
    Timeout,
    TimeoutOrDefault,
    Turn,
    closed_meanwhile,
    first_slice_ms,
    left_of,
    microseconds,
    milliseconds,
    wait,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# recv allocates before it knows what comes, so more than this is never asked for at once.
RECEIVE_MAX = 1 << 20
UINT64_MAX = (1 << 64) - 1


class Client(Handle):
    """A connection to an echo server, or to anything else that speaks TCP. It is connected when the
    constructor returns.

    Over UDP it is a socket that talks to one peer. Every `send`, `recv` and `echo` is then one datagram,
    which may be empty; a lost one is not sent again. That a peer is not there shows later, as a
    ``ConnectionResetError`` of some call, which the next call gets over; or never.

    ``with Client(port) as client:`` closes it at the end. Any method may be called from any thread; one
    call at a time sends and one receives, further ones wait their turn: so may those of a signal handler,
    for a thread that waits for the main thread, and should have a timeout. Times are seconds, None means no
    limit; where a method's ``timeout`` is left out, the one of the options holds.

    Data is any contiguous bytes-like object and is read where it is, without a copy; it must not be changed
    while the call lasts.

    Args:
        port: 1 to 65535.
        host: A name or a numeric address. Every address that the name has is tried, in the order that the
            system gives.
        protocol: TCP or UDP, one of `Protocol` or its name.
        family: Which of the addresses to try, one of `Family` or its name.
        connect_timeout: For all addresses together, after the name is resolved.
        send_timeout: Default of `send` and `echo`: no progress for so long.
        receive_timeout: Default of `recv` and `echo`: no progress for so long.
        no_delay: TCP_NODELAY.
        udp_connreset: SIO_UDP_CONNRESET: whether the system tells that the peer's port is closed.
        receive_buffer_bytes: SO_RCVBUF, up to 2**30; 0 leaves it to the system.
        send_buffer_bytes: SO_SNDBUF, up to 2**30; 0 leaves it to the system.
        linger: SO_LINGER in whole seconds up to 65535; 0: closing resets. None: closing is graceful and takes
            no time.

    Raises:
        ConnectionRefusedError: Nobody listens there.
        TimeoutError: Not connected in time.
        socket.gaierror: The host cannot be resolved.
        OSError: What else the system says of the last address.
        ValueError: A value is out of its range, or a choice unknown by name. Where the DLL found it, it is a
            `UsageError`, which says which option and what it may be.
    """

    _resets = False
    # What an object that was never opened has: its calls come as far as the DLL, which refuses them.
    _datagrams = False
    _send_ms = 0
    _receive_ms = 0
    _sending = Turn("send")
    _receiving = Turn("receive")

    def __init__(
        self,
        port: int,
        host: str = "localhost",
        *,
        protocol: str = Protocol.TCP,
        family: str = Family.ANY,
        connect_timeout: Timeout = 10.0,
        send_timeout: Timeout = 30.0,
        receive_timeout: Timeout = 30.0,
        no_delay: bool = True,
        udp_connreset: bool = True,
        receive_buffer_bytes: int = 0,
        send_buffer_bytes: int = 0,
        linger: int | None = None,
    ) -> None:
        options = ClientOptions(
            host=host,
            port=port,
            protocol=choice("protocol", Protocol, protocol),
            family=choice("family", Family, family),
            connect_timeout=connect_timeout,
            send_timeout=send_timeout,
            receive_timeout=receive_timeout,
            no_delay=no_delay,
            udp_connreset=udp_connreset,
            receive_buffer_bytes=receive_buffer_bytes,
            send_buffer_bytes=send_buffer_bytes,
            linger=linger,
        )
        raw = options.to_raw()
        self._opening()
        self._host = host
        self._datagrams = options.protocol is Protocol.UDP
        self._sending = Turn("send")
        self._receiving = Turn("receive")
        self._send_ms = raw.send_timeout_ms
        self._receive_ms = raw.receive_timeout_ms
        self._open(partial(_swig.client_begin, raw), host)
        try:
            wait(partial(_swig.client_connect, self._handle), raw.connect_timeout_ms)
            self._local_address = self._address(_swig.END_LOCAL)
            self._peer_address = self._address(_swig.END_PEER)
        except BaseException:
            self.close()
            raise

    @property
    def local_address(self) -> Address:
        """This end of the connection."""
        return self._local_address

    @property
    def peer_address(self) -> Address:
        """The other end of the connection."""
        return self._peer_address

    @property
    def options(self) -> ClientOptions:
        """The options in force, those of the socket read back from the system. Does not block."""
        raw = _swig.ClientOptions()
        _swig.client_options_get(self._handle, raw)
        return ClientOptions.of(raw, self._host)

    @property
    def stats(self) -> ClientStats:
        """The counters. Does not block."""
        raw = _swig.ClientStats()
        _swig.client_stats_get(self._handle, raw)
        return ClientStats.of(raw)

    def send(self, data: ReadableBuffer, timeout: TimeoutOrDefault = ...) -> int:
        """Send all of ``data`` and return its length in bytes. Over UDP it is one datagram, which may be
        empty.

        Raises:
            TimeoutError: No byte was taken for ``timeout`` seconds. ``bytes_sent`` of this and every other
                failure tells how many were taken before; after a timeout the rest may be sent by another
                call.
            BrokenPipeError: The connection was shut down for sending (WSAESHUTDOWN).
            ConnectionError: The peer reset the connection.
            OSError: WSAEMSGSIZE when it is too long for a datagram: 65,507 bytes over IPv4, 65,527 over IPv6.
            BufferError: ``data`` is not contiguous.
        """
        timeout_ms = self._send_ms if timeout is ... else milliseconds("timeout", timeout)
        with _bytes_view(data) as view:
            try:
                waited = self._sending.take(timeout_ms) > 0
            except OSError as error:
                raise with_counts(error, bytes_sent=0) from None
            try:
                return self._send_all(view, timeout_ms, waited)
            finally:
                self._sending.give_back()

    def recv(self, size: int = 65536, timeout: TimeoutOrDefault = ...) -> bytes:
        """Receive what has come, at least one byte and at most ``size`` (and never more than 1 MiB), waiting
        for it.

        An empty result means that the peer sent FIN, and so at every further call (or that ``size`` is 0).
        Over UDP it is one datagram, of which the default ``size`` holds any; an empty result is an empty
        datagram and no end of anything.

        Raises:
            TimeoutError: Nothing came for ``timeout`` seconds. Nothing is lost by it.
            ConnectionError: The peer reset the connection; over UDP, its port is closed.
            OSError: WSAEMSGSIZE when a datagram is longer than ``size``: ``partial`` has its beginning, the
                rest is lost.
        """
        wanted = _size(size)
        timeout_ms = self._receive_timeout(timeout)
        if wanted == 0 and not self._datagrams:  # needs no turn
            return _swig.client_recv_bytes(self._handle, 0, 0)
        with self._receiving.taken(timeout_ms) as waited_ms:
            return self._recv(wanted, timeout_ms, waited_ms, begun=waited_ms > 0)

    def recv_into(self, buffer: WriteableBuffer, timeout: TimeoutOrDefault = ...) -> int:
        """As `recv`, but into a writable, contiguous bytes-like object, without a copy. Returns the count of
        bytes.

        Raises:
            OSError: WSAEMSGSIZE when a datagram is longer than ``buffer``, which is full of its beginning.
            BufferError: ``buffer`` cannot be written, or is not contiguous.
        """
        timeout_ms = self._receive_timeout(timeout)
        with self._receiving.taken(timeout_ms) as waited_ms:
            return wait(
                lambda ms: _swig.client_recv(self._handle, buffer, ms),
                timeout_ms,
                waited_ms=waited_ms,
                begun=waited_ms > 0,
            )

    def recv_exactly(self, size: int, timeout: TimeoutOrDefault = ...) -> bytes:
        """Receive ``size`` bytes, however many pieces they come in. Over TCP only: datagrams are no pieces.

        Raises:
            EOFError: The peer sent FIN before; ``partial`` has what came.
            TimeoutError: No byte came for ``timeout`` seconds; ``partial`` has what came.
            UsageError: Over UDP.
        """
        if self._datagrams:
            text = "a datagram comes whole or not at all; use recv"
            raise failure(WSAEOPNOTSUPP, f"recv_exactly: WSAEOPNOTSUPP ({WSAEOPNOTSUPP}): {text}")
        left = _size(size)
        timeout_ms = self._receive_timeout(timeout)
        pieces: list[bytes] = []
        if not left:
            return b""
        try:
            with self._receiving.taken(timeout_ms) as waited_ms:
                while left:
                    piece = self._recv(left, timeout_ms, waited_ms, begun=waited_ms > 0 or bool(pieces))
                    if not piece:
                        raise EOFError(f"the peer sent FIN after {size - left} of {size} bytes")
                    pieces.append(piece)
                    left -= len(piece)
                    waited_ms = 0
        except (OSError, EOFError) as error:
            vars(error)["partial"] = b"".join(pieces)
            raise
        return b"".join(pieces)

    def shutdown(self, half: str = Half.SEND) -> None:
        """Shut one half of the connection down, one of `Half` or its name. Does not block.

        SEND and BOTH send FIN, after every byte that was taken. The peer's bytes can still be received after
        SEND. Over UDP nothing is sent.
        """
        _swig.client_shutdown(self._handle, HALF_NUMBERS[choice("half", Half, half)])

    def trickle(self, data: ReadableBuffer, interval: float = 0.1) -> int:
        """Send ``data`` byte by byte, ``interval`` seconds from one to the next, and return its length in
        bytes: for testing servers. Over UDP each byte is a datagram.

        Raises:
            OSError: As `send`; ``bytes_sent`` tells how many were taken before.
        """
        milliseconds("interval", interval)
        done = 0
        with _bytes_view(data) as view:
            try:
                with self._sending.taken(self._send_ms):
                    while done < len(view):
                        if done:
                            time.sleep(interval)
                        with view[done : done + 1] as byte:
                            self.send(byte)
                        done += 1
            except OSError as error:
                raise with_counts(closed_meanwhile(error) if done else error, bytes_sent=done) from None
        return done

    def reset(self) -> None:
        """Reset the connection instead of closing it: what was sent may be lost, and the peer is told by
        WSAECONNRESET. For testing servers. Afterwards the client is closed; over UDP it is `close`.
        """
        if not self._closed:
            self._resets = True
            self.close()

    def echo(self, data: ReadableBuffer, timeout: TimeoutOrDefault = ..., *, check: bool = True) -> bytes:
        """Send ``data``, receive as many bytes back, and return them. Both at once, so that no size can block
        the other side.

        In the main thread large data goes in pieces, from 64 KiB on, each of which is answered before the
        next, so that Ctrl-C ends it: with a peer that reads everything before it answers, use `send` and
        `recv_exactly`.

        Over UDP ``data`` is one datagram, which may be empty. What had come before is dropped, and the next
        datagram that comes is the answer.

        Args:
            data: Any contiguous bytes-like object.
            timeout: No byte went either way for so many seconds. Default: the longer of the options' two.
            check: Raise unless every byte came back as it was sent. If not, and the connection ends after a
                wrong byte, what came until then is returned, which is shorter than ``data``.

        Raises:
            EchoMismatchError: A byte came back wrong; over UDP also, the answer is shorter or longer.
            TimeoutError: No byte went either way in time; over UDP also, the datagram or its answer was lost.
                ``bytes_sent`` and ``bytes_received`` of this and every other failure of the connection tell
                how far it came.
            ConnectionError: The peer reset the connection; over UDP, its port is closed.
            OSError: WSAEDISCON when the peer sent FIN before the whole echo.
        """
        if type(data) is bytes and len(data) <= _swig.QUICK_BYTES:
            return self._echo_quick(data, timeout, check)
        with _bytes_view(data) as view:
            reply = bytearray(len(view))
            wrong, come = self._exchange(view, memoryview(reply), timeout)
            if wrong is None:  # equal, so the bytes that we have will do
                return data if type(data) is bytes else bytes(reply)
            return _wrong_reply(wrong, bytes(view), bytes(reply[:come]), check)

    def echo_into(
        self,
        data: ReadableBuffer,
        buffer: WriteableBuffer,
        timeout: TimeoutOrDefault = ...,
        *,
        check: bool = True,
    ) -> int:
        """As `echo`, but what comes back is stored in ``buffer``, without a copy. Returns the count of bytes.

        Raises:
            ValueError: ``buffer`` is not as long as ``data``, or overlaps it.
            BufferError: ``buffer`` cannot be written, or is not contiguous.
        """
        with _bytes_view(data) as view, _bytes_view(buffer) as reply:
            if reply.readonly:
                raise BufferError("the reply buffer is not writable")
            if len(reply) != len(view):
                raise ValueError(f"the reply buffer has {len(reply)} bytes, the data {len(view)}")
            if _swig.buffers_overlap(view, reply):
                raise ValueError("the reply buffer overlaps the data")
            offset, come = self._exchange(view, reply, timeout)
            if offset is not None and check:
                raise EchoMismatchError(offset, bytes(view), bytes(reply[:come]))
            return come

    def ping(
        self,
        datagrams: int = 10,
        datagram_bytes: int = 64,
        *,
        window: int = 1,
        interval: float = 0.0,
        reply_timeout: float = 1.0,
        timeout: Timeout = None,
    ) -> PingResult:
        """Send datagrams with sequence numbers to a UDP echo server, and account for every answer. Over UDP
        only.

        Lost and bad answers are no failure, and neither is a closed port: the result counts them.

        Args:
            datagrams: How many to send, 1 to 2**40.
            datagram_bytes: How long each is, 16 to 65507.
            window: How many may wait for their answers at once, 1 to 1024.
            interval: Least seconds between two sendings, up to 1000.
            reply_timeout: An answer that has not come for so long is lost. Above 0.
            timeout: For all of it. ``result`` of this and every other failure, and of a
                ``KeyboardInterrupt``, is the `PingResult` so far.

        Raises:
            TimeoutError: ``timeout`` seconds have passed before the end.
            OSError: WSAEOPNOTSUPP over TCP; WSAEINVAL, with the name of the option, when a value is out of
                its range.
        """
        options = _swig.PingOptions()
        options.datagrams = integer("datagrams", datagrams, highest=UINT64_MAX)
        options.datagram_bytes = integer("datagram_bytes", datagram_bytes)
        options.window = integer("window", window)
        options.interval_us = microseconds("interval", interval)
        options.reply_timeout_ms = milliseconds("reply_timeout", reply_timeout)
        timeout_ms = milliseconds("timeout", timeout)
        progress = _swig.PingProgress()
        try:
            if not self._datagrams:  # refused: that needs no turn
                _swig.client_ping(self._handle, options, 0, progress)
            waited_ms = self._take_both(timeout_ms)
            try:
                wait(
                    lambda ms: _swig.client_ping(self._handle, options, ms, progress),
                    timeout_ms,
                    waited_ms=waited_ms,
                    begun=waited_ms > 0,
                )
            finally:
                self._give_both_back()
        except (OSError, KeyboardInterrupt) as error:
            vars(error)["result"] = PingResult.of(progress)
            raise
        return PingResult.of(progress)

    def _take_both(self, timeout_ms: int) -> int:
        """Have both turns, always in this order; gives for how many milliseconds they were waited for."""
        try:
            waited_ms = self._sending.take(timeout_ms)
            try:
                return waited_ms + self._receiving.take(left_of(timeout_ms, waited_ms))
            except BaseException:
                self._sending.give_back()
                raise
        except OSError as error:
            raise with_counts(error, bytes_sent=0, bytes_received=0) from None

    def _give_both_back(self) -> None:
        self._receiving.give_back()
        self._sending.give_back()

    def _recv(self, size: int, timeout_ms: int, waited_ms: int, begun: bool) -> bytes:
        wanted = min(size, RECEIVE_MAX)
        if self._datagrams:
            return self._recv_datagram(wanted, timeout_ms, waited_ms, begun)
        return wait(
            lambda ms: _swig.client_recv_bytes(self._handle, wanted, ms),
            timeout_ms,
            waited_ms=waited_ms,
            begun=begun,
        )

    def _recv_datagram(self, size: int, timeout_ms: int, waited_ms: int, begun: bool) -> bytes:
        buffer = bytearray(size)
        try:
            come = wait(
                lambda ms: _swig.client_recv(self._handle, buffer, ms),
                timeout_ms,
                waited_ms=waited_ms,
                begun=begun,
            )
        except OSError as error:
            if error.winerror == WSAEMSGSIZE:  # as much as there is room for
                vars(error)["partial"] = bytes(buffer)
            raise
        return bytes(buffer[:come])

    def _send_all(self, view: memoryview, timeout_ms: int, begun: bool) -> int:
        done = 0
        pace = Pace()
        while True:
            piece = len(view) if self._datagrams else pace.bytes
            done += self._send_piece(view[done : done + piece], timeout_ms, done, begun, pace)
            if done == len(view):
                return done
            pace.adapt()
            begun = True

    def _send_piece(self, piece: memoryview, timeout_ms: int, done: int, begun: bool, pace: Pace) -> int:
        come = 0

        def call(ms: int) -> None:
            nonlocal come
            sent = _swig.Counter()
            with piece[come:] as rest:
                try:
                    _swig.client_send(self._handle, rest, ms, sent)
                finally:
                    come += sent.value

        with piece:  # let go of, or a traceback would hold the caller's buffer
            try:
                wait(pace.timed(call), timeout_ms, lambda: come, begun=begun)
            except OSError as error:
                raise with_counts(error, bytes_sent=done + come) from None
        return come

    def _exchange(
        self, data: memoryview, reply: memoryview, timeout: TimeoutOrDefault
    ) -> tuple[int | None, int]:
        """Echo, over TCP in pieces that each take about a slice; return the offset of the first wrong byte,
        if any, and how many bytes came back.
        """
        timeout_ms = self._echo_timeout(timeout)
        waited = self._take_both(timeout_ms) > 0
        try:
            return self._exchange_all(data, reply, timeout_ms, waited)
        finally:
            self._give_both_back()

    def _exchange_all(
        self, data: memoryview, reply: memoryview, timeout_ms: int, begun: bool
    ) -> tuple[int | None, int]:
        pace = Pace()
        done = come = 0
        wrong: int | None = None
        while True:
            size = len(data) if self._datagrams else min(pace.bytes, len(data) - done)
            with data[done : done + size] as piece, reply[done : done + size] as answer:
                progress = _swig.EchoProgress()
                was_wrong = wrong is not None
                self._echo_piece(
                    piece, answer, timeout_ms, done, progress, begun=begun, was_wrong=was_wrong, pace=pace
                )
            if wrong is None and progress.mismatch_offset != _swig.NO_MISMATCH:
                wrong = done + progress.mismatch_offset
            done += size
            come += min(size, progress.bytes_received)
            if done == len(data) or progress.bytes_received < size:
                return wrong, come
            pace.adapt()
            begun = True

    def _echo_quick(self, data: bytes, timeout: TimeoutOrDefault, check: bool) -> bytes:
        """The usual case: in a single step, if it comes back right, and in the main thread within a slice."""
        timeout_ms = self._echo_timeout(timeout)
        waited = self._take_both(timeout_ms) > 0
        try:
            left = self._echo_once(data, timeout_ms, waited)
        finally:
            self._give_both_back()
        if left is None:
            return data
        progress, reply = left
        if progress.mismatch_offset == _swig.NO_MISMATCH:
            return data
        come = min(len(data), progress.bytes_received)
        return _wrong_reply(progress.mismatch_offset, data, bytes(reply[:come]), check)

    def _echo_once(
        self, data: bytes, timeout_ms: int, begun: bool
    ) -> tuple[_swig.EchoProgress, bytearray] | None:
        """None if what came back is right."""
        first_ms = first_slice_ms(timeout_ms)
        left = _swig.client_echo_quick(self._handle, data, first_ms)
        if left is None:
            return None
        code, progress, reply = left
        if code == WSAETIMEDOUT and first_ms < timeout_ms:
            self._echo_piece(data, reply, timeout_ms, 0, progress, waited_ms=first_ms, begun=True)
        elif code != 0:
            error = failure(code, _swig.last_failure())
            self._echo_ended(closed_meanwhile(error) if begun else error, progress, 0)
        return progress, reply

    def _echo_piece(
        self,
        data: ReadableBuffer,
        reply: WriteableBuffer,
        timeout_ms: int,
        done: int,
        progress: _swig.EchoProgress,
        *,
        begun: bool,
        waited_ms: int = 0,
        was_wrong: bool = False,
        pace: Pace | None = None,
    ) -> None:
        def come() -> int:
            datagrams = progress.datagram_sent + progress.datagram_received
            return progress.bytes_sent + progress.bytes_received + datagrams

        def call(ms: int) -> None:
            _swig.client_echo(self._handle, data, reply, ms, progress)

        try:
            wait(pace.timed(call) if pace else call, timeout_ms, come, waited_ms, begun)
        except OSError as error:
            self._echo_ended(error, progress, done, was_wrong)

    @staticmethod
    def _echo_ended(error: OSError, progress: _swig.EchoProgress, done: int, was_wrong: bool = False) -> None:
        """Raise the failure of an echo: unless a wrong byte came before it, in this piece or an earlier one,
        which is then what there is to tell.
        """
        mismatch = progress.bytes_received > 0 and progress.mismatch_offset != _swig.NO_MISMATCH
        if not (mismatch or was_wrong) or isinstance(error, TimeoutError):
            sent, received = progress.bytes_sent, progress.bytes_received
            raise with_counts(error, bytes_sent=done + sent, bytes_received=done + received) from None

    def _echo_timeout(self, timeout: TimeoutOrDefault) -> int:
        return max(self._send_ms, self._receive_ms) if timeout is ... else milliseconds("timeout", timeout)

    def _receive_timeout(self, timeout: TimeoutOrDefault) -> int:
        return self._receive_ms if timeout is ... else milliseconds("timeout", timeout)

    def _address(self, end: int) -> Address:
        raw = _swig.Address()
        _swig.client_address(self._handle, end, raw)
        return Address.of(raw)

    def _close_handle(self, handle: int) -> None:
        (_swig.client_reset if self._resets else _swig.client_close)(handle)

    def __repr__(self) -> str:
        ends = f"{getattr(self, '_local_address', '?')} -> {getattr(self, '_peer_address', '?')}"
        return f"<ws2echo.Client {'closed, was ' if self._closed else ''}{ends}>"


def _wrong_reply(offset: int, sent: bytes, reply: bytes, check: bool) -> bytes:
    if check:
        raise EchoMismatchError(offset, sent, reply)
    return reply


def _size(size: int) -> int:
    return integer("size", size, 0, (1 << 63) - 1)


def _bytes_view(data: ReadableBuffer) -> memoryview:
    """The bytes of the object itself, seen as bytes whatever its items are."""
    view = memoryview(data)
    if not view.c_contiguous:
        view.release()
        raise BufferError("the buffer is not contiguous")
    if view.format == "B" and view.ndim == 1:
        return view
    # A view without items cannot be cast; it has no bytes either.
    return view.cast("B") if view.nbytes else memoryview(bytearray())
