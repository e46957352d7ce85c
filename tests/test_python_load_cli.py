"""The command line's load and compare: in this process, but for what needs one of its own."""

import csv
import dataclasses
import io
import json
import re
import socket
import subprocess
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import tampering
import ws2echo
from commands import run
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from waiting import LIMIT_S, more_and_more
from ws2echo import Histogram, LoadResult, Server, _compare, _html, _load_report, _svg
from ws2echo.__main__ import main
from ws2echo._load_arguments import parse_servers, parse_target
from ws2echo._load_result import LoadSample
from ws2echo._units import (
    mebibytes_of,
    parse_duration,
    parse_rate,
    parse_size,
    parse_sizes,
    rate_of,
    size_of,
    time_of,
)

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(protocol="both", model="iocp") as opened:
        yield opened


# ---- load


def test_a_load_tells_what_it_did(server: Server, capsys: Captured) -> None:
    assert main(["load", str(server.port), "--messages", "50", "--connections", "2", "--sizes", "1KiB"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.fullmatch(
        f"Load on localhost port {server.port}: 2 connections over TCP, "
        r"driven by model iocp with \d+ workers?, ping-pong, messages of 1 KiB, seed 1",
        lines[0],
    )
    assert re.match(
        r"Ran for .*: 50 messages, .* messages/s, .* MiB/s each way \(51,200 bytes sent, ", lines[1]
    )
    assert lines[2] == "Connections: 2 begun, 2 connected, 2 ended well, 0 with a problem"
    assert lines[3] == "Latency of 50 messages (from when each message was sent):"
    heads = "p50 p90 p99 p99.9 p99.99 p99.999 max min mean stddev"
    assert " ".join(lines[4].split()) == heads
    assert lines[6] == "Connecting, 2 times:"
    assert " ".join(lines[7].split()) == heads
    assert len(lines) == 9
    head = ["time", "messages/s", "MiB/s", "back", "p50", "p99", "max", "connections"]
    assert err.splitlines()[0].split() == head


def test_what_was_sent_is_told_beside_what_came_back(server: Server) -> None:
    """Where they differ: as when nothing is received."""
    with ws2echo.Load(server.port, messages=1, sizes=1 << 20) as load:
        result = load.run()
    result = dataclasses.replace(result, stats=dataclasses.replace(result.stats, bytes_received=0))
    assert result.bytes_sent_per_second * (result.stats.active_us / 1e6) == pytest.approx(1 << 20)
    sent = mebibytes_of(result.bytes_sent_per_second)
    assert f" 0 MiB/s back, {sent} MiB/s sent (1,048,576 bytes sent, 0 received)" in _load_report.summary(
        result
    )
    page = result.to_html()
    assert f"MiB/s sent</td><td>{sent}</td>" in page
    assert "MiB/s back</td><td>0</td>" in page
    compared = _compare.summary(_compare.interleaved(["a"], 1, lambda name, number: result))
    assert f"a           {sent:>10}" in compared


def test_it_serves_itself(capsys: Captured) -> None:
    for model in ("threads", "iocp"):
        assert main(["load", "--serve", model, "--messages", "5", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out.count(" 5 messages, ") == 2
    assert "Server: one of our own, model threads" in out
    assert err == ""


def test_a_rate_corrects_for_coordinated_omission(server: Server, capsys: Captured) -> None:
    arguments = ["--rate", "200/s", "--messages", "20", "--burst", "2", "--warm-up", "1ms"]
    assert main(["load", f"127.0.0.1:{server.port}", *arguments]) == 0
    out = capsys.readouterr().out
    assert "200 messages/s in bursts of 2, warm up 1.00 ms" in out.splitlines()[0].replace("1 ms", "1.00 ms")
    assert "(from when each message was due, against coordinated omission)" in out


def test_over_udp(server: Server, capsys: Captured) -> None:
    arguments = ["--protocol", "udp", "--messages", "20", "--depth", "4"]
    assert main(["load", f"[::1]:{server.port}", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(
        f"Load on ::1 port {server.port}: 1 connection over UDP, driven by model iocp with "
    )
    assert ", ping-pong, messages of 64 bytes, depth 4, reply timeout 1 s, seed 1" in lines[0]
    assert (
        "Datagrams: 0 lost, 0 late, 0 duplicated, 0 reordered, 0 corrupt, 0 foreign, 0 unreachable" in lines
    )
    assert lines[2] == "Connections: 1 begun, 1 connected, 1 ended well, 0 problems"
    assert not [line for line in lines if line.startswith("Connecting")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "threads"}, "driven by model threads, ping-pong, messages of 64 bytes, seed 1"),
        ({"model": "poll", "workers": 1}, "driven by model poll with 1 worker, "),
        ({"sizes": (64, 1024)}, "messages of 64 bytes or 1 KiB, "),
        ({"sizes": (64, 512, 1500)}, "messages of 64, 512 or 1500 bytes, "),
        ({"sizes": range(64, 1501)}, "messages of 64 to 1500 bytes, "),
        ({"sizes": range(1, 1025)}, "messages of 1 byte to 1 KiB, "),
        ({"pattern": "stream", "window_bytes": 4096, "sizes": 1000}, "1000 bytes, window 4 KiB, "),
        ({"receive": "after-sent", "reset": True}, "receive after-sent, ended by reset, "),
        ({"no_delay": False, "family": "ipv4"}, "family ipv4, no TCP_NODELAY, "),
        ({"connect_timeout": 3, "finish_timeout": None}, "connect timeout 3 s, no finish timeout, "),
        (
            {"reply_timeout": 0.5, "receive_buffer_bytes": 65536},
            "reply timeout 500 ms, receive buffer 64 KiB, ",
        ),
    ],
    ids=str,
)
def test_what_was_to_be_done_is_told(server: Server, options: dict[str, Any], words: str) -> None:
    with ws2echo.Load(server.port, messages=1, **options) as load:
        assert words in ", ".join(_load_report.described(load.options))


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--pattern", "duplex"], {"pattern": "stream", "window_bytes": 1 << 20}),
        (["--pattern", "stream", "--window", "4KiB"], {"pattern": "stream", "window_bytes": 4096}),
        (["--pattern", "churn"], {"pattern": "ping-pong", "messages_per_connection": 1}),
        (["--pattern", "churn", "--messages-per-connection", "3"], {"messages_per_connection": 3}),
        (["--sizes", "64,1KiB"], {"sizes": (64, 1024), "sizes_range": False}),
        (["--sizes", "64-1500"], {"sizes": (64, 1500), "sizes_range": True}),
        (["--think", "1ms"], {"think": 0.001, "duration": None}),
        (["--receive", "late", "--receive-delay", "50ms"], {"receive": "late", "receive_delay": 0.05}),
        (["--receive", "after-sent", "--send-delay", "10ms"], {"receive": "after-sent", "send_delay": 0.01}),
        (["--model", "poll", "--workers", "1", "--family", "ipv4"], {"model": "poll", "workers": 1}),
        (["--bytes", "1MB", "--reset", "--nagle"], {"bytes": 10**6, "reset": True, "no_delay": False}),
        (["--receive-buffer", "64KiB", "--send-buffer", "8KiB"], {"receive_buffer_bytes": 65536}),
        (["--reply-timeout", "20s", "--finish-timeout", "5s"], {"reply_timeout": 20, "finish_timeout": 5}),
        (["--ramp-up", "20ms", "--seed", "7", "--connect-timeout", "3"], {"ramp_up": 0.02, "seed": 7}),
        (["--duration", "50ms", "--messages", "1000000"], {"duration": 0.05}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arguments_come_to_options(
    server: Server, capsys: Captured, arguments: list[str], wanted: dict[str, Any]
) -> None:
    few = [] if "--messages" in arguments or "--bytes" in arguments else ["--messages", "6"]
    assert main(["load", str(server.port), "--json", "-", "--quiet", *few, *arguments]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)["options"]
    assert {name: told[name] for name in wanted} == {**wanted, **_lists(wanted)}
    assert err == ""


def _lists(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) for name, value in wanted.items() if isinstance(value, tuple)}


def test_without_a_limit_it_takes_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def opened(*arguments: object, **options: object) -> None:
        asked.append((arguments, options["duration"]))
        raise KeyboardInterrupt

    monkeypatch.setattr("ws2echo._load_command.Load", opened)
    assert main(["load", "7"]) == 1
    assert asked == [((7, "localhost"), 10.0)]


def test_outputs(server: Server, tmp_path: Path, capsys: Captured) -> None:
    files = {name: tmp_path / f"load.{name}" for name in ("json", "csv", "hdr", "html")}
    outputs = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    for duration in more_and_more(0.5):
        arguments = ["--duration", f"{duration}s", "--series", "100ms", "--quiet"]
        assert main(["load", str(server.port), *arguments, *outputs]) == 0
        assert "Ran for" in capsys.readouterr().out
        result = LoadResult.from_json(files["json"].read_text("utf-8"))
        if len(result.samples) >= 2:  # it may be over before the first interval was seen to be
            break
    assert len(result.samples) >= 2
    assert files["csv"].read_text("utf-8") == result.to_csv()
    rows = list(csv.DictReader(io.StringIO(files["csv"].read_text("utf-8"))))
    assert sum(int(row["messages"]) for row in rows) == result.stats.messages
    reader = HistogramLogReader(str(files["hdr"]), HdrHistogram(1, 100_000_000, 2))
    try:
        first = reader.get_next_interval_histogram()
    finally:
        reader.close()
    assert first.get_total_count() == result.samples[0].latency.count
    check_page(files["html"].read_text("utf-8"), figures=3)


def test_outputs_on_stdout(server: Server, capsys: Captured) -> None:
    few = ["load", str(server.port), "--messages", "3", "--quiet"]
    assert main([*few, "--json", "-"]) == 0
    assert LoadResult.from_json(capsys.readouterr().out).stats.messages == 3
    assert main([*few, "--csv", "-"]) == 0
    assert capsys.readouterr().out.startswith("time_us,interval_us,connections_current,")
    assert main([*few, "--csv", "-", "--json", "-"]) == 2
    assert "both" in capsys.readouterr().err


def test_a_wrong_byte_is_told_with_its_place(capsys: Captured, tmp_path: Path) -> None:
    with tampering.tampering(tampering.flipped(1234), 4096) as tampered:
        where = f"127.0.0.1:{tampered.port}"
        page = tmp_path / "report.html"
        arguments = ["--messages", "1", "--sizes", "4KiB", "--html", str(page)]
        assert main(["load", where, "--quiet", *arguments]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "Problems: 1 corrupt"
    assert re.fullmatch(r"  connection 0, offset 1234: corrupt: 0x.. instead of 0x..", lines[-1])
    assert "offset 1234" in page.read_text("utf-8")


def test_nobody_there(capsys: Captured) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{unused.getsockname()[1]}"
        assert main(["load", where, "--connections", "12", "--messages", "12"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-12] == "Problems: 12 unconnected"
    assert "unconnected: WSAECONNREFUSED (10061): nothing listens there" in lines[-2]
    assert lines[-1] == "  … and 2 more"


@pytest.mark.parametrize(
    "arguments",
    [
        ["load"],
        ["load", "x"],
        ["load", "::1:80"],
        ["load", "7", "--serve", "iocp"],
        ["load", "--serve", "magic"],
        ["load", "0"],
        ["load", "7", "--sizes", "64KiX"],
        ["load", "7", "--sizes", "9-5"],
        ["load", "7", "--sizes", "0"],
        ["load", "7", "--sizes", "64-5GiB"],
        ["load", "7", "--hdr", "-"],
        ["load", "7", "--html", "-"],
        ["load", "7", "--duration", "5parsecs"],
        ["load", "7", "--duration", "0"],
        ["load", "7", "--rate", "0.5"],
        ["load", "7", "--rate", "x/s"],
        ["load", "7", "--messages", "0"],
        ["load", "7", "--connections", "0"],
        ["load", "7", "--pattern", "waltz"],
        ["load", "7", "--window", "5"],
        ["load", "7", "--series", "1ms"],
        ["load", "7", "--protocol", "udp", "--think", "1s"],
        ["load", "7", "--model", "threads", "--workers", "2"],
        ["compare"],
        ["compare", "--models", "iocp", "--servers", "a=7"],
        ["compare", "--models", "iocp,magic"],
        ["compare", "--models", "iocp", "--html", "-"],
        ["compare", "--servers", ""],
        ["compare", "--servers", "7"],
        ["compare", "--servers", "a=7,a=8"],
        ["compare", "--models", "iocp", "--rounds", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str], capsys: Captured) -> None:
    try:
        status: object = main(arguments)
    except SystemExit as ended:
        status = ended.code
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert "ws2echo" in err


def test_a_file_that_cannot_be_written(server: Server, capsys: Captured, tmp_path: Path) -> None:
    where = str(tmp_path / "none" / "load.json")
    assert main(["load", str(server.port), "--messages", "1", "--json", where, "--quiet"]) == 2
    assert main(["load", str(server.port), "--messages", "1", "--html", str(tmp_path), "--quiet"]) == 2
    assert "load.json" in capsys.readouterr().err
    assert server.stats.connections_accepted == 0  # it is said before the load, which may take hours


CTRL_C = """if True:
    import _thread, io, sys
    from ws2echo.__main__ import main
    class Errors(io.TextIOBase):
        told = 0
        def write(self, text):
            self.told += 1
            if self.told == 1:
                _thread.interrupt_main()
            return sys.__stderr__.write(text)
    sys.stderr = Errors()
    sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_ends_it_with_its_summary(server: Server) -> None:
    arguments = ["load", str(server.port), "--duration", "1h", "--rate", "100/s"]
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C, *arguments],
        input="",
        capture_output=True,
        text=True,
        timeout=LIMIT_S * 2,
        check=False,
    )
    assert "ws2echo: stopping" in done.stderr
    assert "Traceback" not in done.stderr
    assert "1 ended well, 0 with a problem" in done.stdout
    assert done.returncode == 0


CTRL_C_IN_ROUND_3 = """if True:
    import _thread, io, sys
    from ws2echo.__main__ import main
    class Errors(io.TextIOBase):
        def write(self, text):
            if "Round 3 " in text:
                _thread.interrupt_main()
            return sys.__stderr__.write(text)
    sys.stderr = Errors()
    sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_ends_a_comparison_with_the_whole_rounds(server: Server) -> None:
    servers = f"a=localhost:{server.port},b=localhost:{server.port}"
    arguments = ["compare", "--servers", servers, "--messages", "5", "--rounds", "100000"]
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C_IN_ROUND_3, *arguments],
        input="",
        capture_output=True,
        text=True,
        timeout=LIMIT_S * 2,
        check=False,
    )
    assert "2 rounds of" in done.stdout
    assert "Round 4 " not in done.stderr
    assert done.returncode == 0


def test_help() -> None:
    for command in ("load", "compare"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith(f"usage: python -m ws2echo {command}")
        assert "64KiB" in done.stdout


# ---- progress


def sample(number: int) -> LoadSample:
    return LoadSample(number * 1_000_000, 1_000_000, 7, 5000, 320_000, 320_000, Histogram([100, 2000]))


def test_plain_progress() -> None:
    out = io.StringIO()
    with _load_report.plain_progress(out) as tell:
        tell(sample(1))
        tell(LoadSample(2_000_000, 1_000_000, 0, 0, 0, 0, Histogram()))
    head, first, second = out.getvalue().splitlines()
    assert head.split()[0] == "time"
    assert first.split() == ["1.0", "s", "5,000", "0.305", "100", "us", "2", "ms", "2", "ms", "7"]
    assert second.split() == ["2.0", "s", "0", "0", "-", "-", "-", "0"]
    assert len(head) == len(first) == len(second)


def test_rich_progress() -> None:
    out = io.StringIO()
    with _load_report.rich_progress(out, force_terminal=True) as tell:
        for number in range(1, 4):
            tell(sample(number))
    text = out.getvalue()
    assert "messages/s" in text
    assert all(f"{number}.0 s" in text for number in range(1, 4))


def test_without_a_terminal_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    chosen: list[str] = []
    for name in ("plain_progress", "rich_progress"):
        monkeypatch.setattr(_load_report, name, lambda stream, name=name: chosen.append(name))
    _load_report.progress(Terminal(), False)
    _load_report.progress(io.StringIO(), False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    _load_report.progress(Terminal(), False)
    assert chosen == ["rich_progress", "plain_progress", "plain_progress"]


# ---- compare


def test_compare_models(capsys: Captured, tmp_path: Path) -> None:
    files = [str(tmp_path / "compared.json"), str(tmp_path / "compared.html")]
    arguments = ["--rounds", "2", "--messages", "20", "--json", files[0], "--html", files[1]]
    assert main(["compare", "--models", "threads,iocp", *arguments]) == 0
    out, err = capsys.readouterr()
    told = [line for line in err.splitlines() if line.startswith("Round")]
    order = [(1, "threads"), (1, "iocp"), (2, "iocp"), (2, "threads")]
    assert told == [f"Round {number} of 2: {name}" for number, name in order]
    lines = out.splitlines()
    assert lines[0].startswith("2 rounds of: 1 connection over TCP, driven by model iocp with ")
    first = lines.index(next(line for line in lines if line.startswith("messages/s")))
    assert re.fullmatch(r"threads +\S+ +\S+ to \S+ +1\.00x +1\.00x to 1\.00x", lines[first + 1])
    assert re.fullmatch(r"iocp +\S+ +\S+ to \S+ +\d+\.\d\dx +\d+\.\d\dx to \d+\.\d\dx", lines[first + 2])
    assert "MiB/s sent" not in out  # all came back
    values = json.loads(Path(files[0]).read_text("utf-8"))["compared"]
    assert list(values) == ["threads", "iocp"]
    for one in values.values():
        rounds = [LoadResult.from_dict(result) for result in one["rounds"]]
        assert [result.stats.messages for result in rounds] == [20, 20]
        spread = one["metrics"]["messages_per_second"]
        speeds = sorted(result.messages_per_second for result in rounds)
        assert (spread["lowest"], spread["highest"]) == (speeds[0], speeds[1])
        assert spread["median"] == pytest.approx(sum(speeds) / 2)
    for one in values.values():
        bytes_told = [LoadResult.from_dict(result).bytes_per_second for result in one["rounds"]]
        assert one["metrics"]["bytes_per_second"]["highest"] == max(bytes_told)
    page = Path(files[1]).read_text("utf-8")
    check_page(page, figures=2)
    assert "<small>1.00x</small>" in page
    assert "Messages/s over time, in round 1" in page


def test_a_ratio_is_that_of_rounds_side_by_side(server: Server) -> None:
    """In the second round something slowed all of them."""
    with ws2echo.Load(server.port, messages=1) as load:
        result = load.run()
    messages = {"a": [100, 10, 50], "b": [110, 20, 40], "c": [0, 0, 0]}
    order: list[tuple[int, str]] = []

    def run(name: str, number: int) -> LoadResult:
        order.append((number, name))
        stats = dataclasses.replace(
            result.stats, messages=messages[name][number - 1], elapsed_us=1_000_000, active_us=1_000_000
        )
        latency = result.latency if messages[name][0] else Histogram()
        return dataclasses.replace(result, stats=stats, latency=latency)

    comparison = _compare.interleaved(list(messages), 3, run)
    assert [name for _, name in order] == [*"abc", *"bca", *"cab"]
    told = {name: one["metrics"] for name, one in comparison.to_dict()["compared"].items()}
    assert list(told) == ["a", "b", "c"]
    speed = {name: metrics["messages_per_second"] for name, metrics in told.items()}
    assert speed["a"]["ratio"] == {"median": 1, "lowest": 1, "highest": 1}
    assert speed["b"] == {
        "median": 40,
        "lowest": 20,
        "highest": 110,
        "ratio": {"median": pytest.approx(1.1), "lowest": 0.8, "highest": 2},
    }
    assert speed["c"]["ratio"] == {"median": 0, "lowest": 0, "highest": 0}
    nothing = {"median": None, "lowest": None, "highest": None}
    assert told["c"]["p99.9_us"] == {**nothing, "ratio": nothing}
    (line, *_) = (line for line in _compare.summary(comparison).splitlines() if line.startswith("b "))
    assert line.split() == ["b", "40", "20", "to", "110", "1.10x", "0.80x", "to", "2.00x"]


def test_compare_servers(server: Server, capsys: Captured) -> None:
    with tampering.tampering(tampering.flipped(5), 64) as tampered:
        where = f"ours=localhost:{server.port},theirs=127.0.0.1:{tampered.port}"
        arguments = ["--rounds", "1", "--messages", "1", "--quiet"]
        assert main(["compare", "--servers", where, *arguments]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "Round 1 of theirs: 1 problem, the first: connection 0, offset 5: corrupt" in out
    of_theirs = [line.split()[1:] for line in out.splitlines() if line.startswith("theirs")]
    assert of_theirs[0][-4:] == ["0.00x", "0.00x", "to", "0.00x"]
    assert of_theirs[-1] == ["-", "-", "to", "-"] * 2  # nothing came back that could be timed


def test_compare_as_json_on_stdout(capsys: Captured) -> None:
    arguments = ["--rounds", "1", "--messages", "1", "--quiet", "--json", "-", "--protocol", "udp"]
    assert main(["compare", "--models", "poll", *arguments]) == 0
    assert list(json.loads(capsys.readouterr().out)["compared"]) == ["poll"]


def test_compare_a_model_with_itself(capsys: Captured) -> None:
    """Which tells how much of a difference is chance."""
    arguments = ["--messages", "5", "--rounds", "1", "--quiet"]
    assert main(["compare", "--models", "iocp,poll,iocp", *arguments]) == 0
    told = capsys.readouterr().out
    assert told.startswith("1 round of: ")
    assert [line.split("  ")[0] for line in told.splitlines()[3:6]] == ["iocp", "poll", "iocp (2)"]


# ---- pages


class Page(HTMLParser):
    """Notes what is opened, and that it is closed in order."""

    VOID = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_page(text: str, figures: int) -> None:
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.seen.count("svg") == figures
    assert page.seen.count("polyline") + page.seen.count("circle") >= figures
    assert not {"script", "link", "img", "iframe"} & set(page.seen)
    assert not re.search(r"https?:|url\(|@import|nan|inf[,\" ]", text.replace("information", ""))


def test_a_page_escapes_what_it_tells() -> None:
    page = _html.page("<b>&", ["<p>body</p>"])
    assert "<title>&lt;b&gt;&amp;</title>" in page
    chart = _svg.chart("<t>", [_svg.Series("<s>", [(1, 1), (2, 2)])], *axes())
    assert "<t>" not in chart.replace("<title>", "")
    assert "&lt;s&gt;" in chart


def axes() -> tuple[_svg.Axis, _svg.Axis]:
    return _svg.linear_axis("x", 3, str), _svg.log_axis("y", 1, 1000, str)


@pytest.mark.parametrize("highest", [0.0, 0.001, 0.9, 1.0, 7.3, 99.0, 101.0, 12_345.0, 1e9])
def test_linear_axes_have_round_ticks(highest: float) -> None:
    axis = _svg.linear_axis("x", highest, lambda value: f"{value:g}")
    assert axis.high >= highest
    assert 2 <= len(axis.ticks) <= 7
    assert axis.ticks[0][0] == 0
    assert all(len(text) <= 7 for _, text in axis.ticks)
    assert (axis.part(axis.low), axis.part(axis.high), axis.part(2 * axis.high)) == (0, 1, 1)


def test_logarithmic_axes() -> None:
    axis = _svg.log_axis("y", 3, 4_500, str)
    assert [value for value, _ in axis.ticks] == [1, 10, 100, 1000, 10_000]
    assert axis.part(100) == pytest.approx(0.5)
    assert axis.part(0) == 0
    assert len(_svg.log_axis("y", 5, 5, str).ticks) == 2
    percentiles = _svg.percentile_axis(20_000)
    told = [text for _, text in percentiles.ticks]
    assert told == ["0%", "50%", "90%", "99%", "99.9%", "99.99%", "99.999%"]


def places_of(chart: str) -> list[list[tuple[float, float]]]:
    """The corners of each line of a chart."""
    lines = re.findall(r'<polyline [^>]*points="([^"]*)"', chart)
    return [[(float(x), float(y)) for x, y in (place.split(",") for place in one.split())] for one in lines]


def test_a_step_has_the_height_of_its_end() -> None:
    x, y = axes()
    (steps,) = places_of(_svg.chart("t", [_svg.Series("s", [(0, 1), (1, 10), (3, 100)])], x, y, steps=True))
    across = [_svg.LEFT + part * (_svg.WIDTH - _svg.LEFT - _svg.RIGHT) for part in (0, 1 / 3, 1)]
    up = [
        _svg.HEIGHT - _svg.BOTTOM - part * (_svg.HEIGHT - _svg.TOP - _svg.BOTTOM)
        for part in (0, 1 / 3, 2 / 3)
    ]
    corners = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)]
    assert steps == [pytest.approx((across[i], up[k]), abs=0.06) for i, k in corners]


def test_a_percentile_is_drawn_as_high_as_it_is() -> None:
    """Of 100 messages 90 are fast and 10 slow: what is beyond the 90th percentile is slow."""
    histogram = Histogram([100] * 90 + [10_100] * 10)
    chart = _html.distribution({"latency": histogram})
    (line,) = places_of(chart)
    at_90 = next(x for value, x in ticks_of(chart) if value == "90%")
    beyond = {y for x, y in line if x > at_90 + 1}
    before = {y for x, y in line if x < at_90 - 1}
    assert len(beyond) == len(before) == 1
    assert min(before) > max(beyond)  # up is less
    assert (at_90, *beyond) in line


def ticks_of(chart: str) -> list[tuple[str, float]]:
    """The texts below a chart, and where they are."""
    found = re.findall(r'<text class="tick" x="([\d.]+)" [^>]*text-anchor="middle">([^<]*)<', chart)
    return [(text, float(x)) for x, text in found]


def test_a_line_has_gaps_where_there_is_nothing() -> None:
    points = [(0, 1), (1, 10), None, None, (2, 10), None, (2.5, 1), (3, 1), None]
    chart = _svg.chart("t", [_svg.Series("s", points)], *axes())
    assert [len(line) for line in places_of(chart)] == [2, 2]
    assert chart.count("<circle") == 1
    assert "<span>" not in _svg.chart("t", [_svg.Series("s", [None])], *axes())


def test_a_stall_is_a_gap_in_the_latencies(server: Server) -> None:
    with ws2echo.Load(server.port, messages=1) as load:
        result = load.run()
    stalled = LoadSample(3_000_000, 1_000_000, 7, 0, 64, 0, Histogram())
    samples = (sample(1), sample(2), stalled, sample(4), sample(5))
    chart = _html.latency_over_time(dataclasses.replace(result, samples=samples))
    assert [len(line) for line in places_of(chart)] == [2, 2] * 3


def test_lines_beyond_the_colours_are_dashed() -> None:
    series = [_svg.Series(str(number), [(1, 1), (2, 2)]) for number in range(3 * _svg.COLOURS)]
    chart = _svg.chart("t", series, *axes())
    looks = re.findall(r'<polyline class="([^"]*)"', chart)
    assert len(set(looks)) == len(series)
    keys = re.findall(r'<i class="([^"]*)"', chart)
    assert [key.replace("key", "line") for key in keys] == looks


def test_the_pages_of_results_without_anything(server: Server) -> None:
    with ws2echo.Load(server.port, send_delay=60) as load:
        result = load.result()
    empty = dataclasses.replace(result, connect_time=Histogram()).to_html()
    assert "<svg" not in empty
    assert "Latency" not in empty
    one = dataclasses.replace(result, connect_time=Histogram([300])).to_html()
    assert "<td class=text>Connecting</td>" in one
    assert "<td class=text>Latency</td>" not in one
    assert "0 messages" in _load_report.summary(result)


# ---- quantities


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64", 64),
        ("64B", 64),
        ("64KiB", 65536),
        ("1.5 kib", 1536),
        ("1.001KB", 1001),
        ("2MB", 2_000_000),
        ("1GiB", 1 << 30),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10", 10), ("10s", 10), ("500ms", 0.5), ("250us", 0.00025), ("2min", 120), ("1.5h", 5400), (".5", 0.5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "rate"), [("1000", 1000), ("1000/s", 1000), ("2.5k/s", 2500), ("1M/s", 10**6), ("120/min", 2)]
)
def test_rates(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "words"),
    [("1.5/s", "no whole number of messages a second"), ("90/min", "no whole"), ("0.5", "less than one")],
)
def test_rates_that_cannot_be(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"{text}.*{words}"):
        parse_rate(text)


@pytest.mark.parametrize("parse", [parse_size, parse_duration, parse_rate, parse_sizes])
@pytest.mark.parametrize("text", ["", "x", "-1", "1 2", "nan", "1e3", "inf", "5 furlongs", "1.2.3"])
def test_what_is_no_quantity(parse: Any, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text)) + r"|''"):
        parse(text)


def test_several_sizes() -> None:
    assert parse_sizes("64") == (64,)
    assert parse_sizes("64,1KiB") == (64, 1024)
    assert parse_sizes("64-1KiB") == range(64, 1025)
    with pytest.raises(ValueError, match="more than"):
        parse_sizes("9-8")
    with pytest.raises(ValueError, match="whole"):
        parse_size("1.5")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("80", ("localhost", 80)),
        ("example:80", ("example", 80)),
        ("[::1]:80", ("::1", 80)),
        (":80", ("localhost", 80)),
    ],
)
def test_targets(text: str, target: tuple[str, int]) -> None:
    assert parse_target(text) == target


