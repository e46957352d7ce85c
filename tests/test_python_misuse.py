"""Objects of the Python package used wrongly, in any order, by any thread, and past the program's end."""

from __future__ import annotations

import gc
import sys
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import ws2echo
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test
from last_words import END_LIMIT_S, LAST_WORD, end_of
from waiting import Task
from ws2echo import Client, Load, Server

WSAENOTSOCK, WSA_OPERATION_ABORTED = 10038, 995
Opened = Server | Client | Load

# Calls that may succeed or fail as the connection happens to be, but by an OSError: never by anything else.
CALLS: dict[type, list[Callable[[Any], object]]] = {
    Server: [
        lambda server: server.stats,
        lambda server: server.options,
        lambda server: server.next_event(0),
        lambda server: server.drain(0),
        lambda server: server.stop(),
        lambda server: server.wait_for(connections=1 << 40, timeout=0),
        lambda server: server.add_fault("latency:latency=1"),
        lambda server: server.remove_fault(1),
    ],
    Client: [
        lambda client: client.stats,
        lambda client: client.options,
        lambda client: client.send(b"left unread"),
        lambda client: client.recv(10, 0),
        lambda client: client.recv_into(bytearray(10), 0),
        lambda client: client.echo(b"echo", 0),
        lambda client: client.shutdown(),
    ],
    Load: [
        lambda load: load.stats,
        lambda load: load.options,
        lambda load: load.latency,
        lambda load: load.next_problem(0),
        lambda load: load.wait(0),
        lambda load: load.stop(),
    ],
}
# Calls that no state of the object makes right.
WRONG: dict[type, list[Callable[[Any], object]]] = {
    Server: [
        lambda server: server.next_event("soon"),
        lambda server: server.next_event(-1),
        lambda server: server.drain(float("nan")),
        lambda server: server.wait_for(connections=-1, timeout=0),
        lambda server: server.add_fault(None),
        lambda server: server.add_fault("latency\0"),
        lambda server: server.change_fault(-1, "latency"),
    ],
    Client: [
        lambda client: client.send("text"),
        lambda client: client.send(None),
        lambda client: client.recv(-1, 0),
        lambda client: client.recv("many", 0),
        lambda client: client.recv_into(b"constant", 0),
        lambda client: client.echo(object()),
        lambda client: client.shutdown("all"),
        lambda client: client.recv(1, 1e300),
    ],
    Load: [
        lambda load: load.next_problem("soon"),
        lambda load: load.wait(-0.5),
        lambda load: load.wait(float("nan")),
        lambda load: load.next_problem(1e300),
    ],
}
# Calls that wait until somebody closes the object, or something comes.
BLOCKING: dict[type, Callable[[Any], object]] = {
    Server: lambda server: server.drain(None),
    Client: lambda client: client.recv(1, None),
    Load: lambda load: load.wait(None),
}
BAD_ARGUMENT = (TypeError, ValueError, OverflowError)


def failure_code(call: Callable[[], object]) -> int:
    """The Winsock code of its failure; 0 if it succeeds, or what came back was not what was sent."""
    try:
        call()
    except OSError as failure:
        return failure.winerror
    except (ws2echo.EchoMismatchError, EOFError):
        pass  # of a connection on which bytes were left unread
    return 0


