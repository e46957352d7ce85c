"""The header, the DLL and the hand-made declarations of abi.py agree."""

import ctypes
import os
import re
from collections.abc import Iterator
from ctypes import byref
from pathlib import Path
from typing import Any

import abi
import handles
import pytest

SIZES = {
    abi.Address: 72,
    abi.ServerOptions: 104,
    abi.ServerStats: 176,
    abi.Event: 232,
    abi.Fault: 528,
    abi.FaultInfo: 160,
    abi.FaultParameterInfo: 168,
    abi.ClientOptions: 56,
    abi.ClientStats: 64,
    abi.EchoProgress: 40,
    abi.PingOptions: 32,
    abi.PingProgress: 104,
    abi.Histogram: 21544,
    abi.LoadOptions: 224,
    abi.LoadStats: 232,
    abi.LoadProblem: 64,
    abi.ModelInfo: 480,
}
C_TYPES: dict[str, Any] = {
    "uint32_t": ctypes.c_uint32,
    "int32_t": ctypes.c_int32,
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "uint64_t": ctypes.c_uint64,
    "const char *": ctypes.c_char_p,
    "char": ctypes.c_char,
    "double": ctypes.c_double,
    "ws2echo_address": abi.Address,
}
ARRAY_SIZES = {
    "WS2ECHO_ADDRESS_TEXT_SIZE": 64,
    "WS2ECHO_REASON_COUNT": 8,
    "WS2ECHO_FAULT_TEXT_SIZE": 512,
    "WS2ECHO_HISTOGRAM_COUNTS": 2688,
    "WS2ECHO_LOAD_SIZES_MAX": 16,
    "WS2ECHO_LOAD_PROBLEM_COUNT": 8,
}


@pytest.fixture(scope="module")
def header() -> str:
    source = os.environ.get("WS2ECHO_SOURCE")
    root = Path(source) if source else Path(__file__).resolve().parents[1]
    text = (root / "include" / "ws2echo.h").read_text("utf-8")
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def fields_of(body: str) -> Iterator[tuple[str, Any]]:
    for declared, name, count in re.findall(r"(const char \*|\w+\s+)(\w+)(?:\[(\w+)\])?;", body):
        kind = C_TYPES[declared if declared.endswith("*") else declared.strip()]
        yield name, kind * (ARRAY_SIZES.get(count) or int(count)) if count else kind


@pytest.mark.parametrize("struct", abi.STRUCTS, ids=lambda struct: struct.__name__)
def test_struct_is_that_of_the_header(struct: Any, header: str) -> None:
    name = "ws2echo_" + re.sub(r"(?<!^)([A-Z])", r"_\1", struct.__name__).lower()
    found = re.search(rf"typedef struct {name} {{(.*?)}} {name};", header, re.DOTALL)
    assert found, f"the header has no struct {name}"
    assert list(struct._fields_) == list(fields_of(found[1]))


@pytest.mark.parametrize("struct", abi.STRUCTS, ids=lambda struct: struct.__name__)
def test_struct_has_the_size_that_was_published(struct: Any) -> None:
    """A change here breaks programs that were built before: it wants a new size known beside the old one."""
    assert ctypes.sizeof(struct) == SIZES[struct]


def test_every_struct_of_the_header_is_declared(header: str) -> None:
    assert len(re.findall(r"typedef struct", header)) == len(abi.STRUCTS)


def test_every_function_of_the_header_is_declared(header: str) -> None:
    assert set(re.findall(r"WS2ECHO_API [^;]*?(ws2echo_\w+)\(", header)) == abi.FUNCTIONS


def test_version_is_that_of_the_header(header: str) -> None:
    found = re.search(r'#define WS2ECHO_VERSION "(.*)"', header)
    assert found
    assert abi.DLL.ws2echo_version().decode() == found[1]


