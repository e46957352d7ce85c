"""./dev bench: our servers and the peers under one load, interleaved in one run, as ratios.

All that takes part, Wine's server included, is kept to one CPU: unpinned, wake-ups between CPUs would be
measured instead. Each round measures every server once, and begins with another one. What is told is the
median over the rounds with the smallest and largest; a ratio is the median of the ratios of each round.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from workshop import build, machine, wine
from workshop.bench_costs import (
    BINDING_HEADER,
    CALL_HEADER,
    Asked,
    binding_rows,
    bindings,
    calls,
    core_instructions,
)
from workshop.bench_report import Report, Table
from workshop.models import models
from workshop.paths import BENCH_PLAIN, BENCH_WIN64, BUILD
from workshop.peers import NATIVE_LOAD, Peer, Protocol, Running, peers, usable
from workshop.steps import StepError, report

FOLDER = BUILD / "bench"
ROUNDS = 9
SECONDS = 0.3
CPU = 0
ANSWER_LIMIT_S = 120.0
NATIVE_CHURN_SECONDS = 0.1
BINDING_ECHOES = 1000
FAULTS_COST_SCENARIOS = ("ping-1", "ping-64")
FAULTS_COST_SECONDS = 0.15
WINDOW_BYTES = 1 << 20
"""Of a stream: what is under way, at most."""


@dataclass(frozen=True)
class Scenario:
    """What the load does, and what of it is compared."""

    name: str
    title: str
    unit: str
    key: str
    """Of what the load tells."""
    connections: int
    message_bytes: int = 64
    protocol: Protocol = "tcp"
    stream: bool = False
    churn: bool = False
    times: int = 1
    """So many times longer is it measured: of many streams a message waits for 50 ms and more."""

    def line(self, port: int, seconds: float) -> str:
        """What bench/ours/measure.c is asked."""
        numbers = (
            port,
            models().index("iocp"),
            int(self.protocol == "udp"),
            self.connections,
            self.message_bytes,
            int(self.stream),
            WINDOW_BYTES if self.stream else 0,
            int(self.churn),
            round(seconds * 1000),
        )
        return " ".join(map(str, numbers))


SCENARIOS = (
    Scenario("ping-1", "1 connection, 64 bytes there and back", "echoes/s", "messages_per_s", 1),
    Scenario("ping-64", "64 connections, 64 bytes there and back", "echoes/s", "messages_per_s", 64),
    Scenario("ping-500", "500 connections, 64 bytes there and back", "echoes/s", "messages_per_s", 500),
    Scenario("stream-1", "1 connection, streaming 64 KiB", "MiB/s", "mib_per_s", 1, 65536, stream=True),
    Scenario(
        "stream-16",
        "16 connections, streaming 64 KiB",
        "MiB/s",
        "mib_per_s",
        16,
        65536,
        stream=True,
        times=4,
    ),
    Scenario(
        "churn",
        "connect, echo 64 bytes, close; 4 at once",
        "connections/s",
        "connections_per_s",
        4,
        churn=True,
    ),
    Scenario(
        "udp", "1 socket, 64 bytes there and back over UDP", "echoes/s", "messages_per_s", 1, protocol="udp"
    ),
)


@dataclass
class Measured:
    """A server in one scenario: a value for each round."""

    values: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    connected: list[float] = field(default_factory=list)
    """How many connections it had accepted when the measurement began."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def ratios_to(self, other: Measured) -> list[float]:
        """Of each round: what slows a round slows both."""
        return [a / b for a, b in zip(self.values, other.values, strict=True) if b > 0]

    def ratio_to(self, other: Measured) -> float:
        return statistics.median(self.ratios_to(other) or [0.0])


Results = dict[str, dict[str, Measured]]
"""By scenario, then by server."""


def _ours(model: str) -> Peer:
    def install() -> None:
        machine.prefix()
        build.bench_ours()

    number = models().index(model)
    return Peer(
        f"ws2echo-{model}",
        "ours",
        f"ws2echo, model {model}",
        install,
        lambda: [BENCH_WIN64 / "serve.exe", str(number)],
        model,
    )


# One CPU for all


def _wineserver() -> int:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if "wineserver" not in (process / "comm").read_text():
                continue
            environment = (process / "environ").read_bytes().split(b"\0")
            if b"WINEPREFIX=" + os.fsencode(wine.PREFIX) in environment:
                return int(process.name)
    raise StepError("Wine's server does not run")


