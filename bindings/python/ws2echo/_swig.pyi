# The raw layer that SWIG makes of ws2echo.h through bindings/python/python.i, as the type checker sees it.
from collections.abc import Sequence

from _typeshed import ReadableBuffer, WriteableBuffer

VERSION: str
INFINITE: int
TIMEOUT_OF_OPTIONS: int
NO_MISMATCH: int
QUICK_BYTES: int
ADDRESS_TEXT_SIZE: int
REASON_COUNT: int
FAULT_TEXT_SIZE: int
END_LOCAL: int
END_PEER: int
HISTOGRAM_COUNTS: int
LOAD_SIZES_MAX: int
LOAD_PROBLEM_COUNT: int
LOAD_LATENCY: int
LOAD_CONNECT: int

class Counter:
    value: int

class Address:
    family: int
    port: int
    @property
    def host(self) -> str: ...

class ServerOptions:
    size: int
    model: int
    protocol: int
    family: int
    host: str | None
    port: int
    backlog: int
    accept: int
    accepts_pending: int
    workers: int
    connections_max: int
    idle_timeout_ms: int
    send_timeout_ms: int
    no_delay: int
    udp_connreset: int
    receive_buffer_bytes: int
    send_buffer_bytes: int
    linger_s: int
    echo_buffer_bytes: int
    journal_events: int
    reserved: int
    faults: str | None
    seed: int

class ServerStats:
    size: int
    reserved: int
    connections_accepted: int
    connections_current: int
    connections_peak: int
    @property
    def connections_closed(self) -> tuple[int, ...]: ...
    bytes_received: int
    bytes_sent: int
    datagrams_received: int
    datagrams_sent: int
    datagrams_oversize: int
    datagrams_unreachable: int
    datagrams_failed: int
    events_dropped: int
    accept_failures: int
    uptime_us: int

class Event:
    size: int
    kind: int
    reason: int
    error: int
    sequence: int
    time_us: int
    connection_id: int
    duration_us: int
    bytes_received: int
    bytes_sent: int
    local: Address
    peer: Address
    protocol: int
    rule: int
    place: int
    fault: int
    reserved: int

class Fault:
    size: int
    id: int
    kind: int
    reserved: int
    @property
    def text(self) -> str: ...

class FaultInfo:
    size: int
    protocols: int
    streams: int
    selects: int
    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...

class FaultParameterInfo:
    size: int
    condition: int
    required: int
    optional: int
    least: float
    most: float
    default_value: float
    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def summary(self) -> str: ...

class ClientOptions:
    size: int
    protocol: int
    host: str | None
    family: int
    port: int
    connect_timeout_ms: int
    send_timeout_ms: int
    receive_timeout_ms: int
    no_delay: int
    udp_connreset: int
    receive_buffer_bytes: int
    send_buffer_bytes: int
    linger_s: int

class ClientStats:
    size: int
    reserved: int
    bytes_sent: int
    bytes_received: int
    datagrams_sent: int
    datagrams_received: int
    datagrams_unreachable: int
    connect_us: int
    uptime_us: int

class EchoProgress:
    bytes_sent: int
    bytes_received: int
    mismatch_offset: int
    elapsed_us: int
    datagram_sent: int
    datagram_received: int

class PingOptions:
    size: int
    datagram_bytes: int
    datagrams: int
    window: int
    interval_us: int
    reply_timeout_ms: int
    reserved: int

class PingProgress:
    sent: int
    received: int
    lost: int
    late: int
    duplicated: int
    reordered: int
    corrupt: int
    foreign: int
    unreachable: int
    rtt_min_us: int
    rtt_max_us: int
    rtt_sum_us: int
    elapsed_us: int

class Histogram:
    size: int
    reserved: int
    count: int
    min_us: int
    max_us: int
    sum_us: int
    @property
    def counts(self) -> tuple[int, ...]: ...

class LoadOptions:
    size: int
    model: int
    protocol: int
    family: int
    host: str | None
    port: int
    workers: int
    connections: int
    pattern: int
    depth: int
    window_bytes: int
    sizes: int
    sizes_range: int
    @property
    def message_bytes(self) -> tuple[int, ...]: ...
    @message_bytes.setter
    def message_bytes(self, sizes: Sequence[int]) -> None: ...
    messages: int
    bytes: int
    messages_per_connection: int
    duration_ms: int
    warm_up_ms: int
    ramp_up_ms: int
    think_ms: int
    rate: int
    burst: int
    receive: int
    receive_delay_ms: int
    send_delay_ms: int
    connect_timeout_ms: int
    reply_timeout_ms: int
    finish_timeout_ms: int
    reset: int
    no_delay: int
    receive_buffer_bytes: int
    send_buffer_bytes: int
    seed: int

