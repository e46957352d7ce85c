"""The Python package: what is in it, that it agrees with the DLL, and that nothing is left behind by it."""

import ast
import ctypes
import enum
import gc
import inspect
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest
import ws2echo
from waiting import LIMIT_S
from ws2echo import Client, Histogram, Load, Server, _models, _swig
from ws2echo._choices import ACCEPT_NUMBERS, ACCEPTS, PROTOCOLS

FOLDER = Path(ws2echo.__file__).parent
EXPECTED = {
    "__init__.py",
    "__main__.py",
    "_choices.py",
    "_client.py",
    "_compare.py",
    "_errors.py",
    "_faults.py",
    "_handle.py",
    "_hdr.py",
    "_histogram.py",
    "_html.py",
    "_load.py",
    "_load_arguments.py",
    "_load_command.py",
    "_load_options.py",
    "_load_report.py",
    "_load_result.py",
    "_models.py",
    "_native.pyd",
    "_options.py",
    "_ping.py",
    "_server.py",
    "_svg.py",
    "_swig.py",
    "_swig.pyi",
    "_units.py",
    "_waiting.py",
    "locust.py",
    "py.typed",
    "pytest_plugin.py",
    "ws2echo.dll",
}


def test_the_wheel_holds_the_package_and_nothing_else() -> None:
    files = [str(file).replace("\\", "/") for file in distribution("ws2echo").files or ()]
    ours = {
        file.removeprefix("ws2echo/")
        for file in files
        if file.startswith("ws2echo/") and "__pycache__" not in file
    }
    assert ours == EXPECTED
    rest = [file for file in files if not file.startswith(("ws2echo/", "ws2echo-"))]
    assert rest == []
    assert all((FOLDER / name).is_file() for name in EXPECTED)


def test_the_versions_agree() -> None:
    dll = ctypes.CDLL(str(FOLDER / "ws2echo.dll"))
    dll.ws2echo_version.restype = ctypes.c_char_p
    assert (
        ws2echo.__version__
        == distribution("ws2echo").version
        == dll.ws2echo_version().decode()
        == _swig.VERSION
    )


def test_the_wheel_is_for_every_python_from_3_11() -> None:
    assert "Tag: cp311-abi3-win_amd64" in (distribution("ws2echo").read_text("WHEEL") or "")


def test_the_models_are_those_of_the_dll() -> None:
    models = ws2echo.models()
    raw = _swig.ModelInfo()
    for index, info in enumerate(models):
        _swig.model_describe(index, raw)
        texts = (raw.name, raw.family, raw.summary, raw.calls, raw.limits)
        assert texts == (info.name, info.family, info.summary, info.calls, info.limits)
        assert all(texts)
        assert sum(1 << ACCEPT_NUMBERS[way] for way in info.accepts) == raw.accepts
        assert ws2echo.Accept.DEFAULT not in info.accepts
        assert info.workers is bool(raw.workers)
        assert getattr(_swig, f"MODEL_{info.name.upper()}") == raw.model
    assert {info.name for info in models} <= set(ws2echo.Model)
    assert {info.family for info in models} <= {"blocking", "readiness", "completion"}


