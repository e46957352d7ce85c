"""The load: many connections that send, and check and time what comes back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Self

from . import _swig
from ._choices import Family, LoadPattern, LoadReceive, Model, Protocol, choice
from ._errors import WSAEDISCON
from ._handle import Handle
from ._histogram import Histogram
from ._load_options import LoadOptions, LoadProblem, LoadStats, message_sizes
from ._load_result import PROBLEMS_KEPT, LoadResult, LoadSample, LoadState
from ._waiting import Timeout, TimeoutOrDefault, milliseconds, wait


class Load(Handle):
    """Many connections to an echo server, which send, check each byte that comes back, and time it.

    Its connections are being begun when the constructor returns, and it runs by itself, in threads of the
    DLL, until whichever of ``duration``, ``messages`` and ``bytes`` is reached first, or until `stop`. What
    goes wrong with a connection is counted and told by `problems`; it is no failure of any call.

    ``with Load(port, duration=10) as load: result = load.run()`` closes it at the end; `close` resets what is
    left. Any method may be called from any thread. Times are seconds, None means no limit.

    Args:
        port: 1 to 65535.
        host: A name or a numeric address. Over TCP its addresses are tried in turn until one answers; over
            UDP it is the first.
        connections: How many at once, 1 to 65536.
        model: The Winsock I/O model of this end: one of `Model`, or the name of any that `models` tells.
        protocol: TCP or UDP, one of `Protocol` or its name.
        family: Which of the addresses to try, one of `Family` or its name.
        workers: How many threads share the connections, as of `Server`.
        pattern: When a connection sends and receives, one of `LoadPattern` or its name.
        depth: Messages of a connection that may wait for their answers, 1 to 1024. Only with
            `LoadPattern.PING_PONG`, and over UDP. The model threads, which sends or receives, has at most
            32 KiB on their way, and sends a longer message in pieces.
        window_bytes: Bytes of a connection that may wait for their answers, in no more than 1,024 messages;
            up to 2**30; 0: 1 MiB, in the model threads 32 KiB. Only with `LoadPattern.STREAM`.
        sizes: How long a message is, in bytes: one size, up to 16 of which each is chosen by chance, or a
            range (``range(64, 1501)``: 64 to 1500). 1 to 2**26; over UDP one size, 16 to 65507.
        messages: Sent by all connections together, 1 or more.
        bytes: Likewise, in bytes.
        messages_per_connection: After so many a connection ends, and another takes its place (churn).
        duration: No message begins later.
        warm_up: Messages due before that have no part in `latency`.
        ramp_up: The time in which the connections are begun, evenly, and their shares of ``rate`` with them.
        think: A connection waits so long after an answer. Only with `LoadPattern.PING_PONG` and depth 1, and
            without ``rate``.
        rate: Messages a second of all connections together, at times that are fixed in advance; None: as fast
            as it goes. Latency then counts from those times, so that an answer that comes late shows in every
            message that it delays: it is corrected for what is called coordinated omission, but for messages
            that never began (`LoadStats.messages_owed`).
        burst: Messages of a connection that are due at once, 1 to 1024. Only with ``rate``.
        receive: What a connection receives, and when, one of `LoadReceive` or its name.
        receive_delay: For `LoadReceive.LATE`.
        send_delay: From connected to the first message. Only without ``rate``.
        connect_timeout: A connection that takes longer is a problem.
        reply_timeout: A connection that waits for an answer ends when no byte moves for so long; over UDP the
            datagram is lost. Above 0; left out: 1 over UDP, no limit over TCP.
        finish_timeout: What has not ended so long after its FIN, or after ``duration``, is reset.
        reset: Whether connections end by a reset (RST), not by FIN.
        no_delay: TCP_NODELAY.
        receive_buffer_bytes: SO_RCVBUF, up to 2**30; 0 leaves it to the system.
        send_buffer_bytes: SO_SNDBUF, up to 2**30; 0 leaves it to the system.
        seed: Of the bytes and the sizes, up to 2**64 - 1; the same seed sends the same.

    Raises:
        socket.gaierror: The host cannot be resolved.
        ValueError: A value is out of its range, or a choice unknown by name. Where the DLL found it, it is a
            `UsageError`, which says which option and what it may be.
        UsageError: The model or the protocol does not offer it (WSAEOPNOTSUPP).
    """

    def __init__(
        self,
        port: int,
        host: str = "localhost",
        *,
        connections: int = 1,
        model: str = Model.IOCP,
        protocol: str = Protocol.TCP,
        family: str = Family.ANY,
        workers: int = 0,
        pattern: str = LoadPattern.PING_PONG,
        depth: int = 1,
        window_bytes: int = 0,
        sizes: int | Sequence[int] = 64,
        messages: int | None = None,
        bytes: int | None = None,
        messages_per_connection: int | None = None,
        duration: Timeout = None,
        warm_up: float = 0.0,
        ramp_up: float = 0.0,
        think: float = 0.0,
        rate: int | None = None,
        burst: int = 1,
        receive: str = LoadReceive.ALWAYS,
        receive_delay: float = 0.0,
        send_delay: float = 0.0,
        connect_timeout: Timeout = 10.0,
        reply_timeout: TimeoutOrDefault = ...,
        finish_timeout: Timeout = 10.0,
        reset: bool = False,
        no_delay: bool = True,
        receive_buffer_bytes: int = 0,
        send_buffer_bytes: int = 0,
        seed: int = 1,
    ) -> None:
        told_sizes, sizes_range = message_sizes(sizes)
        options = LoadOptions(
            host=host,
            port=port,
            model=model,
            protocol=choice("protocol", Protocol, protocol),
            family=choice("family", Family, family),
            workers=workers,
            connections=connections,
            pattern=choice("pattern", LoadPattern, pattern),
            depth=depth,
            window_bytes=window_bytes,
            sizes=told_sizes,
            sizes_range=sizes_range,
            messages=messages,
            bytes=bytes,
            messages_per_connection=messages_per_connection,
            duration=duration,
            warm_up=warm_up,
            ramp_up=ramp_up,
            think=think,
            rate=rate,
            burst=burst,
            receive=choice("receive", LoadReceive, receive),
            receive_delay=receive_delay,
            send_delay=send_delay,
            connect_timeout=connect_timeout,
            reply_timeout=None if reply_timeout is ... else reply_timeout,
            finish_timeout=finish_timeout,
            reset=reset,
            no_delay=no_delay,
            receive_buffer_bytes=receive_buffer_bytes,
            send_buffer_bytes=send_buffer_bytes,
            seed=seed,
        )
        raw = options.to_raw()
        if reply_timeout is ...:
            raw.reply_timeout_ms = _swig.TIMEOUT_OF_OPTIONS
        self._opening()
        self._host = host
        self._port = port
        self._started = time.time()
        self._open(partial(_swig.load_open, raw), host)

    @property
    def options(self) -> LoadOptions:
        """The options in force: what the defaults came to, the rest as it was given. Does not block."""
        raw = _swig.LoadOptions()
        _swig.load_options_get(self._handle, raw)
        return LoadOptions.of(raw, self._host)

    @property
    def stats(self) -> LoadStats:
        """The counters, also while it runs. Does not block."""
        raw = _swig.LoadStats()
        _swig.load_stats_get(self._handle, raw)
        return LoadStats.of(raw)

    @property
    def finished(self) -> bool:
        """Whether every connection has ended, and no further one will begin."""
        return self.stats.finished

    @property
    def latency(self) -> Histogram:
        """How long messages took, so far: from when each was sent, or due if there is a ``rate``, until its
        last byte was back. Those of the warm-up are left out. Does not block.
        """
        return self._histogram(_swig.LOAD_LATENCY)

    @property
    def connect_time(self) -> Histogram:
        """How long connections took to be connected, so far. Does not block."""
        return self._histogram(_swig.LOAD_CONNECT)

    def next_problem(self, timeout: Timeout = None) -> LoadProblem:
        """Take the oldest problem, waiting for one up to ``timeout`` seconds.

        Each is given to one caller. Only the first 1,024 that nobody has taken yet are kept; all are counted.

        Raises:
            TimeoutError: There was none.
            OSError: WSAEDISCON when the load has finished and there is none: none will come any more.
                WSA_OPERATION_ABORTED when the load is closed meanwhile.
        """
        raw = _swig.LoadProblem()
        wait(lambda ms: _swig.load_next_problem(self._handle, ms, raw), milliseconds("timeout", timeout))
        return LoadProblem.of(raw)

    def problems(self, timeout: Timeout = 0) -> Iterator[LoadProblem]:
        """Iterate over the problems, waiting for each next one up to ``timeout`` seconds; 0: those that are
        there now.

        Ends when none came in time, and when the load has finished and there is none left.
        """
        while True:
            try:
                problem = self.next_problem(timeout)
            except TimeoutError:
                return
            except OSError as error:
                if error.winerror == WSAEDISCON:
                    return
                raise
            yield problem

    def wait(self, timeout: Timeout = None) -> None:
        """Wait until the load has finished.

        Raises:
            TimeoutError: It has not, after ``timeout`` seconds. Call it again to wait on.
            OSError: WSA_OPERATION_ABORTED when the load is closed meanwhile.
        """
        wait(lambda ms: _swig.load_wait(self._handle, ms), milliseconds("timeout", timeout))

    def stop(self) -> None:
        """End the load as its duration would: no message begins any more, connections end once their answers
        have come, those that have not after ``finish_timeout`` are reset; `wait` waits for that. Stopping one
        that has finished does nothing. Does not block.
        """
        _swig.load_stop(self._handle)

    def watch(self, interval: float = 1.0) -> Iterator[LoadSample]:
        """Iterate over samples: what happened in each ``interval`` seconds, until the load has finished.

        The first counts from the beginning; the last may be shorter. An iteration that Ctrl-C ended goes on
        with its next step.

        Raises:
            ValueError: ``interval`` is not above 0.
        """
        if milliseconds("interval", interval) == 0:
            raise ValueError(f"interval: {interval!r} is not above 0")
        return _Watch(self, interval)

    def run(self, interval: float = 1.0) -> LoadResult:
        """Wait until the load has finished, taking a sample every ``interval`` seconds, and give all that
        there is to know of it. It takes the problems, of which it keeps the first 1,024.
        """
        samples: list[LoadSample] = []
        problems: list[LoadProblem] = []
        for sample in self.watch(interval):
            samples.append(sample)
            problems += islice(self.problems(), PROBLEMS_KEPT - len(problems))
        return self.result(samples, problems)

    def result(self, samples: Iterable[LoadSample] = (), problems: Iterable[LoadProblem] = ()) -> LoadResult:
        """What there is to know so far, together with samples of `watch`, and with problems that were taken
        already; those that are left it takes.
        """
        taken = [*problems, *self.problems()]
        return LoadResult(
            options=self.options,
            started=self._started,
            stats=self.stats,
            latency=self.latency,
            connect_time=self.connect_time,
            samples=tuple(samples),
            problems=tuple(taken[:PROBLEMS_KEPT]),
        )

    def _histogram(self, kind: int) -> Histogram:
        histogram = Histogram()
        _swig.load_histogram_get(self._handle, kind, histogram._raw)
        return histogram

    def _close_handle(self, handle: int) -> None:
        _swig.load_close(handle)

    def __repr__(self) -> str:
        where = f"{getattr(self, '_host', '?')} port {getattr(self, '_port', '?')}"
        return f"<ws2echo.Load {'closed, was ' if self._closed else ''}on {where}>"


class _Watch:
    """An iteration over samples. It is no generator, as one ends for good when Ctrl-C does."""

    def __init__(self, load: Load, interval: float) -> None:
        self._load = load
        self._interval = interval
        self._next = time.monotonic() + interval
        self._before = LoadState.of_nothing()
        self._ended = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> LoadSample:
        if self._ended:
            raise StopIteration
        finished = self._wait()
        state = LoadState(self._load.stats, self._load.latency)
        sample = LoadSample._between(self._before, state)
        self._before = state
        self._ended = finished
        if finished and not sample.has_anything and self._before.stats.elapsed_us > sample.interval_us:
            raise StopIteration
        return sample

    def _wait(self) -> bool:
        """Wait for the end of the interval, or of the load, which is told."""
        try:
            self._load.wait(max(0.0, self._next - time.monotonic()))
        except TimeoutError:
            self._next = self._end_of_next(time.monotonic())
            return False
        return True

    def _end_of_next(self, now: float) -> float:
        """In step with the intervals before, unless whoever asks is so late that little would be left of the
        next one: a rate would be that of a moment.
        """
        end = self._next + self._interval
        return end if end - now > self._interval / 2 else now + self._interval
