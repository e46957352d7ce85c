using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// What a <see cref="Server"/> is opened with. A new object holds the defaults of the DLL. A setter refuses what cannot be
    /// said at all, a negative number, by <see cref="ArgumentOutOfRangeException"/>; limits are checked when the server is
    /// opened, whose <see cref="Ws2EchoException"/> (InvalidArgument) names the option. The server takes a copy.
    /// </summary>
    public sealed class ServerOptions
    {
        private string? _host;
        private int _port;
        private int _backlog;
        private int _acceptsPending;
        private int _workers;
        private int? _connectionsMax;
        private uint _idleTimeoutMs;
        private uint _sendTimeoutMs;
        private int _receiveBufferBytes;
        private int _sendBufferBytes;
        private int? _lingerSeconds;
        private int _echoBufferBytes;
        private int _journalEvents;

        /// <summary>The defaults.</summary>
        public ServerOptions()
        {
            using var native = new ws2echo_server_options();
            Failure.ThrowIf(ws2echo_server_options_init(native));
            Read(native);
        }

        internal ServerOptions(ws2echo_server_options native, string? host, IEnumerable<Fault> faults)
        {
            Read(native);
            _host = host;
            foreach (Fault fault in faults)
            {
                Faults.Add(fault.Text);
            }
        }

        /// <summary>The I/O model. Default <see cref="Model.Threads"/>.</summary>
        public Model Model { get; set; }

        /// <summary>The protocol. Default <see cref="Protocol.Tcp"/>.</summary>
        public Protocol Protocol { get; set; }

        /// <summary>Which versions of IP to listen on. Default <see cref="Family.Any"/>.</summary>
        public Family Family { get; set; }

        /// <summary>
        /// Null, the default: loopback, 127.0.0.1 and ::1. "*": every address of the machine. Else a name or a numeric address;
        /// each address that a name has is listened on. At most 1,023 bytes of UTF-8.
        /// </summary>
        public string? Host
        {
            get => _host;
            set => _host = Values.Host(value, nameof(value));
        }

        /// <summary>0 to 65535. 0, the default, lets the system choose a free one.</summary>
        public int Port
        {
            get => _port;
            set => _port = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Connections that may wait to be accepted: 1 to 65535. 0, the default: as many as the system allows.</summary>
        public int Backlog
        {
            get => _backlog;
            set => _backlog = Values.NotNegative(value, nameof(value));
        }

        /// <summary>How connections are accepted. Default <see cref="Ws2Echo.Accept.Default"/>.</summary>
        public Accept Accept { get; set; }

        /// <summary>
        /// AcceptEx that are kept out on each listening socket: 1 to 1024. 0, the default: 16. Only with
        /// <see cref="Ws2Echo.Accept.AcceptEx"/>.
        /// </summary>
        public int AcceptsPending
        {
            get => _acceptsPending;
            set => _acceptsPending = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// Threads that share the connections: 1 to 256. 0, the default: one for each processor that the process may use, 8 at most. The models Event,
        /// Async and Overlapped start more when the connections need them; the model Threads has one for each connection and takes only 0.
        /// </summary>
        public int Workers
        {
            get => _workers;
            set => _workers = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Connections served at once, 1 or more. Default null: no limit.</summary>
        public int? ConnectionsMax
        {
            get => _connectionsMax;
            set => _connectionsMax = value is int max ? Values.NotNegative(max, nameof(value)) : value;
        }

        /// <summary>
        /// No byte either way for so long: the connection is reset. Default <see cref="Timeout.InfiniteTimeSpan"/>. What is
        /// sent is seen to move in steps of 16 KiB.
        /// </summary>
        public TimeSpan IdleTimeout
        {
            get => Values.Time(_idleTimeoutMs);
            set => _idleTimeoutMs = Values.Milliseconds(value, nameof(value));
        }

        /// <summary>The peer takes no byte for so long: it is reset. Default <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
        public TimeSpan SendTimeout
        {
            get => Values.Time(_sendTimeoutMs);
            set => _sendTimeoutMs = Values.Milliseconds(value, nameof(value));
        }

        /// <summary>TCP_NODELAY of each connection. Default true.</summary>
        public bool NoDelay { get; set; }

        /// <summary>SIO_UDP_CONNRESET: whether the system tells that an answer over UDP met a closed port. Default true.</summary>
        public bool UdpConnReset { get; set; }

        /// <summary>
        /// SO_RCVBUF of each connection and UDP socket, in bytes, up to 2^30. 0, the default: the system's choice.
        /// </summary>
        public int ReceiveBufferBytes
        {
            get => _receiveBufferBytes;
            set => _receiveBufferBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// SO_SNDBUF of each connection and UDP socket, in bytes, up to 2^30. 0, the default: the system's choice.
        /// </summary>
        public int SendBufferBytes
        {
            get => _sendBufferBytes;
            set => _sendBufferBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// SO_LINGER of each connection, in seconds, up to 65535. 0 answers even FIN with a reset. Default null: closing is
        /// graceful and takes no time.
        /// </summary>
        public int? LingerSeconds
        {
            get => _lingerSeconds;
            set => _lingerSeconds = value is int seconds ? Values.NotNegative(seconds, nameof(value)) : value;
        }

        /// <summary>
        /// Most bytes of one connection held between reception and echo: 1 to 2^26. Default 262144. A longer datagram is not
        /// answered.
        /// </summary>
        public int EchoBufferBytes
        {
            get => _echoBufferBytes;
            set => _echoBufferBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Events kept until they are asked for: 1 to 2^20. Default 4096. Older ones are dropped, and counted.</summary>
        public int JournalEvents
        {
            get => _journalEvents;
            set => _journalEvents = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// Rules by which the server misbehaves, in force from the start: "latency:latency=50", "refuse@first=2".
        /// <see cref="Ws2EchoInfo.Faults"/> lists the kinds and what each takes. 32 at most.
        /// </summary>
        public IList<string> Faults { get; } = new List<string>();

        /// <summary>
        /// What faults draw their chances from: the same seed touches the same connections, bytes and datagrams. 0, the default: one
        /// is drawn, which <see cref="Server.Seed"/> tells.
        /// </summary>
        public ulong Seed { get; set; }

        internal ServerHandle Open()
        {
            using var native = new ws2echo_server_options();
            Failure.ThrowIf(ws2echo_server_options_init(native));
            Write(native);
            string rules = FaultsText();
            IntPtr host = Marshal.StringToCoTaskMemUTF8(Host);
            IntPtr faults = IntPtr.Zero;
            try
            {
                faults = Marshal.StringToCoTaskMemUTF8(rules);
                native.host = host;
                native.faults = faults;
                Failure.ThrowIf(ws2echo_server_open(native, out ulong id));
                return new ServerHandle(id);
            }
            finally
            {
                Marshal.FreeCoTaskMem(host);
                Marshal.FreeCoTaskMem(faults);
            }
        }

        private string FaultsText()
        {
            string text = string.Join("\n", Faults);
            return text.IndexOf('\0', StringComparison.Ordinal) < 0
                ? text
                : throw new ArgumentException("A rule has no NUL character.", nameof(Faults));
        }

        private void Read(ws2echo_server_options native)
        {
            Model = (Model)native.model;
            Protocol = (Protocol)native.protocol;
            Family = (Family)native.family;
            _port = (int)native.port;
            _backlog = (int)native.backlog;
            Accept = (Accept)native.accept;
            _acceptsPending = (int)native.accepts_pending;
            _workers = (int)native.workers;
            _connectionsMax = native.connections_max == WS2ECHO_INFINITE ? (int?)null : (int)native.connections_max;
            _idleTimeoutMs = native.idle_timeout_ms;
            _sendTimeoutMs = native.send_timeout_ms;
            NoDelay = native.no_delay != 0;
            UdpConnReset = native.udp_connreset != 0;
            _receiveBufferBytes = (int)native.receive_buffer_bytes;
            _sendBufferBytes = (int)native.send_buffer_bytes;
            _lingerSeconds = native.linger_s < 0 ? (int?)null : native.linger_s;
            _echoBufferBytes = (int)native.echo_buffer_bytes;
            _journalEvents = (int)native.journal_events;
            Seed = native.seed;
        }

        private void Write(ws2echo_server_options native)
        {
            native.model = (uint)Model;
            native.protocol = (uint)Protocol;
            native.family = (uint)Family;
            native.port = (uint)_port;
            native.backlog = (uint)_backlog;
            native.accept = (uint)Accept;
            native.accepts_pending = (uint)_acceptsPending;
            native.workers = (uint)_workers;
            native.connections_max = (uint?)_connectionsMax ?? WS2ECHO_INFINITE;
            native.idle_timeout_ms = _idleTimeoutMs;
            native.send_timeout_ms = _sendTimeoutMs;
            native.no_delay = NoDelay ? 1u : 0u;
            native.udp_connreset = UdpConnReset ? 1u : 0u;
            native.receive_buffer_bytes = (uint)_receiveBufferBytes;
            native.send_buffer_bytes = (uint)_sendBufferBytes;
            native.linger_s = _lingerSeconds ?? -1;
            native.echo_buffer_bytes = (uint)_echoBufferBytes;
            native.journal_events = (uint)_journalEvents;
            native.seed = Seed;
        }
    }
}