def test_a_model_that_only_the_dll_knows_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the last of its list had come after Model was written."""
    newest = ws2echo.models()[-1].name
    words = {model.name: str(model) for model in ws2echo.Model if model != newest}
    older = enum.StrEnum("Model", words)  # type: ignore[misc]
    monkeypatch.setattr(_models, "Model", older)
    with Server(model=newest) as server:
        assert server.options.model == newest
        assert type(server.options.model) is str


@pytest.mark.parametrize(
    ("choices", "prefix"),
    [
        (ws2echo.Model, "MODEL"),
        (ws2echo.Protocol, "PROTOCOL"),
        (ws2echo.Accept, "ACCEPT"),
        (ws2echo.Family, "FAMILY"),
        (ws2echo.EventKind, "EVENT"),
        (ws2echo.Reason, "REASON"),
        (ws2echo.Half, "HALF"),
        (ws2echo.LoadReceive, "LOAD_RECEIVE"),
    ],
)
def test_the_choices_are_those_of_the_header(choices: type[ws2echo.Model], prefix: str) -> None:
    in_header = {name.removeprefix(f"{prefix}_") for name in dir(_swig) if name.startswith(f"{prefix}_")}
    assert in_header - {"COUNT"} == {choice.name for choice in choices}
    assert all(choice.value == choice.name.lower().replace("_", "-") for choice in choices)


def test_the_other_choices_of_a_load_are_those_of_the_header() -> None:
    """They have one prefix there, together with some constants and the kinds of histograms."""
    in_header = {name.removeprefix("LOAD_") for name in dir(_swig) if name.startswith("LOAD_")}
    in_header = {name for name in in_header if not name.startswith("RECEIVE_")}
    choices = [*ws2echo.LoadPattern, *ws2echo.LoadProblemKind]
    rest = {"PROBLEM_COUNT", "SIZES_MAX", "LATENCY", "CONNECT"}
    assert in_header == {choice.name for choice in choices} | rest
    assert len(ws2echo.LoadProblemKind) == _swig.LOAD_PROBLEM_COUNT
    assert all(choice.value == choice.name.lower().replace("_", "-") for choice in choices)


def test_the_defaults_of_the_signatures_are_those_of_the_dll() -> None:
    from ws2echo._waiting import seconds

    server, client = _swig.ServerOptions(), _swig.ClientOptions()
    parameters = inspect.signature(Server).parameters
    for name in (
        *("port", "backlog", "accepts_pending", "workers", "echo_buffer_bytes", "journal_events"),
        *("no_delay", "udp_connreset", "receive_buffer_bytes", "send_buffer_bytes"),
    ):
        assert parameters[name].default == getattr(server, name)
    assert parameters["protocol"].default == PROTOCOLS[server.protocol]
    assert parameters["accept"].default == ACCEPTS[server.accept]
    parameters = inspect.signature(Client).parameters
    for name in ("connect_timeout", "send_timeout", "receive_timeout"):
        assert parameters[name].default == seconds(getattr(client, f"{name}_ms"))
    assert parameters["protocol"].default == PROTOCOLS[client.protocol]
    assert parameters["udp_connreset"].default == client.udp_connreset
    ping, parameters = _swig.PingOptions(), inspect.signature(Client.ping).parameters
    for name in ("datagrams", "datagram_bytes", "window"):
        assert parameters[name].default == getattr(ping, name)
    assert parameters["interval"].default == ping.interval_us / 1e6
    assert parameters["reply_timeout"].default == seconds(ping.reply_timeout_ms)


def test_the_stub_of_the_raw_layer_names_what_is_there() -> None:
    stub = (FOLDER / "_swig.pyi").read_text("utf-8")
    for name in re.findall(r"^(?:def |class )?([A-Za-z_]+)[(:]", stub, re.MULTILINE):
        assert hasattr(_swig, name), name
    functions = {name for name, value in vars(_swig).items() if inspect.isfunction(value) and name[0] != "_"}
    assert functions == set(re.findall(r"^def (\w+)", stub, re.MULTILINE))


def test_the_structs_of_the_stub_have_the_fields_of_the_header() -> None:
    stub = ast.parse((FOLDER / "_swig.pyi").read_text("utf-8"))
    classes = [node for node in stub.body if isinstance(node, ast.ClassDef)]
    for node in classes:
        told = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
        told |= {ast.unparse(one.target) for one in node.body if isinstance(one, ast.AnnAssign)}
        members = vars(getattr(_swig, node.name)).items()
        assert told == {name for name, value in members if isinstance(value, property)} - {"thisown"}, (
            node.name
        )
    made = {name for name, value in vars(_swig).items() if inspect.isclass(value) and name[0] != "_"}
    assert {node.name for node in classes} == made


def test_everything_public_is_documented() -> None:
    for name in ws2echo.__all__:
        thing = getattr(ws2echo, name)
        assert name == "__version__" or thing.__doc__, name
        if inspect.isclass(thing):
            assert thing.__module__ == "ws2echo"
            for member, value in vars(thing).items():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    assert value.__doc__, f"{name}.{member}"


# ---- what is forgotten


@pytest.mark.parametrize(
    "forget",
    [lambda: Server("127.0.0.1"), lambda: _connected(), lambda: Load(9, "127.0.0.1", protocol="udp", rate=1)],
    ids=["server", "client", "load"],
)
def test_what_was_not_closed_warns_and_is_closed(forget: Callable[[], object]) -> None:
    """The leak check of every test says whether it was closed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forget()
        gc.collect()
    assert re.match(r"unclosed <ws2echo\.(Server|Client|Load) .*(127\.0\.0\.1|::1)", str(caught[0].message))
    assert "closed, was" not in str(caught[0].message)
    assert [warning.category for warning in caught] == [ResourceWarning]


