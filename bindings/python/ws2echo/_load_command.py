"""``python -m ws2echo load`` and ``compare``."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from . import _compare
from ._load import Load
from ._load_arguments import load_options, parse_servers, parse_target
from ._load_options import LoadProblem
from ._load_report import progress, summary
from ._load_result import PROBLEMS_KEPT, LoadResult, LoadSample
from ._models import model_number
from ._server import Server

FAILED = 1
STDOUT = "-"


def _run(
    host: str, port: int, options: dict[str, Any], arguments: argparse.Namespace
) -> tuple[LoadResult, bool]:
    """Run one load, telling how it goes: its result, and whether Ctrl-C stopped it. A second one gives it
    up.
    """
    samples: list[LoadSample] = []
    problems: list[LoadProblem] = []
    with Load(port, host, **options) as load, progress(sys.stderr, arguments.quiet) as tell:
        watch = load.watch(arguments.series)
        stopped = False
        while True:
            try:
                for sample in watch:
                    samples.append(sample)
                    problems += islice(load.problems(), PROBLEMS_KEPT - len(problems))
                    tell(sample)
                return load.result(samples, problems), stopped
            except KeyboardInterrupt:
                if stopped:
                    raise
                stopped = True
                load.stop()
                print("ws2echo: stopping", file=sys.stderr)


@contextlib.contextmanager
def _target(arguments: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Where the server is, which is opened if there is to be one of our own."""
    if arguments.target is not None and arguments.serve is not None:
        raise ValueError("a server and --serve: one of them is enough")
    if arguments.target is None and arguments.serve is None:
        raise ValueError("name the server, as HOST:PORT or PORT, or --serve MODEL, which opens one")
    if arguments.serve is None:
        yield parse_target(arguments.target)
        return
    with _serving(arguments.serve, arguments) as port:
        yield "localhost", port


@contextlib.contextmanager
def _serving(model: str, arguments: argparse.Namespace) -> Iterator[int]:
    with Server(model=model, protocol=arguments.protocol, family=arguments.family) as server:
        yield server.port


def _check_outputs(*files: Path | str | None) -> None:
    """Refuse what cannot be written at the end, before a load that may take hours."""
    for file in files:
        path = Path(file) if file is not None and str(file) != STDOUT else None
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise ValueError(f"{path} cannot be written: {'a folder' if path.is_dir() else 'no such folder'}")


def _check_files(**files: Path | None) -> None:
    """Refuse stdout for what is made to be kept in a file."""
    for name, file in files.items():
        if file is not None and str(file) == STDOUT:
            raise ValueError(f"--{name} takes a file, not stdout")


def _write(file: Path | str, text: str) -> None:
    """Write an output to a file or to stdout."""
    if str(file) == STDOUT:
        print(text.rstrip("\n"))
    else:
        Path(file).write_text(text, "utf-8", newline="\n")


def load(arguments: argparse.Namespace) -> int:
    """Run ``load``: failed if anything was wrong with a connection or a byte; lost datagrams are counted."""
    if STDOUT in (arguments.json, arguments.csv) and arguments.json == arguments.csv:
        raise ValueError("--json and --csv cannot both have stdout")
    _check_files(hdr=arguments.hdr, html=arguments.html)
    _check_outputs(arguments.json, arguments.csv, arguments.hdr, arguments.html)
    with _target(arguments) as (host, port):
        result, _ = _run(host, port, load_options(arguments), arguments)
    if STDOUT not in (arguments.json, arguments.csv):
        if arguments.serve:
            print(f"Server: one of our own, model {arguments.serve}")
        print(summary(result))
    if arguments.json:
        _write(arguments.json, result.to_json())
    if arguments.csv:
        _write(arguments.csv, result.to_csv())
    if arguments.hdr:
        _write(arguments.hdr, result.to_hdr_log())
    if arguments.html:
        _write(arguments.html, result.to_html())
    return FAILED if result.failed else 0


def _named(models: Sequence[str]) -> dict[str, str]:
    """Models by the name in the tables. The same one twice tells how much of a difference is chance."""
    named: dict[str, str] = {}
    for model in models:
        model_number(model)  # before any is measured
        again = list(named.values()).count(model)
        named[f"{model} ({again + 1})" if again else model] = model
    return named


def compare(arguments: argparse.Namespace) -> int:
    """Run ``compare``: failed if anything was wrong in any round."""
    if arguments.models is not None and arguments.servers is not None:
        raise ValueError("--models and --servers: one of them is enough")
    if arguments.models is None and arguments.servers is None:
        raise ValueError("compare needs --models MODEL,… or --servers NAME=HOST:PORT,…")
    _check_files(html=arguments.html)
    _check_outputs(arguments.json, arguments.html)
    options = load_options(arguments)
    servers = {} if arguments.servers is None else parse_servers(arguments.servers)
    models = {} if servers else _named(arguments.models.split(","))

    def run(name: str, number: int) -> LoadResult:
        if not arguments.quiet:
            print(f"Round {number} of {arguments.rounds}: {name}", file=sys.stderr, flush=True)
        if servers:
            result, stopped = _run(*servers[name], options, arguments)
        else:
            with _serving(models[name], arguments) as port:
                result, stopped = _run("localhost", port, options, arguments)
        if stopped:
            raise KeyboardInterrupt
        return result

    comparison = _compare.interleaved(list(servers or models), arguments.rounds, run)
    if arguments.json != STDOUT:
        print(_compare.summary(comparison))
    if arguments.json:
        _write(arguments.json, comparison.to_json())
    if arguments.html:
        _write(arguments.html, _compare.to_html(comparison))
    return FAILED if comparison.failed else 0