class LoadStats:
    size: int
    finished: int
    connections_begun: int
    connections_connected: int
    connections_current: int
    connections_finished: int
    @property
    def problems(self) -> tuple[int, ...]: ...
    messages: int
    bytes_sent: int
    bytes_received: int
    datagrams_lost: int
    datagrams_late: int
    datagrams_duplicated: int
    datagrams_reordered: int
    datagrams_corrupt: int
    datagrams_foreign: int
    datagrams_unreachable: int
    elapsed_us: int
    active_us: int
    messages_owed: int
    messages_timed: int
    timer_late_us: int
    timer_late_max_us: int

class LoadProblem:
    size: int
    kind: int
    time_us: int
    connection: int
    offset: int
    found_connection: int
    found_offset: int
    missing: int
    error: int
    expected: int
    actual: int
    reserved: int

class ModelInfo:
    size: int
    model: int
    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def calls(self) -> str: ...
    @property
    def limits(self) -> str: ...
    accepts: int
    workers: int

def server_open(options: ServerOptions) -> int: ...
def server_options_get(server: int, options: ServerOptions) -> None: ...
def server_port(server: int) -> int: ...
def server_address(server: int, index: int, address: Address) -> None: ...
def server_stats_get(server: int, stats: ServerStats) -> None: ...
def server_next_event(server: int, timeout_ms: int, event: Event) -> None: ...
def server_wait_handle(server: int) -> int: ...
def server_wait(server: int, until: int, count: int, timeout_ms: int) -> None: ...
def server_fault_add(server: int, text: str) -> int: ...
def server_fault_change(server: int, id: int, text: str) -> None: ...
def server_fault_remove(server: int, id: int) -> None: ...
def server_fault_get(server: int, index: int, fault: Fault) -> None: ...
def fault_describe(index: int, info: FaultInfo) -> None: ...
def fault_parameter_describe(kind: int, index: int, info: FaultParameterInfo) -> None: ...
def server_drain(server: int, timeout_ms: int) -> None: ...
def server_stop(server: int, drain_timeout_ms: int) -> int: ...
def server_close(server: int) -> None: ...
def client_open(options: ClientOptions) -> int: ...
def client_begin(options: ClientOptions) -> int: ...
def client_connect(client: int, timeout_ms: int) -> None: ...
def client_options_get(client: int, options: ClientOptions) -> None: ...
def client_address(client: int, end: int, address: Address) -> None: ...
def client_stats_get(client: int, stats: ClientStats) -> None: ...
def client_send(client: int, data: ReadableBuffer, timeout_ms: int, sent: Counter | None) -> None: ...
def client_recv(client: int, buffer: WriteableBuffer, timeout_ms: int) -> int: ...
def client_recv_bytes(client: int, size: int, timeout_ms: int) -> bytes: ...
def client_shutdown(client: int, half: int) -> None: ...
def client_echo(
    client: int, data: ReadableBuffer, reply: WriteableBuffer | None, timeout_ms: int, progress: EchoProgress
) -> None: ...
def client_echo_quick(
    client: int, data: bytes, timeout_ms: int
) -> tuple[int, EchoProgress, bytearray] | None: ...
def client_ping(client: int, options: PingOptions, timeout_ms: int, progress: PingProgress) -> None: ...
def buffers_overlap(data: ReadableBuffer, other: ReadableBuffer) -> bool: ...
def client_wait_handle(client: int, half: int) -> int: ...
def client_close(client: int) -> None: ...
def client_reset(client: int) -> None: ...
def histogram_record(histogram: Histogram, value_us: int, count: int) -> None: ...
def histogram_merge(into: Histogram, from_: Histogram) -> None: ...
def histogram_percentile(histogram: Histogram, percentile: float) -> int: ...
def histogram_mean(histogram: Histogram) -> float: ...
def histogram_deviation(histogram: Histogram) -> float: ...
def histogram_bounds(index: int) -> tuple[int, int]: ...
def load_open(options: LoadOptions) -> int: ...
def load_options_get(load: int, options: LoadOptions) -> None: ...
def load_stats_get(load: int, stats: LoadStats) -> None: ...
def load_histogram_get(load: int, kind: int, histogram: Histogram) -> None: ...
def load_next_problem(load: int, timeout_ms: int, problem: LoadProblem) -> None: ...
def load_wait(load: int, timeout_ms: int) -> None: ...
def load_stop(load: int) -> None: ...
def load_close(load: int) -> None: ...
def model_describe(index: int, info: ModelInfo) -> None: ...
def version() -> str: ...
def error_name(error: int) -> str: ...
def error_text(error: int) -> str: ...
def last_failure() -> str: ...