def test_defaults_are_those_of_the_header() -> None:
    options = handles.server_options()
    told = {name: getattr(options, name) for name, _ in options._fields_}
    assert told == {
        "size": 104,
        "model": 0,
        "protocol": 0,
        "family": abi.ANY,
        "host": None,
        "port": 0,
        "backlog": 0,
        "accept": abi.ACCEPT_DEFAULT,
        "accepts_pending": 0,
        "workers": 0,
        "connections_max": abi.INFINITE,
        "idle_timeout_ms": abi.INFINITE,
        "send_timeout_ms": abi.INFINITE,
        "no_delay": 1,
        "udp_connreset": 1,
        "receive_buffer_bytes": 0,
        "send_buffer_bytes": 0,
        "linger_s": -1,
        "echo_buffer_bytes": 262144,
        "journal_events": 4096,
        "reserved": 0,
        "faults": None,
        "seed": 0,
    }


def test_client_defaults_are_those_of_the_header() -> None:
    options = handles.client_options()
    told = {name: getattr(options, name) for name, _ in options._fields_}
    assert told == {
        "size": 56,
        "protocol": 0,
        "host": None,
        "family": abi.ANY,
        "port": 0,
        "connect_timeout_ms": 10_000,
        "send_timeout_ms": 30_000,
        "receive_timeout_ms": 30_000,
        "no_delay": 1,
        "udp_connreset": 1,
        "receive_buffer_bytes": 0,
        "send_buffer_bytes": 0,
        "linger_s": -1,
    }


def test_load_defaults_are_those_of_the_header() -> None:
    options = handles.load_options()
    told = {name: getattr(options, name) for name, _ in options._fields_}
    assert list(told.pop("message_bytes")) == [64] + [0] * 15
    assert told == {
        "size": 224,
        "model": 7,
        "protocol": 0,
        "family": abi.ANY,
        "host": None,
        "port": 0,
        "workers": 0,
        "connections": 1,
        "pattern": abi.PING_PONG,
        "depth": 1,
        "window_bytes": 0,
        "sizes": 1,
        "sizes_range": 0,
        "messages": 0,
        "bytes": 0,
        "messages_per_connection": 0,
        "duration_ms": abi.INFINITE,
        "warm_up_ms": 0,
        "ramp_up_ms": 0,
        "think_ms": 0,
        "rate": 0,
        "burst": 1,
        "receive": abi.RECEIVE_ALWAYS,
        "receive_delay_ms": 0,
        "send_delay_ms": 0,
        "connect_timeout_ms": 10_000,
        "reply_timeout_ms": abi.TIMEOUT_OF_OPTIONS,
        "finish_timeout_ms": 10_000,
        "reset": 0,
        "no_delay": 1,
        "receive_buffer_bytes": 0,
        "send_buffer_bytes": 0,
        "seed": 1,
    }


def test_init_writes_nothing_beyond_the_struct() -> None:
    for struct, init in (
        (abi.ServerOptions, abi.DLL.ws2echo_server_options_init),
        (abi.ClientOptions, abi.DLL.ws2echo_client_options_init),
        (abi.PingOptions, abi.DLL.ws2echo_ping_options_init),
        (abi.LoadOptions, abi.DLL.ws2echo_load_options_init),
        (abi.Histogram, abi.DLL.ws2echo_histogram_init),
    ):
        memory = ctypes.create_string_buffer(b"\xa5" * (ctypes.sizeof(struct) + 64))
        handles.check(init(byref(struct.from_buffer(memory))))
        assert memory.raw[ctypes.sizeof(struct) : ctypes.sizeof(struct) + 64] == b"\xa5" * 64


def test_models_have_names_and_sentences() -> None:
    models = handles.models()
    names = [info.name.decode() for info in models]
    assert names[0] == "threads", "the default comes first"
    assert len(set(names)) == len(names)
    assert len({info.model for info in models}) == len(models)
    for info in models:
        assert re.fullmatch(r"[a-z]+", info.name.decode())
        assert len(info.summary.decode()) > 10
