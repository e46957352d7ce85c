"""Servers and clients of the C ABI as objects, closed with their block; a failure raises `CallError`."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from ctypes import byref, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any, Self, TypeVar

import abi
import pytest
from abi import DLL

AnyStruct = TypeVar("AnyStruct", bound=ctypes.Structure)
Buffer = bytes | bytearray | memoryview


class CallError(Exception):
    """A call that returned an error code, with what ws2echo_last_failure told of it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


def check(code: int) -> None:
    assert code not in abi.NEVER_TOLD
    if code != 0:
        raise CallError(code, abi.last_failure())


@contextlib.contextmanager
def fails(code: int, *words: str) -> Iterator[None]:
    """Passes if the block raises CallError with this code, and with these words in its text."""
    with pytest.raises(CallError) as caught:
        yield
    assert caught.value.code == code, f"expected {code}, got {caught.value}"
    for word in words:
        assert word in caught.value.text, f"{word!r} is not in {caught.value.text!r}"


def fill(options: AnyStruct, values: dict[str, Any]) -> AnyStruct:
    names = {field[0] for field in options._fields_}
    for name, value in values.items():
        assert name in names, f"{type(options).__name__} has no field {name}"
        setattr(options, name, value.encode() if isinstance(value, str) else value)
    return options


def server_options(**values: Any) -> abi.ServerOptions:
    options = abi.ServerOptions()
    check(DLL.ws2echo_server_options_init(byref(options)))
    return fill(options, values)


def client_options(**values: Any) -> abi.ClientOptions:
    options = abi.ClientOptions()
    check(DLL.ws2echo_client_options_init(byref(options)))
    return fill(options, values)


def ping_options(**values: Any) -> abi.PingOptions:
    options = abi.PingOptions()
    check(DLL.ws2echo_ping_options_init(byref(options)))
    return fill(options, values)


def load_options(**values: Any) -> abi.LoadOptions:
    options = abi.LoadOptions()
    check(DLL.ws2echo_load_options_init(byref(options)))
    return fill(options, values)


def sized(struct: type[AnyStruct]) -> AnyStruct:
    value = struct()
    value.size = ctypes.sizeof(struct)
    return value


def models() -> list[abi.ModelInfo]:
    found: list[abi.ModelInfo] = []
    info = sized(abi.ModelInfo)
    while DLL.ws2echo_model_describe(len(found), byref(info)) == 0:
        found.append(info)
        info = sized(abi.ModelInfo)
    return found


def fault_kinds() -> list[abi.FaultInfo]:
    found: list[abi.FaultInfo] = []
    info = sized(abi.FaultInfo)
    while DLL.ws2echo_fault_describe(len(found), byref(info)) == 0:
        found.append(info)
        info = sized(abi.FaultInfo)
    return found


