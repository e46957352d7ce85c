"""The C ABI of ws2echo.dll, declared by hand through ctypes: include/ws2echo.h without a generator.

Tests that need what the bindings rule out (NULL pointers, wrong sizes, made-up handles) call `DLL` directly;
the others use the classes in handles.py, which are the least that makes these functions pleasant.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
from ctypes import (
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path

WSAEFAULT = 10014
WSAEINVAL = 10022
WSAEACCES = 10013
WSAENOTSOCK = 10038
WSAEMSGSIZE = 10040
WSAEOPNOTSUPP = 10045
WSAEADDRINUSE = 10048
WSAEADDRNOTAVAIL = 10049
WSAENETUNREACH = 10051
WSAECONNABORTED = 10053
WSAECONNRESET = 10054
WSAENOBUFS = 10055
WSAENOTCONN = 10057
WSAESHUTDOWN = 10058
WSAETIMEDOUT = 10060
WSAECONNREFUSED = 10061
WSAEHOSTUNREACH = 10065
WSAEDISCON = 10101
WSAHOST_NOT_FOUND = 11001
WSATRY_AGAIN = 11002
WSANO_RECOVERY = 11003
WSANO_DATA = 11004
WSA_OPERATION_ABORTED = 995

NEVER_TOLD = {10035, 997, 10004}  # WSAEWOULDBLOCK, WSA_IO_PENDING, WSAEINTR
NAME_RESOLUTION_ERRORS = {WSAHOST_NOT_FOUND, WSATRY_AGAIN, WSANO_RECOVERY, WSANO_DATA}

INFINITE = 0xFFFFFFFF
TIMEOUT_OF_OPTIONS = 0xFFFFFFFE
NO_MISMATCH = 0xFFFFFFFFFFFFFFFF
ANY, IPV4, IPV6 = 0, 4, 6
LISTENING, ACCEPTED, CLOSED, FAULT = 1, 2, 3, 4
NONE, FIN, RESET, TIMEOUT, CAP, STOPPED, ERROR, BY_FAULT = range(8)
UNTIL_ACCEPTED, UNTIL_OPEN, UNTIL_OPEN_AT_MOST, UNTIL_CLOSED, UNTIL_FAULTS, UNTIL_RECEIVED, UNTIL_SENT = (
    range(7)
)
RECEIVE, SEND, BOTH = 0, 1, 2
TCP, UDP, TCP_AND_UDP = 0, 1, 2
ACCEPT_DEFAULT, ACCEPTEX, WSAACCEPT = 0, 1, 2
LOCAL, PEER = 0, 1
PING_PONG, STREAM = 0, 1
RECEIVE_ALWAYS, RECEIVE_LATE, RECEIVE_AFTER_SENT, RECEIVE_NEVER = range(4)
CORRUPT, MISSING, REPEATED, FOREIGN, EXCESS, EARLY_END, UNCONNECTED, BROKEN = range(8)
LATENCY, CONNECT = 0, 1
HISTOGRAM_COUNTS = 2688


class Address(Structure):
    _fields_ = (("family", c_uint32), ("port", c_uint32), ("host", c_char * 64))


class ServerOptions(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("model", c_uint32),
        ("protocol", c_uint32),
        ("family", c_uint32),
        ("host", c_char_p),
        ("port", c_uint32),
        ("backlog", c_uint32),
        ("accept", c_uint32),
        ("accepts_pending", c_uint32),
        ("workers", c_uint32),
        ("connections_max", c_uint32),
        ("idle_timeout_ms", c_uint32),
        ("send_timeout_ms", c_uint32),
        ("no_delay", c_uint32),
        ("udp_connreset", c_uint32),
        ("receive_buffer_bytes", c_uint32),
        ("send_buffer_bytes", c_uint32),
        ("linger_s", c_int32),
        ("echo_buffer_bytes", c_uint32),
        ("journal_events", c_uint32),
        ("reserved", c_uint32),
        ("faults", c_char_p),
        ("seed", c_uint64),
    )


class ServerStats(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("reserved", c_uint32),
        ("connections_accepted", c_uint64),
        ("connections_current", c_uint64),
        ("connections_peak", c_uint64),
        ("connections_closed", c_uint64 * 8),
        ("bytes_received", c_uint64),
        ("bytes_sent", c_uint64),
        ("datagrams_received", c_uint64),
        ("datagrams_sent", c_uint64),
        ("datagrams_oversize", c_uint64),
        ("datagrams_unreachable", c_uint64),
        ("datagrams_failed", c_uint64),
        ("events_dropped", c_uint64),
        ("accept_failures", c_uint64),
        ("uptime_us", c_uint64),
    )


class Event(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("kind", c_uint32),
        ("reason", c_uint32),
        ("error", c_int32),
        ("sequence", c_uint64),
        ("time_us", c_uint64),
        ("connection_id", c_uint64),
        ("duration_us", c_uint64),
        ("bytes_received", c_uint64),
        ("bytes_sent", c_uint64),
        ("local", Address),
        ("peer", Address),
        ("protocol", c_uint32),
        ("rule", c_uint32),
        ("place", c_uint64),
        ("fault", c_uint32),
        ("reserved", c_uint32),
    )


class Fault(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("id", c_uint32),
        ("kind", c_uint32),
        ("reserved", c_uint32),
        ("text", c_char * 512),
    )


class FaultInfo(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("protocols", c_uint32),
        ("streams", c_uint32),
        ("selects", c_uint32),
        ("name", c_char * 16),
        ("summary", c_char * 128),
    )


class FaultParameterInfo(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("condition", c_uint32),
        ("required", c_uint32),
        ("optional", c_uint32),
        ("least", c_double),
        ("most", c_double),
        ("default_value", c_double),
        ("name", c_char * 24),
        ("unit", c_char * 24),
        ("summary", c_char * 80),
    )


class ClientOptions(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("protocol", c_uint32),
        ("host", c_char_p),
        ("family", c_uint32),
        ("port", c_uint32),
        ("connect_timeout_ms", c_uint32),
        ("send_timeout_ms", c_uint32),
        ("receive_timeout_ms", c_uint32),
        ("no_delay", c_uint32),
        ("udp_connreset", c_uint32),
        ("receive_buffer_bytes", c_uint32),
        ("send_buffer_bytes", c_uint32),
        ("linger_s", c_int32),
    )


class ClientStats(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("reserved", c_uint32),
        ("bytes_sent", c_uint64),
        ("bytes_received", c_uint64),
        ("datagrams_sent", c_uint64),
        ("datagrams_received", c_uint64),
        ("datagrams_unreachable", c_uint64),
        ("connect_us", c_uint64),
        ("uptime_us", c_uint64),
    )


class EchoProgress(Structure):
    _fields_ = (
        ("bytes_sent", c_uint64),
        ("bytes_received", c_uint64),
        ("mismatch_offset", c_uint64),
        ("elapsed_us", c_uint64),
        ("datagram_sent", c_uint32),
        ("datagram_received", c_uint32),
    )


class PingOptions(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("datagram_bytes", c_uint32),
        ("datagrams", c_uint64),
        ("window", c_uint32),
        ("interval_us", c_uint32),
        ("reply_timeout_ms", c_uint32),
        ("reserved", c_uint32),
    )


class PingProgress(Structure):
    _fields_ = tuple(
        (name, c_uint64)
        for name in (
            "sent",
            "received",
            "lost",
            "late",
            "duplicated",
            "reordered",
            "corrupt",
            "foreign",
            "unreachable",
            "rtt_min_us",
            "rtt_max_us",
            "rtt_sum_us",
            "elapsed_us",
        )
    )


class Histogram(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("reserved", c_uint32),
        ("count", c_uint64),
        ("min_us", c_uint64),
        ("max_us", c_uint64),
        ("sum_us", c_uint64),
        ("counts", c_uint64 * HISTOGRAM_COUNTS),
    )


class LoadOptions(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("model", c_uint32),
        ("protocol", c_uint32),
        ("family", c_uint32),
        ("host", c_char_p),
        ("port", c_uint32),
        ("workers", c_uint32),
        ("connections", c_uint32),
        ("pattern", c_uint32),
        ("depth", c_uint32),
        ("window_bytes", c_uint32),
        ("sizes", c_uint32),
        ("sizes_range", c_uint32),
        ("message_bytes", c_uint32 * 16),
        ("messages", c_uint64),
        ("bytes", c_uint64),
        ("messages_per_connection", c_uint64),
        ("duration_ms", c_uint32),
        ("warm_up_ms", c_uint32),
        ("ramp_up_ms", c_uint32),
        ("think_ms", c_uint32),
        ("rate", c_uint64),
        ("burst", c_uint32),
        ("receive", c_uint32),
        ("receive_delay_ms", c_uint32),
        ("send_delay_ms", c_uint32),
        ("connect_timeout_ms", c_uint32),
        ("reply_timeout_ms", c_uint32),
        ("finish_timeout_ms", c_uint32),
        ("reset", c_uint32),
        ("no_delay", c_uint32),
        ("receive_buffer_bytes", c_uint32),
        ("send_buffer_bytes", c_uint32),
        ("seed", c_uint64),
    )


class LoadStats(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("finished", c_uint32),
        ("connections_begun", c_uint64),
        ("connections_connected", c_uint64),
        ("connections_current", c_uint64),
        ("connections_finished", c_uint64),
        ("problems", c_uint64 * 8),
        ("messages", c_uint64),
        ("bytes_sent", c_uint64),
        ("bytes_received", c_uint64),
        ("datagrams_lost", c_uint64),
        ("datagrams_late", c_uint64),
        ("datagrams_duplicated", c_uint64),
        ("datagrams_reordered", c_uint64),
        ("datagrams_corrupt", c_uint64),
        ("datagrams_foreign", c_uint64),
        ("datagrams_unreachable", c_uint64),
        ("elapsed_us", c_uint64),
        ("active_us", c_uint64),
        ("messages_owed", c_uint64),
        ("messages_timed", c_uint64),
        ("timer_late_us", c_uint64),
        ("timer_late_max_us", c_uint64),
    )


class LoadProblem(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("kind", c_uint32),
        ("time_us", c_uint64),
        ("connection", c_uint64),
        ("offset", c_uint64),
        ("found_connection", c_uint64),
        ("found_offset", c_uint64),
        ("missing", c_uint64),
        ("error", c_int32),
        ("expected", c_uint8),
        ("actual", c_uint8),
        ("reserved", c_uint16),
    )


class ModelInfo(Structure):
    _fields_ = (
        ("size", c_uint32),
        ("model", c_uint32),
        ("name", c_char * 16),
        ("family", c_char * 16),
        ("summary", c_char * 112),
        ("calls", c_char * 160),
        ("limits", c_char * 160),
        ("accepts", c_uint32),
        ("workers", c_uint32),
    )


STRUCTS: tuple[type[Structure], ...] = (
    Address,
    ServerOptions,
    ServerStats,
    Event,
    Fault,
    FaultInfo,
    FaultParameterInfo,
    ClientOptions,
    ClientStats,
    EchoProgress,
    PingOptions,
    PingProgress,
    Histogram,
    LoadOptions,
    LoadStats,
    LoadProblem,
    ModelInfo,
)

SERVER = CLIENT = LOAD = c_uint64
_FUNCTIONS: dict[str, tuple[type, ...]] = {
    "ws2echo_server_options_init": (POINTER(ServerOptions),),
    "ws2echo_server_open": (POINTER(ServerOptions), POINTER(SERVER)),
    "ws2echo_server_options_get": (SERVER, POINTER(ServerOptions)),
    "ws2echo_server_port": (SERVER, POINTER(c_uint16)),
    "ws2echo_server_address": (SERVER, c_uint32, POINTER(Address)),
    "ws2echo_server_stats_get": (SERVER, POINTER(ServerStats)),
    "ws2echo_server_next_event": (SERVER, c_uint32, POINTER(Event)),
    "ws2echo_server_wait_handle": (SERVER, POINTER(c_void_p)),
    "ws2echo_server_wait": (SERVER, c_uint32, c_uint64, c_uint32),
    "ws2echo_server_drain": (SERVER, c_uint32),
    "ws2echo_server_stop": (SERVER, c_uint32, POINTER(c_uint32)),
    "ws2echo_server_close": (SERVER,),
    "ws2echo_server_fault_add": (SERVER, c_char_p, POINTER(c_uint32)),
    "ws2echo_server_fault_change": (SERVER, c_uint32, c_char_p),
    "ws2echo_server_fault_remove": (SERVER, c_uint32),
    "ws2echo_server_fault_get": (SERVER, c_uint32, POINTER(Fault)),
    "ws2echo_fault_describe": (c_uint32, POINTER(FaultInfo)),
    "ws2echo_fault_parameter_describe": (c_uint32, c_uint32, POINTER(FaultParameterInfo)),
    "ws2echo_client_options_init": (POINTER(ClientOptions),),
    "ws2echo_client_open": (POINTER(ClientOptions), POINTER(CLIENT)),
    "ws2echo_client_begin": (POINTER(ClientOptions), POINTER(CLIENT)),
    "ws2echo_client_connect": (CLIENT, c_uint32),
    "ws2echo_client_options_get": (CLIENT, POINTER(ClientOptions)),
    "ws2echo_client_address": (CLIENT, c_uint32, POINTER(Address)),
    "ws2echo_client_stats_get": (CLIENT, POINTER(ClientStats)),
    "ws2echo_client_send": (CLIENT, c_void_p, c_uint64, c_uint32, POINTER(c_uint64)),
    "ws2echo_client_recv": (CLIENT, c_void_p, c_uint64, c_uint32, POINTER(c_uint64)),
    "ws2echo_client_shutdown": (CLIENT, c_uint32),
    "ws2echo_client_echo": (CLIENT, c_void_p, c_uint64, c_void_p, c_uint32, POINTER(EchoProgress)),
    "ws2echo_ping_options_init": (POINTER(PingOptions),),
    "ws2echo_client_ping": (CLIENT, POINTER(PingOptions), c_uint32, POINTER(PingProgress)),
    "ws2echo_client_wait_handle": (CLIENT, c_uint32, POINTER(c_void_p)),
    "ws2echo_client_close": (CLIENT,),
    "ws2echo_client_reset": (CLIENT,),
    "ws2echo_histogram_init": (POINTER(Histogram),),
    "ws2echo_histogram_record": (POINTER(Histogram), c_uint64, c_uint64),
    "ws2echo_histogram_merge": (POINTER(Histogram), POINTER(Histogram)),
    "ws2echo_histogram_percentile": (POINTER(Histogram), c_double, POINTER(c_uint64)),
    "ws2echo_histogram_mean": (POINTER(Histogram), POINTER(c_double)),
    "ws2echo_histogram_deviation": (POINTER(Histogram), POINTER(c_double)),
    "ws2echo_histogram_bounds": (c_uint32, POINTER(c_uint64), POINTER(c_uint64)),
    "ws2echo_load_options_init": (POINTER(LoadOptions),),
    "ws2echo_load_open": (POINTER(LoadOptions), POINTER(LOAD)),
    "ws2echo_load_options_get": (LOAD, POINTER(LoadOptions)),
    "ws2echo_load_stats_get": (LOAD, POINTER(LoadStats)),
    "ws2echo_load_histogram_get": (LOAD, c_uint32, POINTER(Histogram)),
    "ws2echo_load_next_problem": (LOAD, c_uint32, POINTER(LoadProblem)),
    "ws2echo_load_wait": (LOAD, c_uint32),
    "ws2echo_load_stop": (LOAD,),
    "ws2echo_load_close": (LOAD,),
    "ws2echo_model_describe": (c_uint32, POINTER(ModelInfo)),
}
_TEXT_FUNCTIONS: dict[str, tuple[type, ...]] = {
    "ws2echo_version": (),
    "ws2echo_error_name": (c_int,),
    "ws2echo_error_text": (c_int,),
    "ws2echo_last_failure": (),
}


def dll_path() -> Path:
    """The DLL of the installed package, so that both know the same handles; WS2ECHO_DLL names another one."""
    if chosen := os.environ.get("WS2ECHO_DLL"):
        return Path(chosen)
    package = importlib.util.find_spec("ws2echo")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError(
            "the package ws2echo is not installed; or set WS2ECHO_DLL to the DLL to test"
        )
    return Path(next(iter(package.submodule_search_locations))) / "ws2echo.dll"


def _load() -> ctypes.CDLL:
    dll = ctypes.CDLL(str(dll_path().resolve()))
    for name, parameters in _FUNCTIONS.items():
        function = getattr(dll, name)
        function.argtypes, function.restype = parameters, c_int
    for name, parameters in _TEXT_FUNCTIONS.items():
        function = getattr(dll, name)
        function.argtypes, function.restype = parameters, c_char_p
    return dll


DLL = _load()
FUNCTIONS = frozenset(_FUNCTIONS) | frozenset(_TEXT_FUNCTIONS)


def last_failure() -> str:
    return str(DLL.ws2echo_last_failure().decode())


def error_name(error: int) -> str:
    return str(DLL.ws2echo_error_name(error).decode())


def error_text(error: int) -> str:
    return str(DLL.ws2echo_error_text(error).decode())