def test_servers() -> None:
    assert parse_servers("a=80,b=[::1]:81") == {"a": ("localhost", 80), "b": ("::1", 81)}


def test_quantities_as_they_are_told() -> None:
    times = (0, 12.34, 99.96, 999, 1000, 1236, 12_360, 999_499, 1_500_000, 3_600_000_000)
    assert [time_of(time) for time in times] == [
        *("0 us", "12.3 us", "100 us", "999 us", "1 ms", "1.24 ms", "12.4 ms", "999 ms", "1.50 s", "3,600 s")
    ]
    assert [rate_of(rate) for rate in (0, 0.123, 1.256, 99.9, 12_345.6)] == [
        *("0", "0.123", "1.26", "99.9", "12,346")
    ]
    told = [mebibytes_of(part * (1 << 20)) for part in (0, 0.00123, 0.5, 1, 12.34, 123.4, 12_345.6)]
    assert told == ["0", "0.00123", "0.500", "1.00", "12.3", "123", "12,346"]
    assert [size_of(size) for size in (0, 64, 1024, 1500, 1 << 20, 3 << 30)] == [
        *("0 bytes", "64 bytes", "1 KiB", "1500 bytes", "1 MiB", "3 GiB")
    ]


def test_argparse_tells_what_is_wrong() -> None:
    from ws2echo._load_arguments import _quantity

    with pytest.raises(ArgumentTypeError, match="64KiX"):
        _quantity(parse_size)("64KiX")
