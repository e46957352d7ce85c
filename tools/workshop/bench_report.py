"""What ./dev bench found, as tables and as one page with pictures, in build/bench."""

from __future__ import annotations

import html
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workshop.bench import Measured, Results, Scenario
    from workshop.peers import Peer

BAR_WIDTH = 420
ROW_HEIGHT = 22
NAME_WIDTH = 190
IN_PARTICULAR = ("ws2echo-threads", "native-epoll")
COLOURS = {"ours": "#1f6feb", "floor": "#8b949e", "peer": "#d29922", "native": "#57ab5a"}


@dataclass(frozen=True)
class Table:
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def _floor_of(server: Peer, servers: Sequence[Peer]) -> str | None:
    """The smallest server with the same calls, for one of ours."""
    if server.kind != "ours":
        return None
    return next((each.name for each in servers if each.kind == "floor" and each.model == server.model), None)


def _best_peer(servers: Sequence[Peer], found: Mapping[str, Measured]) -> str | None:
    names = [server.name for server in servers if server.kind == "peer" and server.name in found]
    return max(names, key=lambda name: found[name].median, default=None)


def _middle_half(values: Sequence[float]) -> tuple[float, float]:
    enough = values if len(values) > 1 else 2 * list(values)
    lower, _, upper = statistics.quantiles(enough, n=4, method="inclusive")
    return lower, upper


def _ratio(own: Measured, other: Measured) -> str:
    ratios = own.ratios_to(other) or [0.0]
    return "{:.2f} ({:.2f} – {:.2f})".format(own.ratio_to(other), *_middle_half(ratios))


def _row(server: Peer, servers: Sequence[Peer], found: Mapping[str, Measured], connections: int) -> list[str]:
    own = found[server.name]
    fewest = min(own.connected)
    title = server.title if fewest >= connections else f"{server.title} (with {fewest:.0f} connections)"
    floor, best = _floor_of(server, servers), _best_peer(servers, found)
    spread = f"{min(own.values):,.0f} – {max(own.values):,.0f}"
    half = "{:,.0f} – {:,.0f}".format(*_middle_half(own.values))
    to_floor = _ratio(own, found[floor]) if floor is not None and floor in found else ""
    to_best = _ratio(own, found[best]) if best is not None else ""
    latencies = [f"{statistics.median(values):,.0f}" for values in (own.p50_us, own.p99_us)]
    return [title, f"{own.median:,.0f}", half, spread, to_floor, to_best, *latencies]


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _table(scenario: Scenario, servers: Sequence[Peer], found: Mapping[str, Measured]) -> str:
    spread = ["middle half", "smallest – largest"]
    header = ["server", scenario.unit, *spread, "to its floor", "to the best peer", "p50, µs", "p99, µs"]
    rows = [_row(server, servers, found, scenario.connections) for server in servers if server.name in found]
    return f"### {scenario.title}\n\n{_markdown(header, rows)}"


def _to_floors(scenarios: Sequence[Scenario], servers: Sequence[Peer], results: Results) -> str:
    """Each of ours to the smallest server of its model, in all scenarios."""
    rows = []
    for server in servers:
        floor = _floor_of(server, servers)
        if server.model is None or floor is None:
            continue
        found = [results[scenario.name] for scenario in scenarios]
        both = [(each.get(server.name), each.get(floor)) for each in found]
        rows.append([server.model, *(_ratio(own, other) if own and other else "" for own, other in both)])
    header = ["model", *(scenario.name for scenario in scenarios)]
    return f"### Ours to the smallest server of each model\n\n{_markdown(header, rows)}" if rows else ""


def _named(name: str, found: Mapping[str, Measured]) -> str:
    return f"{name} {found[name].median:,.0f}"


def _to_peers(scenarios: Sequence[Scenario], servers: Sequence[Peer], results: Results) -> str:
    """The best and the worst of ours, and those that are told of in particular, to the best peer."""
    rows = []
    for scenario in scenarios:
        found = results[scenario.name]
        peer = _best_peer(servers, found)
        ours = sorted(
            (server.name for server in servers if server.kind == "ours" and server.name in found),
            key=lambda name: found[name].median,
        )
        if peer is None or not ours:
            continue
        told = [ours[-1], ours[0], *IN_PARTICULAR]
        ratios = [_ratio(found[name], found[peer]) if name in found else "" for name in told]
        rows.append([scenario.name, _named(ours[-1], found), _named(peer, found), ratios[0]])
        rows[-1] += [f"{ours[0]} {ratios[1]}", *ratios[2:]]
    header = ["scenario", "best of ours", "best peer", "ratio", "worst of ours to it"]
    header += [f"{name} to it" for name in IN_PARTICULAR]
    return f"### Ours and others\n\n{_markdown(header, rows)}" if rows else ""


