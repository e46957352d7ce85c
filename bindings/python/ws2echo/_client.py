"""The echo client."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from . import _swig
from ._errors import EchoMismatchError, with_counts
from ._handle import Handle
from ._options import HALF_NUMBERS, Address, ClientOptions, ClientStats, Family, Half, choice, integer
from ._waiting import Pace, Timeout, TimeoutOrDefault, milliseconds, wait

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# recv allocates before it knows what comes, so more than this is never asked for at once.
RECEIVE_MAX = 1 << 20


class Client(Handle):
    """A connection to an echo server, or to anything else that speaks TCP. It is connected when the
    constructor returns.

    ``with Client(port) as client:`` closes it at the end. Any method may be called from any thread; one
    thread at a time sends and one receives, further ones wait their turn. Times are seconds, None means no
    limit; where a method's ``timeout`` is left out, the one of the options holds.

    Data is any contiguous bytes-like object and is read where it is, without a copy; it must not be changed
    while the call lasts.

    Args:
        port: 1 to 65535.
        host: A name or a numeric address. Every address that the name has is tried, in the order that the
            system gives.
        family: Which of the addresses to try, one of `Family` or its name.
        connect_timeout: For all addresses together, after the name is resolved.
        send_timeout: Default of `send` and `echo`: no progress for so long.
        receive_timeout: Default of `recv` and `echo`: no progress for so long.
        no_delay: TCP_NODELAY.
        receive_buffer_bytes: SO_RCVBUF, up to 2**30; 0 leaves it to the system.
        send_buffer_bytes: SO_SNDBUF, up to 2**30; 0 leaves it to the system.
        linger: SO_LINGER in whole seconds up to 65535; 0: closing resets. None: closing is graceful and takes
            no time.

    Raises:
        ConnectionRefusedError: Nobody listens there.
        TimeoutError: Not connected in time.
        socket.gaierror: The host cannot be resolved.
        OSError: What else the system says of the last address; WSAEINVAL, with the name of the option, when a
            value is out of its range.
        ValueError: The family is unknown by name, or a time is negative.
        OverflowError: A number does not fit the field of the C struct.
    """

    def __init__(
        self,
        port: int,
        host: str = "localhost",
        *,
        family: str = Family.ANY,
        connect_timeout: Timeout = 10.0,
        send_timeout: Timeout = 30.0,
        receive_timeout: Timeout = 30.0,
        no_delay: bool = True,
        receive_buffer_bytes: int = 0,
        send_buffer_bytes: int = 0,
        linger: int | None = None,
    ) -> None:
        raw = ClientOptions(
            host=host,
            port=port,
            family=choice("family", Family, family),
            connect_timeout=connect_timeout,
            send_timeout=send_timeout,
            receive_timeout=receive_timeout,
            no_delay=no_delay,
            receive_buffer_bytes=receive_buffer_bytes,
            send_buffer_bytes=send_buffer_bytes,
            linger=linger,
        ).to_raw()
        self._opening()
        self._host = host
        self._send_ms = raw.send_timeout_ms
        self._receive_ms = raw.receive_timeout_ms
        self._opened(_swig.client_begin(raw))
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
        """Send all of ``data`` and return its length in bytes.

        Raises:
            TimeoutError: No byte was taken for ``timeout`` seconds. ``bytes_sent`` of this and every other
                failure tells how many were taken before; after a timeout the rest may be sent by another
                call.
            BrokenPipeError: The connection was shut down for sending (WSAESHUTDOWN).
            ConnectionError: The peer reset the connection.
            BufferError: ``data`` is not contiguous.
        """
        timeout_ms = self._send_ms if timeout is ... else milliseconds("timeout", timeout)
        done = 0
        with _bytes_view(data) as view:
            pace = Pace()
            while True:
                done += self._send_piece(view[done : done + pace.bytes], timeout_ms, done)
                if done == len(view):
                    return done
                pace.adapt()

    def recv(self, size: int = 65536, timeout: TimeoutOrDefault = ...) -> bytes:
        """Receive what has come, at least one byte and at most ``size`` (and never more than 1 MiB), waiting
        for it.

        An empty result means that the peer sent FIN, and so at every further call (or that ``size`` is 0).

        Raises:
            TimeoutError: Nothing came for ``timeout`` seconds. Nothing is lost by it.
            ConnectionError: The peer reset the connection.
        """
        wanted = min(_size(size), RECEIVE_MAX)
        return wait(
            lambda ms: _swig.client_recv_bytes(self._handle, wanted, ms), self._receive_timeout(timeout)
        )

    def recv_into(self, buffer: WriteableBuffer, timeout: TimeoutOrDefault = ...) -> int:
        """As `recv`, but into a writable, contiguous bytes-like object, without a copy. Returns the count of
        bytes.

        Raises:
            BufferError: ``buffer`` cannot be written, or is not contiguous.
        """
        return wait(lambda ms: _swig.client_recv(self._handle, buffer, ms), self._receive_timeout(timeout))

    def recv_exactly(self, size: int, timeout: TimeoutOrDefault = ...) -> bytes:
        """Receive ``size`` bytes, however many pieces they come in.

        Raises:
            EOFError: The peer sent FIN before; ``partial`` has what came.
            TimeoutError: No byte came for ``timeout`` seconds; ``partial`` has what came.
        """
        left = _size(size)
        pieces: list[bytes] = []
        while left:
            try:
                piece = self.recv(left, timeout)
            except OSError as error:
                vars(error)["partial"] = b"".join(pieces)
                raise
            if not piece:
                early = EOFError(f"the peer sent FIN after {size - left} of {size} bytes")
                vars(early)["partial"] = b"".join(pieces)
                raise early
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def shutdown(self, half: str = Half.SEND) -> None:
        """Shut one half of the connection down, one of `Half` or its name. Does not block.

        SEND and BOTH send FIN, after every byte that was taken. The peer's bytes can still be received after
        SEND.
        """
        _swig.client_shutdown(self._handle, HALF_NUMBERS[choice("half", Half, half)])

    def echo(self, data: ReadableBuffer, timeout: TimeoutOrDefault = ..., *, check: bool = True) -> bytes:
        """Send ``data``, receive as many bytes back, and return them. Both at once, so that no size can block
        the other side.

        Args:
            data: Any contiguous bytes-like object.
            timeout: No byte went either way for so many seconds. Default: the longer of the options' two.
            check: Raise unless every byte came back as it was sent.

        Raises:
            EchoMismatchError: A byte came back wrong.
            TimeoutError: No byte went either way in time. ``bytes_sent`` and ``bytes_received`` of this and
                every other failure of the connection tell how far it came.
            OSError: WSAEDISCON when the peer sent FIN before the whole echo.
        """
        with _bytes_view(data) as view:
            reply = bytearray(len(view))
            offset = self._exchange(view, memoryview(reply), timeout)
            if offset is None:  # equal, so the bytes that we have will do
                return data if type(data) is bytes else bytes(reply)
            if check:
                raise EchoMismatchError(offset, bytes(view), bytes(reply))
            return bytes(reply)

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
            offset = self._exchange(view, reply, timeout)
            if offset is not None and check:
                raise EchoMismatchError(offset, bytes(view), bytes(reply))
            return len(view)

    def _send_piece(self, piece: memoryview, timeout_ms: int, done: int) -> int:
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
                wait(call, timeout_ms, lambda: come)
            except OSError as error:
                raise with_counts(error, bytes_sent=done + come) from None
        return come

    def _exchange(self, data: memoryview, reply: memoryview, timeout: TimeoutOrDefault) -> int | None:
        """Echo in pieces that each take about a slice; return the offset of the first wrong byte, if any."""
        timeout_ms = (
            max(self._send_ms, self._receive_ms) if timeout is ... else milliseconds("timeout", timeout)
        )
        pace = Pace()
        done = 0
        wrong: int | None = None
        while True:
            size = min(pace.bytes, len(data) - done)
            offset = self._echo_piece(data[done : done + size], reply[done : done + size], timeout_ms, done)
            if wrong is None and offset is not None:
                wrong = done + offset
            done += size
            if done == len(data):
                return wrong
            pace.adapt()

    def _echo_piece(self, data: memoryview, reply: memoryview, timeout_ms: int, done: int) -> int | None:
        progress = _swig.EchoProgress()
        with data, reply:  # let go of, or a traceback would hold the caller's buffers
            try:
                wait(
                    lambda ms: _swig.client_echo(self._handle, data, reply, ms, progress),
                    timeout_ms,
                    lambda: progress.bytes_sent + progress.bytes_received,
                )
            except OSError as error:
                sent, received = progress.bytes_sent, progress.bytes_received
                raise with_counts(error, bytes_sent=done + sent, bytes_received=done + received) from None
        return None if progress.mismatch_offset == _swig.NO_MISMATCH else progress.mismatch_offset

    def _receive_timeout(self, timeout: TimeoutOrDefault) -> int:
        return self._receive_ms if timeout is ... else milliseconds("timeout", timeout)

    def _address(self, end: int) -> Address:
        raw = _swig.Address()
        _swig.client_address(self._handle, end, raw)
        return Address.of(raw)

    def _close_handle(self, handle: int) -> None:
        _swig.client_close(handle)

    def __repr__(self) -> str:
        ends = f"{getattr(self, '_local_address', '?')} -> {getattr(self, '_peer_address', '?')}"
        return f"<ws2echo.Client {'closed, was ' if self._closed else ''}{ends}>"


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