class Server:
    def __init__(self, **options: Any) -> None:
        self.handle = c_uint64(0)
        self.told: list[abi.Event] = []
        check(DLL.ws2echo_server_open(byref(server_options(**options)), byref(self.handle)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        DLL.ws2echo_server_close(self.handle)

    @property
    def port(self) -> int:
        port = c_uint16()
        check(DLL.ws2echo_server_port(self.handle, byref(port)))
        return port.value

    @property
    def addresses(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        address = abi.Address()
        while DLL.ws2echo_server_address(self.handle, len(found), byref(address)) == 0:
            found.append((address.host.decode(), address.port))
        return found

    @property
    def options(self) -> abi.ServerOptions:
        options = sized(abi.ServerOptions)
        check(DLL.ws2echo_server_options_get(self.handle, byref(options)))
        return options

    @property
    def stats(self) -> abi.ServerStats:
        stats = sized(abi.ServerStats)
        check(DLL.ws2echo_server_stats_get(self.handle, byref(stats)))
        return stats

    def next_event(self, timeout_ms: int = 30_000) -> abi.Event:
        event = sized(abi.Event)
        check(DLL.ws2echo_server_next_event(self.handle, timeout_ms, byref(event)))
        self.told.append(event)
        return event

    def next_closed(self) -> abi.Event:
        """The next event that tells of an ended connection; those before it are skipped."""
        while (event := self.next_event()).kind != abi.CLOSED:
            pass
        return event

    def events(self) -> list[abi.Event]:
        """What is in the journal now."""
        found = []
        with contextlib.suppress(CallError):
            while True:
                found.append(self.next_event(0))
        return found

    def wait(self, until: int, count: int = 1, timeout_ms: int = 60_000) -> None:
        check(DLL.ws2echo_server_wait(self.handle, until, count, timeout_ms))

    def fault_add(self, text: str) -> int:
        identity = c_uint32()
        check(DLL.ws2echo_server_fault_add(self.handle, text.encode(), byref(identity)))
        return identity.value

    def fault_change(self, identity: int, text: str) -> None:
        check(DLL.ws2echo_server_fault_change(self.handle, identity, text.encode()))

    def fault_remove(self, identity: int) -> None:
        check(DLL.ws2echo_server_fault_remove(self.handle, identity))

    @property
    def faults(self) -> dict[int, str]:
        found: dict[int, str] = {}
        fault = sized(abi.Fault)
        while DLL.ws2echo_server_fault_get(self.handle, len(found), byref(fault)) == 0:
            found[fault.id] = fault.text.decode()
        return found

    def wait_handle(self) -> int:
        handle = c_void_p()
        check(DLL.ws2echo_server_wait_handle(self.handle, byref(handle)))
        assert handle.value
        return handle.value

    def drain(self, timeout_ms: int) -> None:
        check(DLL.ws2echo_server_drain(self.handle, timeout_ms))

    def stop(self, drain_timeout_ms: int = 0) -> int:
        reset = c_uint32(0xDEAD)
        check(DLL.ws2echo_server_stop(self.handle, drain_timeout_ms, byref(reset)))
        return reset.value

    def close(self) -> None:
        check(DLL.ws2echo_server_close(self.handle))


class Client:
    def __init__(self, port: int, *, begin: bool = False, **options: Any) -> None:
        self.handle = c_uint64(0)
        opening = DLL.ws2echo_client_begin if begin else DLL.ws2echo_client_open
        check(opening(byref(client_options(port=port, **options)), byref(self.handle)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        DLL.ws2echo_client_close(self.handle)

    def connect(self, timeout_ms: int) -> None:
        check(DLL.ws2echo_client_connect(self.handle, timeout_ms))

    @property
    def options(self) -> abi.ClientOptions:
        options = sized(abi.ClientOptions)
        check(DLL.ws2echo_client_options_get(self.handle, byref(options)))
        return options

    @property
    def stats(self) -> abi.ClientStats:
        stats = sized(abi.ClientStats)
        check(DLL.ws2echo_client_stats_get(self.handle, byref(stats)))
        return stats

    def address(self, end: int) -> tuple[str, int]:
        address = abi.Address()
        check(DLL.ws2echo_client_address(self.handle, end, byref(address)))
        return address.host.decode(), address.port

    def send(self, data: Buffer, timeout_ms: int = abi.TIMEOUT_OF_OPTIONS) -> int:
        sent = c_uint64(0)
        check(DLL.ws2echo_client_send(self.handle, bytes(data), len(data), timeout_ms, byref(sent)))
        return sent.value

    def recv(self, size: int = 65536, timeout_ms: int = abi.TIMEOUT_OF_OPTIONS) -> bytes:
        buffer = ctypes.create_string_buffer(max(size, 1))
        received = c_uint64(0)
        check(DLL.ws2echo_client_recv(self.handle, buffer, size, timeout_ms, byref(received)))
        return ctypes.string_at(buffer, received.value)

    def recv_to_fin(self) -> bytes:
        pieces = []
        while piece := self.recv():
            pieces.append(piece)
        return b"".join(pieces)

    def recv_exactly(self, size: int) -> bytes:
        pieces: list[bytes] = []
        while missing := size - sum(map(len, pieces)):
            piece = self.recv(missing)
            assert piece, f"FIN with {missing} bytes still to come"
            pieces.append(piece)
        return b"".join(pieces)

    def shutdown(self, half: int = abi.SEND) -> None:
        check(DLL.ws2echo_client_shutdown(self.handle, half))

    def echo(self, data: bytes, timeout_ms: int = abi.TIMEOUT_OF_OPTIONS) -> tuple[bytes, abi.EchoProgress]:
        reply = ctypes.create_string_buffer(max(len(data), 1))
        progress = abi.EchoProgress()
        check(DLL.ws2echo_client_echo(self.handle, data, len(data), reply, timeout_ms, byref(progress)))
        return ctypes.string_at(reply, min(len(data), progress.bytes_received)), progress

    def ping(
        self,
        timeout_ms: int = abi.TIMEOUT_OF_OPTIONS,
        progress: abi.PingProgress | None = None,
        **options: Any,
    ) -> abi.PingProgress:
        progress = abi.PingProgress() if progress is None else progress
        check(
            DLL.ws2echo_client_ping(self.handle, byref(ping_options(**options)), timeout_ms, byref(progress))
        )
        return progress

    def wait_handle(self, half: int) -> int:
        handle = c_void_p()
        check(DLL.ws2echo_client_wait_handle(self.handle, half, byref(handle)))
        assert handle.value
        return handle.value

    def close(self) -> None:
        check(DLL.ws2echo_client_close(self.handle))


class Load:
    def __init__(self, port: int, *, message_bytes: list[int] | None = None, **options: Any) -> None:
        self.handle = c_uint64(0)
        filled = load_options(port=port, **options)
        for index, size in enumerate(message_bytes or []):
            filled.message_bytes[index] = size
        check(DLL.ws2echo_load_open(byref(filled), byref(self.handle)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        DLL.ws2echo_load_close(self.handle)

    @property
    def options(self) -> abi.LoadOptions:
        options = sized(abi.LoadOptions)
        check(DLL.ws2echo_load_options_get(self.handle, byref(options)))
        return options

    @property
    def stats(self) -> abi.LoadStats:
        stats = sized(abi.LoadStats)
        check(DLL.ws2echo_load_stats_get(self.handle, byref(stats)))
        return stats

    def histogram(self, kind: int = abi.LATENCY) -> abi.Histogram:
        histogram = sized(abi.Histogram)
        check(DLL.ws2echo_load_histogram_get(self.handle, kind, byref(histogram)))
        return histogram

    def next_problem(self, timeout_ms: int = 30_000) -> abi.LoadProblem:
        problem = sized(abi.LoadProblem)
        check(DLL.ws2echo_load_next_problem(self.handle, timeout_ms, byref(problem)))
        return problem

    def problems(self) -> list[abi.LoadProblem]:
        """Those that there are now."""
        found = []
        with contextlib.suppress(CallError):
            while True:
                found.append(self.next_problem(0))
        return found

    def wait(self, timeout_ms: int = 60_000) -> None:
        check(DLL.ws2echo_load_wait(self.handle, timeout_ms))

    def stop(self) -> None:
        check(DLL.ws2echo_load_stop(self.handle))

    def close(self) -> None:
        check(DLL.ws2echo_load_close(self.handle))