def _memory_table(servers: Sequence[Peer], resident: Mapping[str, float], idle: int) -> str:
    rows = [[server.title, f"{resident[server.name]:.1f}"] for server in servers if server.name in resident]
    return f"### Resident memory of each of {idle:,} idle connections\n\n{_markdown(['server', 'KiB'], rows)}"


def _picture(scenario: Scenario, servers: Sequence[Peer], found: Mapping[str, Measured]) -> str:
    """Bars of the medians, a line from the smallest to the largest; native ones would dwarf the rest."""
    shown = [server for server in servers if server.name in found and server.kind != "native"]
    most = max((max(found[server.name].values) for server in shown), default=1) or 1
    parts = []
    for number, server in enumerate(shown):
        own, top = found[server.name], number * ROW_HEIGHT
        middle = top + ROW_HEIGHT / 2
        left, right = (NAME_WIDTH + BAR_WIDTH * value / most for value in (min(own.values), max(own.values)))
        width = BAR_WIDTH * own.median / most
        parts += [
            f'<text x="{NAME_WIDTH - 8}" y="{middle + 4}" text-anchor="end">{server.name}</text>',
            f'<rect x="{NAME_WIDTH}" y="{top + 3}" width="{width:.1f}" height="{ROW_HEIGHT - 6}"'
            f' fill="{COLOURS[server.kind]}"/>',
            f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{middle}" y2="{middle}" stroke="black"/>',
            f'<text x="{max(right, NAME_WIDTH + width) + 6:.1f}" y="{middle + 4}">{own.median:,.0f}</text>',
        ]
    width, height = NAME_WIDTH + BAR_WIDTH + 90, len(shown) * ROW_HEIGHT
    title = f"<h2>{html.escape(scenario.title)} ({html.escape(scenario.unit)})</h2>"
    return f'{title}\n<svg width="{width}" height="{height}" font-size="12">{"".join(parts)}</svg>'


def _page(scenarios: Sequence[Scenario], servers: Sequence[Peer], results: Results, rounds: int) -> str:
    legend = ", ".join(f'<b style="color:{colour}">{kind}</b>' for kind, colour in COLOURS.items())
    pictures = "\n".join(
        _picture(scenario, servers, results[scenario.name])
        for scenario in scenarios
        if scenario.name in results
    )
    return (
        '<!doctype html><meta charset="utf-8"><title>ws2echo: measured</title>'
        '<body style="font-family:sans-serif;margin:2em">'
        f"<h1>ws2echo and others</h1><p>Medians of {rounds} interleaved rounds on one CPU, with the smallest"
        f" and the largest; {legend}. Under Wine: only ratios say anything.</p>{pictures}</body>\n"
    )


@dataclass
class Report:
    """All that was found so far, written after each part: nothing is lost if a later one fails."""

    folder: Path
    servers: Sequence[Peer]
    left_out: Mapping[str, str]
    rounds: int
    idle: int
    results: Results = field(default_factory=dict)
    resident: Mapping[str, float] = field(default_factory=dict)
    costs: list[Table] = field(default_factory=list)

    def _text(self, ran: Sequence[Scenario]) -> str:
        tables = [part(ran, self.servers, self.results) for part in (_to_floors, _to_peers)]
        tables += [_table(scenario, self.servers, self.results[scenario.name]) for scenario in ran]
        if self.resident:
            tables.append(_memory_table(self.servers, self.resident, self.idle))
        tables += [f"### {table.title}\n\n{_markdown(table.header, table.rows)}" for table in self.costs]
        if self.left_out:
            reasons = [f"- {name}: {reason.splitlines()[0]}" for name, reason in self.left_out.items()]
            tables.append("### Left out\n\n" + "\n".join(reasons))
        head = (
            f"Medians of {self.rounds} interleaved rounds on one CPU; a ratio is the median of the rounds'"
            " ratios, then their middle half. Native servers are measured by a native client of their own."
        )
        return head + "\n\n" + "\n\n".join(filter(None, tables)) + "\n"

    def _data(self) -> dict[str, object]:
        return {
            "rounds": self.rounds,
            "results": {
                name: {server: asdict(own) for server, own in found.items()}
                for name, found in self.results.items()
            },
            "resident_kib": dict(self.resident),
            "costs": {table.title: [table.header, *table.rows] for table in self.costs},
            "left_out": dict(self.left_out),
        }

    def write(self, scenarios: Sequence[Scenario]) -> str:
        """Write bench.json, bench.md and bench.html, of the scenarios that have results; gives the tables."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ran = [scenario for scenario in scenarios if scenario.name in self.results]
        text = self._text(ran)
        (self.folder / "bench.md").write_text(text, "utf-8")
        (self.folder / "bench.html").write_text(_page(ran, self.servers, self.results, self.rounds), "utf-8")
        (self.folder / "bench.json").write_text(json.dumps(self._data(), indent=1), "utf-8")
        return text