class Misuse(RuleBasedStateMachine):
    """Knows of each object only whether it is open: all else is for the objects to know."""

    objects: Bundle[Opened] = Bundle("objects")

    def __init__(self) -> None:
        super().__init__()
        self.home = Server("127.0.0.1", model="iocp", protocol="both")
        self.opened: list[Opened] = [self.home]

    def keep(self, thing: Opened) -> Opened:
        self.opened.append(thing)
        return thing

    @rule(target=objects, model=st.sampled_from([info.name for info in ws2echo.models()]))
    def open_server(self, model: str) -> Opened:
        return self.keep(Server("127.0.0.1", model=model))

    @rule(target=objects, protocol=st.sampled_from(["tcp", "udp"]))
    def open_client(self, protocol: str) -> Opened:
        return self.keep(Client(self.home.port, "127.0.0.1", protocol=protocol))

    @rule(target=objects, model=st.sampled_from([info.name for info in ws2echo.models()]))
    def open_load(self, model: str) -> Opened:
        return self.keep(Load(self.home.port, "127.0.0.1", model=model, connections=2, rate=50))

    @rule(target=objects, kind=st.sampled_from([Server, Client, Load]))
    def make_without_opening(self, kind: type[Opened]) -> Opened:
        return kind.__new__(kind)

    @rule(thing=objects, number=st.integers(0, 20), elsewhere=st.booleans())
    def call(self, thing: Opened, number: int, elsewhere: bool) -> None:
        calls = CALLS[type(thing)]
        call = calls[number % len(calls)]
        code = failure_code(Task(call, thing).result if elsewhere else lambda: call(thing))
        assert not thing.closed or code == WSAENOTSOCK

    @rule(thing=objects, number=st.integers(0, 20))
    def call_wrongly(self, thing: Opened, number: int) -> None:
        calls = WRONG[type(thing)]
        with pytest.raises((OSError, *BAD_ARGUMENT)) as caught:
            calls[number % len(calls)](thing)
        if isinstance(caught.value, OSError):
            assert thing.closed
            assert caught.value.winerror == WSAENOTSOCK

    @rule(thing=objects)
    def close(self, thing: Opened) -> None:
        thing.close()
        assert thing.closed

    @rule(thing=objects)
    def close_while_others_wait(self, thing: Opened) -> None:
        tasks = [Task(BLOCKING[type(thing)], thing) for _ in range(2)]
        thing.close()
        for task in tasks:
            codes = (0, WSA_OPERATION_ABORTED, WSAENOTSOCK, *ended_before(thing))
            assert failure_code(task.result) in codes

    @rule(kind=st.sampled_from([Server, Client]))
    def forget(self, kind: type[Opened]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Server("127.0.0.1") if kind is Server else Client(self.home.port, "127.0.0.1")
            gc.collect()

    def teardown(self) -> None:
        for thing in self.opened:
            thing.close()


def ended_before(thing: Opened) -> tuple[int, ...]:
    """What a call gives that came to a connection which was shut down before."""
    return (10058, 10054, 10053) if isinstance(thing, Client) else ()


@pytest.mark.timeout(600)
def test_objects_used_wrongly_in_any_order() -> None:
    run_state_machine_as_test(
        Misuse,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            phases=[Phase.generate],  # to shrink an example takes minutes here, and its steps are few
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


# ---- the end of the program

ENDS = {
    "threads that wait inside": """
        for wait, arguments in (client.recv, (1, None)), (server.drain, (None,)), (load.wait, (None,)):
            threading.Thread(target=wait, args=arguments, daemon=True).start()
        time.sleep(0.3)
    """,
    "threads that call all the time": """
        def work(call):
            while True:
                call()
        calls = (
            lambda: server.stats,
            lambda: client.echo(b"x"),
            lambda: ws2echo.Client(server.port).close(),
        )
        for call in calls:
            threading.Thread(target=work, args=(call,), daemon=True).start()
        time.sleep(0.3)
    """,
    "a thread that closes after the main one has ended": """
        def close_late():
            threading.main_thread().join()
            for thing in (load, client, server):
                thing.close()
        threading.Thread(target=close_late).start()
    """,
    "functions registered for the exit": """
        import weakref
        weakref.finalize(sys, server.close)
        atexit.register(lambda: client.echo(b"late"))
        atexit.register(load.stop)
    """,
    "a finaliser of another class": """
        class Late:
            def __del__(self, things=(load, client, server)):
                for thing in things:
                    thing.close()
        late = Late()
        late.itself = late
    """,
    "an error that nobody catches": """
        sys.stderr = None
        raise SystemExit(0) from RuntimeError("unhandled")
    """,
}
BEGIN = """
    import atexit, sys, threading, time
    atexit.register(lambda: print("end", flush=True))  # called last, after threads were joined
    import ws2echo
    server = ws2echo.Server("127.0.0.1")
    client = ws2echo.Client(server.port, "127.0.0.1")
    load = ws2echo.Load(server.port, "127.0.0.1", connections=3)
    client.echo(b"x")
"""


@pytest.mark.timeout(END_LIMIT_S)
@pytest.mark.parametrize("end", ENDS)
def test_the_program_ends_though_there_are(end: str) -> None:
    """As if it had closed everything: no crash, no hang, no word."""
    script = textwrap.dedent(BEGIN) + textwrap.dedent(ENDS[end])
    assert end_of([sys.executable, "-W", "ignore", "-c", script]) == (0, LAST_WORD)