@contextmanager
def _pinned_wineserver() -> Iterator[None]:
    wine.start_services()
    server = _wineserver()
    before = os.sched_getaffinity(server)
    os.sched_setaffinity(server, {CPU})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(server, before)


# The load


class Load(Asked):
    """bench/ours/measure.c, which makes all runs in one process."""

    def __init__(self) -> None:
        super().__init__([BENCH_WIN64 / "measure.exe"], pin=str(CPU))

    def run(self, line: str, seconds: float) -> dict[str, float]:
        answer = self.ask(line, ANSWER_LIMIT_S + seconds)
        if answer["bad"]:
            raise StepError(f"the load met wrong bytes: {answer}")
        return answer


def _native_run(running: Running, scenario: Scenario, seconds: float) -> dict[str, float]:
    """What this machine can do without Wine, by a client without Wine. It makes connections one at a time."""
    mode = "stream" if scenario.stream else "churn" if scenario.churn else "pingpong"
    if scenario.churn:  # thousands of ports in TIME_WAIT would slow down all that connect after it
        seconds = min(seconds, NATIVE_CHURN_SECONDS)
    command = [
        *("taskset", "-c", str(CPU), str(NATIVE_LOAD), str(running.port)),
        *("--mode", mode, "--connections", str(scenario.connections), "--size", str(scenario.message_bytes)),
        *("--seconds", str(seconds), *(["--udp"] if scenario.protocol == "udp" else [])),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_LIMIT_S, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    echoes = told.get("echoes_per_s", 0.0)
    return {
        "messages_per_s": echoes,
        "connections_per_s": echoes,
        "mib_per_s": told["mib_per_s"],
        "p50_us": told.get("p50_us", 0.0),
        "p99_us": told.get("p99_us", 0.0),
    }


# The rounds


def _run(load: Load, running: Running, scenario: Scenario, seconds: float) -> dict[str, float]:
    if running.peer.kind == "native":
        return _native_run(running, scenario, seconds)
    try:
        return load.run(scenario.line(running.port, seconds), seconds)
    except StepError as failure:
        raise StepError(f"{running.peer.name}, {scenario.title}: {failure}") from failure


@contextmanager
def _serving_all(servers: Sequence[Peer], protocol: Protocol) -> Iterator[dict[str, Running]]:
    with ExitStack() as stack:
        yield {
            server.name: stack.enter_context(server.serve(protocol, pin=str(CPU)))
            for server in servers
            if protocol in server.protocols
        }


def _rounds(
    load: Load, scenario: Scenario, running: dict[str, Running], rounds: int, seconds: float
) -> dict[str, Measured]:
    """A peer that does not stand it is left out, and told; one of ours may not fail.

    Every other round goes backwards: what one server leaves behind would always meet the same next one.
    """
    results = {name: Measured() for name in running}
    order = list(running)
    for number in range(rounds):
        turn = number // 2 % len(order)
        for name in (order[turn:] + order[:turn])[:: -1 if number % 2 else 1]:
            if name not in results:
                continue
            try:
                answer = _run(load, running[name], scenario, seconds * scenario.times)
            except StepError as failure:
                if running[name].peer.kind == "ours":
                    raise
                report.say(f"  left out: {failure}")
                del results[name]
                continue
            results[name].values.append(answer[scenario.key])
            results[name].p50_us.append(answer["p50_us"])
            results[name].p99_us.append(answer["p99_us"])
            results[name].connected.append(answer.get("connected", scenario.connections))
    return results


def measure(
    servers: Sequence[Peer], scenarios: Sequence[Scenario], rounds: int, seconds: float
) -> Iterator[tuple[str, dict[str, Measured]]]:
    """Measure each server in each scenario; gives what each scenario found as soon as it has."""
    with _pinned_wineserver():
        load = Load()
        try:
            for scenario in scenarios:
                with _serving_all(servers, scenario.protocol) as running:
                    report.say(f"  {scenario.title}: {rounds} rounds of {len(running)} servers")
                    found = _rounds(load, scenario, running, rounds, seconds)
                yield scenario.name, found
        finally:
            load.close()


# Memory


def _resident_of_idle(running: Running, connections: int) -> float:
    """KiB that an idle connection adds, once it has echoed."""
    with ExitStack() as stack:

        def connect(count: int) -> None:
            for _ in range(count):
                plain = stack.enter_context(socket.create_connection(("127.0.0.1", running.port), 60))
                plain.sendall(b"x")
                if plain.recv(1) != b"x":
                    raise StepError(f"{running.peer.name} did not echo")

        connect(50)  # what is made once is made
        before = running.resident_kib()
        connect(connections)
        return (running.resident_kib() - before) / connections


def memory(servers: Sequence[Peer], connections: int) -> dict[str, float]:
    """Resident KiB of each server for each of so many idle connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found: dict[str, float] = {}
    for server in servers:
        try:
            with server.serve("tcp") as running:
                found[server.name] = _resident_of_idle(running, connections)
        except (StepError, OSError) as failure:
            report.say(f"  {server.title}: {connections} idle connections: {failure}")
    return found


# The whole


def _chosen(names: str, of: Sequence[str], what: str) -> list[str]:
    wanted = [name for name in names.split(",") if name] or list(of)
    if unknown := [name for name in wanted if name not in of]:
        raise StepError(f"there is no {what} {', '.join(unknown)}; there are {', '.join(of)}")
    return wanted


def _without_faults(model: str) -> Peer:
    """The same server on a DLL that was built without faults."""

    def install() -> None:
        build.bench_ours()
        build.bench_without_faults()

    server, number = _ours(model), models().index(model)
    return replace(
        server,
        name=f"plain-{model}",
        title=f"{server.title}, without faults",
        install=install,
        command=lambda: [BENCH_PLAIN / "serve.exe", str(number)],
    )


def _cost_of_faults(rounds: int) -> Table:
    """Ours against the same built without faults, where no rule is set."""
    pairs = [(_ours(model), _without_faults(model)) for model in models()]
    for pair in pairs:
        for server in pair:
            server.prepare()
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in FAULTS_COST_SCENARIOS]
    servers = [server for pair in pairs for server in pair]
    results = dict(measure(servers, scenarios, rounds, FAULTS_COST_SECONDS))
    rows = [
        [ours.title]
        + [
            f"{results[scenario.name][ours.name].ratio_to(results[scenario.name][plain.name]):.2f}"
            for scenario in scenarios
        ]
        for ours, plain in pairs
    ]
    header = ["server", *(scenario.title for scenario in scenarios)]
    return Table("Without a rule: the speed with faults built in, to that without", header, rows)


def _costs(rounds: int) -> Iterator[Table]:
    """What an echo costs, whatever the machine."""
    report.say("  What an echo costs")
    build.bench_ours()
    build.bench_native()
    for title, rows in calls():
        yield Table(f"Calls of an echo of 64 bytes: {title}", CALL_HEADER, rows)
    instructions = [["echo session", f"{core_instructions():.0f}"]]
    yield Table("Instructions of the pure core", ("core", "for an echo of 64 bytes"), instructions)
    with _pinned_wineserver():
        rates = bindings(_ours("threads"), str(CPU), rounds, BINDING_ECHOES)
    yield Table("An echo of 64 bytes through a binding", BINDING_HEADER, binding_rows(rates))
    yield _cost_of_faults(2 * rounds)


def _side_by_side(servers: Sequence[Peer]) -> list[Peer]:
    """Each of ours next to its floor, so that what disturbs one disturbs both."""
    order = [server.model for server in servers if server.kind == "ours"]
    return sorted(servers, key=lambda server: order.index(server.model) if server.model else len(order))


def command(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement")
    parser.add_argument("--servers", default="", help="names, by commas; all")
    parser.add_argument("--scenarios", default="", help="names, by commas; all")
    parser.add_argument(
        "--idle", type=int, default=1000, help="connections to measure memory with; 0 leaves that out"
    )
    parser.add_argument("--no-costs", action="store_true", help="leave out calls, instructions, bindings")
    options = parser.parse_args(arguments)
    every = _side_by_side([*map(_ours, models()), *peers()])
    names = _chosen(options.servers, [server.name for server in every], "server")
    scenarios = _chosen(options.scenarios, [scenario.name for scenario in SCENARIOS], "scenario")
    report.say("What is measured")
    servers, left_out = usable([server for server in every if server.name in names])
    report.say("The measurements")
    chosen = [scenario for scenario in SCENARIOS if scenario.name in scenarios]
    found = Report(FOLDER, servers, left_out, options.rounds, options.idle)
    for name, measured in measure(servers, chosen, options.rounds, options.seconds):
        found.results[name] = measured
        found.write(SCENARIOS)
    if options.idle:
        found.resident = memory(servers, options.idle)
        found.write(SCENARIOS)
    if not options.no_costs:
        for table in _costs(options.rounds):
            found.costs.append(table)
            found.write(SCENARIOS)
    report.say(found.write(SCENARIOS))
    return 0