@pytest.mark.parametrize("cycle", ["", "thing.itself = thing"])
def test_what_is_open_at_the_end_of_the_program_does_no_harm(cycle: str) -> None:
    script = f"""if True:
        import ws2echo
        thing = ws2echo.Server()
        client = ws2echo.Client(thing.port)
        load = ws2echo.Load(thing.port, connections=3)
        {cycle}
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        input="",
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _connected() -> Client:
    with Server() as server:
        return Client(server.port)


def test_what_was_closed_or_never_opened_does_not_warn() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Server():
            pass
        with pytest.raises(OSError, match="WSAEINVAL"):
            Server(port=70000)
        Server.__new__(Server)
        gc.collect()
    assert caught == []


# ---- references and memory


def _blocks_left_by(call: Callable[[], object], turns: int) -> int:
    """How many blocks of memory so many calls leave behind: the least of some rounds, as caches grow."""
    rounds: list[int] = []
    for _ in range(5):
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(turns):
            call()
        gc.collect()
        rounds.append(sys.getallocatedblocks() - before)
    return min(rounds)


def test_calls_leave_no_objects_behind() -> None:
    data, reply = bytearray(b"this is a test"), bytearray(14)
    with Server() as server, Client(server.port) as client, Load(server.port, send_delay=3600) as load:

        def fails() -> None:
            with pytest.raises(TimeoutError):
                client.recv(timeout=0)
            with pytest.raises(BufferError):
                client.recv_into(b"")  # type: ignore[arg-type, unused-ignore]
            with pytest.raises(ValueError, match="bytes"):
                client.echo_into(data, reply[1:])

        def all_calls() -> None:
            client.echo(data)
            client.echo_into(data, reply)
            client.send(data)
            client.recv_exactly(14)
            client.send(data)
            client.recv_into(reply[:1])
            client.recv_exactly(13)
            _ = client.stats, client.options, server.stats, server.options, ws2echo.models()
            _ = load.stats, load.options, load.latency, load.connect_time, list(load.problems())
            histogram = Histogram([1, 300]) + Histogram.from_hdr(Histogram([5]).to_hdr())
            _ = histogram.percentile(50), histogram.mean_us, list(histogram)
            list(server.events())
            fails()

        assert _blocks_left_by(all_calls, 200) < 100  # one object per turn would be 200


def test_references_to_buffers_are_given_back() -> None:
    with Server() as server, Client(server.port) as client:
        data, reply = bytes(100), bytearray(100)
        before = sys.getrefcount(data), sys.getrefcount(reply)
        for _ in range(50):
            client.echo_into(data, reply)
            client.send(data)
            client.recv_exactly(100)
            client.echo(data)
        assert (sys.getrefcount(data), sys.getrefcount(reply)) == before


@pytest.mark.parametrize("kind", [_swig.ServerOptions, _swig.ClientOptions, _swig.LoadOptions])
def test_the_host_of_the_raw_options_is_not_leaked(kind: Callable[[], _swig.ServerOptions]) -> None:
    """The struct owns a copy of the host: set, set anew, overwritten by a call, and freed."""
    name = "x" * (1 << 20)

    def churn() -> None:
        options = kind()
        options.host = name
        options.host = name + "y"
        assert options.host == name + "y"
        options.host = None
        options.host = name

    churn()
    before = _memory_in_use()
    for _ in range(200):  # 400 MB, were they leaked
        churn()
    assert _memory_in_use() - before < 100 << 20


def _memory_in_use() -> int:
    """The working set: psutil knows it too, but opens handles of its own."""
    numbers = (
        ctypes.c_size_t * 9
    )()  # PROCESS_MEMORY_COUNTERS: two DWORDs, then sizes; the second of those is it
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    kernel32.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong)
    assert kernel32.K32GetProcessMemoryInfo(kernel32.GetCurrentProcess(), numbers, ctypes.sizeof(numbers))
    return numbers[2]


# ---- the raw layer


def test_the_raw_layer_checks_what_it_is_given() -> None:
    with pytest.raises(OverflowError):
        _swig.server_close(-1)
    with pytest.raises(TypeError):
        _swig.server_stats_get(1, _swig.Address())  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        _swig.ServerOptions().prot = 1  # type: ignore[attr-defined]
    with pytest.raises(OverflowError):
        _swig.ServerOptions().port = 1 << 32
    with pytest.raises(OSError, match="WSAENOTSOCK"):
        _swig.client_recv_bytes(12345, 10, 0)
    for wrong in (-1, 1 << 63):
        with pytest.raises(OverflowError):
            _swig.client_recv_bytes(12345, wrong, 0)
    with pytest.raises(TypeError, match="Counter"):
        _swig.client_send(12345, b"", 0, 5)  # type: ignore[arg-type]
    for sizes, error in (
        ([1] * 17, ValueError),
        ([1 << 32], OverflowError),
        (["1"], TypeError),
        (5, TypeError),
    ):
        with pytest.raises(error):
            _swig.LoadOptions().message_bytes = sizes  # type: ignore[assignment]
    with pytest.raises(ValueError, match="as long as"):
        _swig.client_echo(12345, b"12", bytearray(1), 0, _swig.EchoProgress())
