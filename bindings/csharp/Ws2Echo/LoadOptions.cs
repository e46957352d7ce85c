using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// What a <see cref="Load"/> is opened with. A new object holds the defaults of the DLL; only <see cref="Port"/> must be set.
    /// What ends the load is whichever limit is reached first: <see cref="Duration"/>, <see cref="Messages"/> or
    /// <see cref="Bytes"/>; with none of them it goes on until it is stopped. A setter refuses what cannot be said at all, a
    /// negative number, by <see cref="ArgumentOutOfRangeException"/>; limits are checked when the load is opened, whose
    /// <see cref="Ws2EchoException"/> (InvalidArgument, OperationNotSupported) names the option. The load takes a copy.
    /// </summary>
    public sealed class LoadOptions
    {
        private string? _host;
        private int _port;
        private int _workers;
        private int _connections;
        private int _depth;
        private int _windowBytes;
        private int[] _messageBytes = Array.Empty<int>();
        private long _messages;
        private long _bytes;
        private long _messagesPerConnection;
        private uint _durationMs;
        private uint _warmUpMs;
        private uint _rampUpMs;
        private uint _thinkMs;
        private long _rate;
        private int _burst;
        private uint _receiveDelayMs;
        private uint _sendDelayMs;
        private uint _connectTimeoutMs;
        private uint _replyTimeoutMs;
        private uint _finishTimeoutMs;
        private int _receiveBufferBytes;
        private int _sendBufferBytes;

        /// <summary>The defaults.</summary>
        public LoadOptions()
        {
            using var native = new ws2echo_load_options();
            Failure.ThrowIf(ws2echo_load_options_init(native));
            Read(native);
        }

        internal LoadOptions(ws2echo_load_options native, string? host)
        {
            Read(native);
            _host = host;
        }

        /// <summary>The I/O model of this end. Default <see cref="Model.Iocp"/>.</summary>
        public Model Model { get; set; }

        /// <summary>
        /// The protocol. Default <see cref="Ws2Echo.Protocol.Tcp"/>; <see cref="Ws2Echo.Protocol.Both"/> is for servers only.
        /// </summary>
        public Protocol Protocol { get; set; }

        /// <summary>Which of the name's addresses to try. Default <see cref="Family.Any"/>.</summary>
        public Family Family { get; set; }

        /// <summary>
        /// A name or a numeric address, at most 1,023 bytes of UTF-8. Null, the default: "localhost". Over TCP its addresses
        /// are tried in turn until one answers; over UDP it is the first.
        /// </summary>
        public string? Host
        {
            get => _host;
            set => _host = Values.Host(value, nameof(value));
        }

        /// <summary>1 to 65535. The default, 0, is not a port: it must be set.</summary>
        public int Port
        {
            get => _port;
            set => _port = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Threads that share the connections: as <see cref="ServerOptions.Workers"/>.</summary>
        public int Workers
        {
            get => _workers;
            set => _workers = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Connections at once: 1 to 65536. Default 1.</summary>
        public int Connections
        {
            get => _connections;
            set => _connections = Values.NotNegative(value, nameof(value));
        }

        /// <summary>When a connection sends and receives. Default <see cref="LoadPattern.PingPong"/>.</summary>
        public LoadPattern Pattern { get; set; }

        /// <summary>
        /// Messages of a connection that may wait for their answers: 1 to 1024. Default 1. Only with
        /// <see cref="LoadPattern.PingPong"/>. The model Threads, which does not receive while it sends, has no more than 32 KiB on
        /// their way, and sends a longer message in pieces.
        /// </summary>
        public int Depth
        {
            get => _depth;
            set => _depth = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// Bytes of a connection that may wait for their answers: 1 to 2^30. 0, the default: 1 MiB; in the model Threads 32 KiB,
        /// since a thread that sends receives nothing meanwhile: both ends would block for ever if more than the buffers between
        /// take were out. Only with <see cref="LoadPattern.Stream"/>.
        /// </summary>
        public int WindowBytes
        {
            get => _windowBytes;
            set => _windowBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// Sizes of messages, 16 of them at most, of which each is chosen by chance: 1 to 2^26 each; over UDP 16 to 65507, and only
        /// one. Default 64. The getter gives a copy.
        /// </summary>
        /// <exception cref="ArgumentException">There are more than 16.</exception>
        public IReadOnlyList<int> MessageBytes
        {
            get => (int[])_messageBytes.Clone();
            set => _messageBytes = Sizes(value);
        }

        /// <summary>
        /// Whether <see cref="MessageBytes"/> is not a list but a range, the smallest size and the largest. Default false.
        /// </summary>
        public bool SizesRange { get; set; }

        /// <summary>Messages that all connections together send. 0, the default: no limit.</summary>
        public long Messages
        {
            get => _messages;
            set => _messages = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Bytes that all connections together send. 0, the default: no limit. Not over UDP.</summary>
        public long Bytes
        {
            get => _bytes;
            set => _bytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// After so many messages a connection ends, and another takes its place. 0, the default: never. Not over UDP.
        /// </summary>
        public long MessagesPerConnection
        {
            get => _messagesPerConnection;
            set => _messagesPerConnection = Values.NotNegative(value, nameof(value));
        }

        /// <summary>No message begins later. Above zero; default <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
        public TimeSpan Duration
        {
            get => Values.Time(_durationMs);
            set => _durationMs = Values.Milliseconds(value, nameof(value));
        }

        /// <summary>Messages that are due before have no part in <see cref="Load.Latency"/>. Default zero.</summary>
        public TimeSpan WarmUp
        {
            get => Values.Time(_warmUpMs);
            set => _warmUpMs = Values.Delay(value, nameof(value));
        }

        /// <summary>The time in which connections are begun, evenly, and their shares of the rate with them. Default zero.</summary>
        public TimeSpan RampUp
        {
            get => Values.Time(_rampUpMs);
            set => _rampUpMs = Values.Delay(value, nameof(value));
        }

        /// <summary>
        /// A connection waits so long after an answer. Default zero. Only with <see cref="LoadPattern.PingPong"/> and a
        /// <see cref="Depth"/> of 1, without <see cref="Rate"/>, and not over UDP.
        /// </summary>
        public TimeSpan ThinkTime
        {
            get => Values.Time(_thinkMs);
            set => _thinkMs = Values.Delay(value, nameof(value));
        }

        /// <summary>
        /// Messages a second of all connections together, up to 10^9. 0, the default: as fast as it goes. Each connection has its
        /// share, at times that are fixed in advance, and latency counts from those times, not from when it came to sending: so an
        /// answer that comes late shows in every message that it delays.
        /// </summary>
        public long Rate
        {
            get => _rate;
            set => _rate = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// Messages of a connection that are due at once, each so many intervals: 1 to 1024. Default 1. Only with a
        /// <see cref="Rate"/>, and not over UDP.
        /// </summary>
        public int Burst
        {
            get => _burst;
            set => _burst = Values.NotNegative(value, nameof(value));
        }

        /// <summary>
        /// Which part of what it sent a connection receives. Default <see cref="LoadReceive.Always"/>; over UDP nothing else.
        /// </summary>
        public LoadReceive Receive { get; set; }

        /// <summary>For <see cref="LoadReceive.Late"/>; else zero, the default.</summary>
        public TimeSpan ReceiveDelay
        {
            get => Values.Time(_receiveDelayMs);
            set => _receiveDelayMs = Values.Delay(value, nameof(value));
        }

        /// <summary>From connected to the first message. Default zero. Only without <see cref="Rate"/>, and not over UDP.</summary>
        public TimeSpan SendDelay
        {
            get => Values.Time(_sendDelayMs);
            set => _sendDelayMs = Values.Delay(value, nameof(value));
        }

        /// <summary>For each connection. Default 10 seconds.</summary>
        public TimeSpan ConnectTimeout
        {
            get => Values.Time(_connectTimeoutMs);
            set => _connectTimeoutMs = Values.Milliseconds(value, nameof(value));
        }

        /// <summary>
        /// A connection that waits for an answer ends when no byte moves for so long; over UDP a datagram is lost. Above zero. Null,
        /// the default: 1 second over UDP; over TCP without limit, as a limit costs the model Threads a system call for each
        /// message.
        /// </summary>
        public TimeSpan? ReplyTimeout
        {
            get => _replyTimeoutMs == WS2ECHO_TIMEOUT_OF_OPTIONS ? (TimeSpan?)null : Values.Time(_replyTimeoutMs);
            set => _replyTimeoutMs =
                value is TimeSpan limit ? Values.Milliseconds(limit, nameof(value)) : WS2ECHO_TIMEOUT_OF_OPTIONS;
        }

        /// <summary>A connection that has not ended so long after it sent FIN, or after <see cref="Duration"/>, is reset. Default 10 seconds.</summary>
        public TimeSpan FinishTimeout
        {
            get => Values.Time(_finishTimeoutMs);
            set => _finishTimeoutMs = Values.Milliseconds(value, nameof(value));
        }

        /// <summary>Whether connections end by reset, not by FIN. Default false. Not over UDP.</summary>
        public bool Reset { get; set; }

        /// <summary>TCP_NODELAY. Default true.</summary>
        public bool NoDelay { get; set; }

        /// <summary>SO_RCVBUF in bytes, up to 2^30. 0, the default: the system's choice.</summary>
        public int ReceiveBufferBytes
        {
            get => _receiveBufferBytes;
            set => _receiveBufferBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>SO_SNDBUF in bytes, up to 2^30. 0, the default: the system's choice.</summary>
        public int SendBufferBytes
        {
            get => _sendBufferBytes;
            set => _sendBufferBytes = Values.NotNegative(value, nameof(value));
        }

        /// <summary>Of the bytes and the sizes: the same seed sends the same. Default 1.</summary>
        public ulong Seed { get; set; }

        internal LoadHandle Open()
        {
            using var native = new ws2echo_load_options();
            Failure.ThrowIf(ws2echo_load_options_init(native));
            Write(native);
            IntPtr host = Marshal.StringToCoTaskMemUTF8(Host);
            try
            {
                native.host = host;
                Failure.ThrowIf(ws2echo_load_open(native, out ulong id));
                return new LoadHandle(id);
            }
            finally
            {
                Marshal.FreeCoTaskMem(host);
            }
        }

        private static int[] Sizes(IReadOnlyList<int> value)
        {
            int[] sizes = (value ?? throw new ArgumentNullException(nameof(value))).ToArray();
            foreach (int bytes in sizes)
            {
                Values.NotNegative(bytes, nameof(value), nameof(MessageBytes));
            }
            return sizes.Length <= WS2ECHO_LOAD_SIZES_MAX
                ? sizes
                : throw new ArgumentException($"There is room for {WS2ECHO_LOAD_SIZES_MAX} sizes.", nameof(value));
        }

        private void Read(ws2echo_load_options native)
        {
            Model = (Model)native.model;
            Protocol = (Protocol)native.protocol;
            Family = (Family)native.family;
            _port = (int)native.port;
            _workers = (int)native.workers;
            _connections = (int)native.connections;
            Pattern = (LoadPattern)native.pattern;
            _depth = (int)native.depth;
            _windowBytes = (int)native.window_bytes;
            _messageBytes = Enumerable.Range(0, (int)native.sizes).Select(i => (int)native.message_bytes_at((uint)i)).ToArray();
            SizesRange = native.sizes_range != 0;
            _messages = (long)native.messages;
            _bytes = (long)native.bytes;
            _messagesPerConnection = (long)native.messages_per_connection;
            _durationMs = native.duration_ms;
            _warmUpMs = native.warm_up_ms;
            _rampUpMs = native.ramp_up_ms;
            _thinkMs = native.think_ms;
            _rate = (long)native.rate;
            _burst = (int)native.burst;
            Receive = (LoadReceive)native.receive;
            _receiveDelayMs = native.receive_delay_ms;
            _sendDelayMs = native.send_delay_ms;
            _connectTimeoutMs = native.connect_timeout_ms;
            _replyTimeoutMs = native.reply_timeout_ms;
            _finishTimeoutMs = native.finish_timeout_ms;
            Reset = native.reset != 0;
            NoDelay = native.no_delay != 0;
            _receiveBufferBytes = (int)native.receive_buffer_bytes;
            _sendBufferBytes = (int)native.send_buffer_bytes;
            Seed = native.seed;
        }

        private void Write(ws2echo_load_options native)
        {
            native.model = (uint)Model;
            native.protocol = (uint)Protocol;
            native.family = (uint)Family;
            native.port = (uint)_port;
            native.workers = (uint)_workers;
            native.connections = (uint)_connections;
            native.pattern = (uint)Pattern;
            native.depth = (uint)_depth;
            native.window_bytes = (uint)_windowBytes;
            native.sizes = (uint)_messageBytes.Length;
            for (int i = 0; i < _messageBytes.Length; i++)
            {
                native.set_message_bytes_at((uint)i, (uint)_messageBytes[i]);
            }
            native.sizes_range = SizesRange ? 1u : 0u;
            native.messages = (ulong)_messages;
            native.bytes = (ulong)_bytes;
            native.messages_per_connection = (ulong)_messagesPerConnection;
            native.duration_ms = _durationMs;
            native.warm_up_ms = _warmUpMs;
            native.ramp_up_ms = _rampUpMs;
            native.think_ms = _thinkMs;
            native.rate = (ulong)_rate;
            native.burst = (uint)_burst;
            native.receive = (uint)Receive;
            native.receive_delay_ms = _receiveDelayMs;
            native.send_delay_ms = _sendDelayMs;
            native.connect_timeout_ms = _connectTimeoutMs;
            native.reply_timeout_ms = _replyTimeoutMs;
            native.finish_timeout_ms = _finishTimeoutMs;
            native.reset = Reset ? 1u : 0u;
            native.no_delay = NoDelay ? 1u : 0u;
            native.receive_buffer_bytes = (uint)_receiveBufferBytes;
            native.send_buffer_bytes = (uint)_sendBufferBytes;
            native.seed = Seed;
        }
    }
}
