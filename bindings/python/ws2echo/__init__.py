"""An echo server and client for Windows, over TCP and UDP, inside this process.

    with ws2echo.Server() as server, ws2echo.Client(server.port) as client:
        assert client.echo(b"this is a test") == b"this is a test"

Everything is done by ``ws2echo.dll``, which lies in this package's folder; the interpreter lock is released
whenever it can block, and Ctrl-C ends every wait but those of `Server.change_fault` and
`Server.remove_fault`, where a port has to become free, and of `close` and `Server.stop` with a ``linger``. A
failure is the ``OSError`` subclass that the ``socket`` module would raise, its ``winerror`` the Winsock code,
its text what was being done and what to try.

`Load` puts an echo server under load: it checks every byte that comes back, and times every message.

A server misbehaves exactly as told (``Server(faults=["refuse@first=2"])``): `faults` lists how.

There is also a command line, ``python -m ws2echo``, and a pytest plugin with the fixtures ``echo_server`` and
``make_echo_server``.
"""

from . import _swig
from ._choices import (
    Accept,
    EventKind,
    Family,
    Half,
    LoadPattern,
    LoadProblemKind,
    LoadReceive,
    Model,
    Protocol,
    Reason,
)
from ._client import Client
from ._errors import EchoMismatchError, UsageError
from ._faults import Fault, FaultKind, FaultParameter, faults
from ._histogram import Histogram
from ._load import Load
from ._load_options import LoadOptions, LoadProblem, LoadStats
from ._load_result import LoadResult, LoadSample
from ._models import ModelInfo, models
from ._options import Address, ClientOptions, ClientStats, Event, ServerOptions, ServerStats
from ._ping import PingResult
from ._server import Server

__version__ = _swig.version()

__all__ = [
    "Accept",
    "Address",
    "Client",
    "ClientOptions",
    "ClientStats",
    "EchoMismatchError",
    "Event",
    "EventKind",
    "Family",
    "Fault",
    "FaultKind",
    "FaultParameter",
    "Half",
    "Histogram",
    "Load",
    "LoadOptions",
    "LoadPattern",
    "LoadProblem",
    "LoadProblemKind",
    "LoadReceive",
    "LoadResult",
    "LoadSample",
    "LoadStats",
    "Model",
    "ModelInfo",
    "PingResult",
    "Protocol",
    "Reason",
    "Server",
    "ServerOptions",
    "ServerStats",
    "UsageError",
    "__version__",
    "faults",
    "models",
]

for _name in (
    __all__
):  # where they are defined is an internal matter: repr, pickle and documentation name them as users do
    _object = globals()[_name]
    if hasattr(_object, "__module__"):
        _object.__module__ = __name__
del _name, _object
