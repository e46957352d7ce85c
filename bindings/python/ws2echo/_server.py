"""The echo server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from functools import partial

from . import _swig
from ._choices import UNTIL_NUMBERS, Accept, Family, Model, Protocol, Until, choice
from ._errors import WSA_OPERATION_ABORTED, WSAEDISCON, WSAEINVAL, WSAENOTSOCK
from ._faults import Fault, faults_of, rule_text
from ._handle import Handle
from ._options import UINT64_MAX, Address, Event, ServerOptions, ServerStats, integer
from ._waiting import Timeout, milliseconds, wait


class Server(Handle):
    """An echo server inside this process. It listens when the constructor returns, and serves by itself, in
    threads of the DLL.

    ``with Server() as server:`` closes it at the end; `close` frees the port at once and leaves nothing
    behind. Any method may be called from any thread. Times are seconds, None means no limit.

    Args:
        host: None: loopback, 127.0.0.1 and ::1 on the same port. ``"*"``: every address of the machine. Else
            a name or a numeric address; each address that a name has is listened on.
        port: 0 to 65535; 0 lets the system choose a free one, which `port` tells.
        model: The Winsock I/O model: one of `Model`, or the name of any that `models` tells.
        protocol: One of `Protocol` or its name. BOTH listens with TCP and UDP on the same addresses and port.
        family: Which versions of IP to use, one of `Family` or its name.
        backlog: How many connections may wait to be accepted, up to 65535; 0 means as many as the system can.
        accept: How connections are accepted, one of `Accept` or its name.
        accepts_pending: How many AcceptEx are kept out on each listening socket, 1 to 1024; 0: 16. Only with
            `Accept.ACCEPTEX`.
        workers: How many threads share the connections, 1 to 256; 0: one for each processor that the process
            may use, 8 at most. The models event, async and overlapped start more when the connections need
            them; the model threads has one for each connection and takes only 0.
        connections_max: How many connections are served at once, 1 or more. One more is closed at once
            (`Reason.CAP`).
        idle_timeout: A connection on which no byte went either way for so long is reset. Above 0. What is
            sent is seen to move in steps of 16 KiB.
        send_timeout: A connection whose peer takes no byte for so long, seen in the same steps, is reset.
            Above 0.
        no_delay: TCP_NODELAY of each connection.
        udp_connreset: SIO_UDP_CONNRESET: whether the system tells that an answer met a closed port.
        receive_buffer_bytes: SO_RCVBUF of each connection and UDP socket, up to 2**30; 0 leaves it to the
            system.
        send_buffer_bytes: SO_SNDBUF of each connection and UDP socket, up to 2**30; 0 leaves it to the
            system.
        linger: SO_LINGER of each connection, in whole seconds up to 65535; 0 answers even FIN with a reset.
            None: closing is graceful and takes no time.
        echo_buffer_bytes: Most bytes of one connection held between reception and echo, 1 to 2**26. A longer
            datagram is not answered.
        journal_events: How many events are kept for `next_event`, 1 to 2**20; older ones are dropped and
            counted.
        faults: Rules by which the server misbehaves, in force from the start: ``"latency:latency=50"``,
            ``"refuse@first=2"``. `faults` of this package lists the kinds and what each takes; 32 rules at
            most.
        seed: What faults draw their chances from, 1 to 2**64 - 1: the same seed touches the same
            connections, bytes and datagrams. None: one is drawn, which `seed` tells.

    Raises:
        OSError: WSAEADDRINUSE or ``PermissionError`` when the port is taken; WSAEADDRNOTAVAIL when an address
            is not of this machine.
        socket.gaierror: The host cannot be resolved.
        ValueError: A value is out of its range, or a choice unknown by name. Where the DLL found it, it is a
            `UsageError`, which says which option and what it may be.
        UsageError: The model or the protocol does not offer it (WSAEOPNOTSUPP).
    """

    def __init__(
        self,
        host: str | None = None,
        port: int = 0,
        *,
        model: str = Model.THREADS,
        protocol: str = Protocol.TCP,
        family: str = Family.ANY,
        backlog: int = 0,
        accept: str = Accept.DEFAULT,
        accepts_pending: int = 0,
        workers: int = 0,
        connections_max: int | None = None,
        idle_timeout: Timeout = None,
        send_timeout: Timeout = None,
        no_delay: bool = True,
        udp_connreset: bool = True,
        receive_buffer_bytes: int = 0,
        send_buffer_bytes: int = 0,
        linger: int | None = None,
        echo_buffer_bytes: int = 262144,
        journal_events: int = 4096,
        faults: str | Iterable[str] = (),
        seed: int | None = None,
    ) -> None:
        options = ServerOptions(
            host=host,
            port=port,
            model=model,
            protocol=choice("protocol", Protocol, protocol),
            family=choice("family", Family, family),
            backlog=backlog,
            accept=choice("accept", Accept, accept),
            accepts_pending=accepts_pending,
            workers=workers,
            connections_max=connections_max,
            idle_timeout=idle_timeout,
            send_timeout=send_timeout,
            no_delay=no_delay,
            udp_connreset=udp_connreset,
            receive_buffer_bytes=receive_buffer_bytes,
            send_buffer_bytes=send_buffer_bytes,
            linger=linger,
            echo_buffer_bytes=echo_buffer_bytes,
            journal_events=journal_events,
            faults=(faults,) if isinstance(faults, str) else tuple(faults),
            seed=0 if seed is None else integer("seed", seed, 1, UINT64_MAX),
        )
        self._host = host
        self._opening()
        self._open(partial(_swig.server_open, options.to_raw()), host)
        self._port = _swig.server_port(self._handle)
        self._addresses = _addresses(self._handle)
        self._seed = self.options.seed

    @property
    def port(self) -> int:
        """The port that the server listens, or listened, on."""
        return self._port

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that the server listens, or listened, on; IPv4 before IPv6 for the loopback."""
        return self._addresses

    @property
    def options(self) -> ServerOptions:
        """The options in force: where the system chooses or rounds, what it chose. Does not block."""
        raw = _swig.ServerOptions()
        _swig.server_options_get(self._handle, raw)
        return ServerOptions.of(raw, self._host, tuple(fault.text for fault in self.faults))

    @property
    def seed(self) -> int:
        """What faults draw their chances from. It can be read after closing. Does not block."""
        return self._seed

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The rules in force, in their order. Does not block."""
        return faults_of(self._handle)

    def add_fault(self, text: str) -> int:
        """Add a rule behind the others, and return its id. When it returns, connections that are open follow
        it, too. That may take half a second.

        ``text`` is a kind, then its parameters, then conditions: ``"reset:at=100,toxicity=0.5@every=3"``. The
        function `faults` of this package lists them.

        Raises:
            OSError: WSAEINVAL, which says at which byte the text is wrong and what may stand there;
                WSAEOPNOTSUPP when the kind is not for the server's protocol; WSAENOBUFS when there are 32
                rules.
        """
        return _swig.server_fault_add(self._handle, rule_text(text))

    def change_fault(self, id: int, text: str) -> None:
        """Change what the rule of this id says; its place among the others stays. Blocks as `remove_fault`.
        ``first`` and ``every`` go on counting from when the rule was added.

        What the rule has taken already keeps the time that it was given: data held by ``latency``, a pause of
        ``trickle`` or ``slicer``. To remove the rule lets go of it at once.

        Raises:
            OSError: As `add_fault`; WSAEINVAL also when there is no rule of that id.
        """
        _swig.server_fault_change(self._handle, integer("id", id), rule_text(text))

    def remove_fault(self, id: int) -> None:
        """Remove the rule of this id: what it held back goes on, what it ended stays so.

        May take half a second; and up to ten, in which Ctrl-C is not heard, if the port of a server that was
        down is still in use.

        Raises:
            OSError: WSAEINVAL when there is no rule of that id; what the system said when a server that was
                down could not listen again, and then the rule is still there.
        """
        _swig.server_fault_remove(self._handle, integer("id", id))

    @contextlib.contextmanager
    def fault(self, text: str) -> Iterator[int]:
        """Have a rule within a ``with`` block, which is given its id.

        Within the block the rule may be changed, or removed for good.
        """
        rule = self.add_fault(text)
        try:
            yield rule
        finally:
            try:
                self.remove_fault(rule)
            # Removed within the block, or the server is closed: what was wanted is so.
            except OSError as error:
                if error.winerror not in (WSAEINVAL, WSAENOTSOCK, WSA_OPERATION_ABORTED):
                    raise

    def wait_for(
        self,
        *,
        connections: int | None = None,
        open_connections: int | None = None,
        open_at_most: int | None = None,
        closed: int | None = None,
        faults: int | None = None,
        bytes_received: int | None = None,
        bytes_sent: int | None = None,
        timeout: Timeout = None,
    ) -> None:
        """Wait until the server has come to something: to each of what is named, one after the other.

        Takes no event out of the journal.

        Args:
            connections: So many were accepted since the server was opened.
            open_connections: So many are open, or more.
            open_at_most: So many are open, or fewer.
            closed: So many have ended since the server was opened.
            faults: Faults have touched connections, or datagrams, so many times.
            bytes_received: So many were received since the server was opened, over TCP and UDP.
            bytes_sent: The sending of so many has begun, likewise.
            timeout: Seconds, for all of it.

        Raises:
            TimeoutError: It did not come to that in time.
            OSError: WSAEDISCON when the server was stopped before: it never will.
                WSA_OPERATION_ABORTED when the server is closed meanwhile.
            ValueError: Nothing is named to wait for.
        """
        named = {
            Until.ACCEPTED: connections,
            Until.OPEN: open_connections,
            Until.OPEN_AT_MOST: open_at_most,
            Until.CLOSED: closed,
            Until.FAULTS: faults,
            Until.RECEIVED: bytes_received,
            Until.SENT: bytes_sent,
        }
        counts = {
            what: integer(what, count, 0, UINT64_MAX) for what, count in named.items() if count is not None
        }
        if not counts:
            raise ValueError(f"nothing to wait for: name one of {', '.join(named)}")
        milliseconds("timeout", timeout)
        began = time.monotonic()
        for what, count in counts.items():
            left = None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
            self._wait_until(UNTIL_NUMBERS[what], count, left)

    def _wait_until(self, until: int, count: int, timeout: Timeout) -> None:
        wait(
            lambda ms: _swig.server_wait(self._handle, until, count, ms),
            milliseconds("timeout", timeout),
        )

    @property
    def stats(self) -> ServerStats:
        """The counters. Does not block."""
        raw = _swig.ServerStats()
        _swig.server_stats_get(self._handle, raw)
        return ServerStats.of(raw)

    def next_event(self, timeout: Timeout = None) -> Event:
        """Take the oldest event out of the journal, waiting for one up to ``timeout`` seconds.

        Each event is given to one caller, whichever thread it is.

        Raises:
            TimeoutError: None came.
            OSError: WSAEDISCON when the server was stopped and the journal is empty: no event will come any
                more. WSA_OPERATION_ABORTED when the server is closed meanwhile.
        """
        raw = _swig.Event()
        wait(lambda ms: _swig.server_next_event(self._handle, ms, raw), milliseconds("timeout", timeout))
        return Event.of(raw)

    def events(self, timeout: Timeout = 0) -> Iterator[Event]:
        """Iterate over the events, waiting for each next one up to ``timeout`` seconds; 0: those that are
        there now.

        Ends when none came in time, and when the server was stopped and the journal is empty.
        """
        while True:
            try:
                event = self.next_event(timeout)
            except TimeoutError:
                return
            except OSError as error:
                if error.winerror == WSAEDISCON:
                    return
                raise
            yield event

    def drain(self, timeout: Timeout = None) -> None:
        """Stop accepting, for good, then wait for the connections to end by themselves, served to their last
        byte.

        Afterwards the port is free and no connection is left. A peer that has just connected may not have
        been accepted yet; then it is cut off, and counted nowhere. ``wait_for(connections=…)`` waits for it.

        Raises:
            TimeoutError: Connections are left after ``timeout`` seconds. Call it again to wait on.
        """
        wait(lambda ms: _swig.server_drain(self._handle, ms), milliseconds("timeout", timeout))

    def stop(self, drain_timeout: Timeout = 0) -> int:
        """Drain for at most ``drain_timeout`` seconds, then reset what is left, and return how many
        connections that were.

        Afterwards the port is free and no connection or thread of the server is left; stats and the events
        that happened can still be read. Stopping a stopped server does nothing and returns 0. Those are
        counted, too, of which the fault ``fin`` has ended one half; their reason stays `Reason.FAULT`.
        """
        if milliseconds("drain_timeout", drain_timeout) > 0:
            with contextlib.suppress(TimeoutError):  # what is left is reset
                self.drain(drain_timeout)
        return _swig.server_stop(self._handle, 0)

    def _close_handle(self, handle: int) -> None:
        _swig.server_close(handle)

    def __repr__(self) -> str:
        where = ", ".join(map(str, getattr(self, "_addresses", ())))
        return f"<ws2echo.Server {'closed, was ' if self._closed else ''}on {where or 'nothing'}>"


def _addresses(handle: int) -> tuple[Address, ...]:
    found: list[Address] = []
    raw = _swig.Address()
    while True:
        try:
            _swig.server_address(handle, len(found), raw)
        except OSError:  # WSAEINVAL: there are no more
            return tuple(found)
        found.append(Address.of(raw))
