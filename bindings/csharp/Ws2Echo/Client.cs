using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// A client of an echo server: one connection, from its construction until it is disposed. Over UDP it is a socket that talks
    /// to one peer.
    /// </summary>
    /// <remarks>
    /// Over UDP each send, receive and echo is one datagram, which may be empty; a lost one is not sent again. That a peer is not
    /// there shows later, as the code <see cref="SocketError.ConnectionReset"/> of some call, which the next call gets over; or
    /// never.
    /// Every member may be used from any thread at any time: one call at a time sends and one receives, further ones wait their
    /// turn within their timeout. A failure is a <see cref="SocketException"/>, in fact a <see cref="Ws2EchoException"/>.
    /// Disposing ends what other threads wait for here, by the code <see cref="SocketError.OperationAborted"/>; what is called
    /// afterwards, or waits its turn then, throws <see cref="ObjectDisposedException"/>. Memory is pinned only while the library is called, and nothing
    /// is copied.
    /// </remarks>
    public sealed partial class Client : IDisposable
    {
        private readonly ClientHandle _handle;
        private readonly string? _host;
        private readonly bool _datagrams;
        private readonly uint _sendTimeoutMs;
        private readonly uint _receiveTimeoutMs;
        private readonly Turn _sending = new Turn("send");
        private readonly Turn _receiving = new Turn("receive");

        /// <summary>Connects, to the first of the host's addresses that answers. Blocks for up to 10 seconds.</summary>
        /// <param name="port">1 to 65535.</param>
        /// <param name="host">A name or a numeric address.</param>
        /// <exception cref="ArgumentNullException">There is no host.</exception>
        /// <exception cref="SocketException">ConnectionRefused, TimedOut, HostNotFound, InvalidArgument and others.</exception>
        public Client(int port, string host = "localhost")
            : this(OptionsFor(port, host))
        {
        }

        /// <summary>
        /// Connects: every address that the host has is tried, in the order that the system gives them. Blocks while the name is
        /// resolved, then for up to <see cref="ClientOptions.ConnectTimeout"/>.
        /// </summary>
        /// <param name="options">Where to, and how.</param>
        /// <exception cref="ArgumentNullException">There are no options.</exception>
        /// <exception cref="SocketException">
        /// InvalidArgument (the message names the option), HostNotFound, TimedOut, NoBufferSpaceAvailable, TooManyOpenSockets;
        /// when every address failed, what the system said of the last one: ConnectionRefused and others.
        /// </exception>
        public Client(ClientOptions options)
            : this((options ?? throw new ArgumentNullException(nameof(options))).Open(), options)
        {
        }

        private Client(ClientHandle handle, ClientOptions options)
        {
            _handle = handle;
            _host = options.Host;
            _datagrams = options.Protocol == Protocol.Udp;
            _sendTimeoutMs = options.SendTimeoutMs;
            _receiveTimeoutMs = options.ReceiveTimeoutMs;
        }

        /// <summary>This end of the connection.</summary>
        public IPEndPoint LocalEndPoint => EndPoint(ws2echo_end.WS2ECHO_END_LOCAL);

        /// <summary>The server's end of the connection.</summary>
        public IPEndPoint RemoteEndPoint => EndPoint(ws2echo_end.WS2ECHO_END_PEER);

        /// <summary>A copy of the options in force, those of the socket read back from the system.</summary>
        public ClientOptions Options
        {
            get
            {
                using var native = new ws2echo_client_options { size = ws2echo_client_options.sizeof_struct() };
                Failure.ThrowIf(ws2echo_client_options_get(_handle, native), this);
                return new ClientOptions(native, _host);
            }
        }

        /// <summary>The counters.</summary>
        public ClientStats Stats
        {
            get
            {
                using var native = new ws2echo_client_stats { size = ws2echo_client_stats.sizeof_struct() };
                Failure.ThrowIf(ws2echo_client_stats_get(_handle, native), this);
                return new ClientStats(native);
            }
        }

        /// <summary>
        /// Sends the data, all of it. Blocks while the system has no room for it, until no byte was taken for
        /// <see cref="ClientOptions.SendTimeout"/>. Over UDP all of it is one datagram.
        /// </summary>
        /// <param name="data">What to send; may be empty.</param>
        /// <exception cref="SocketException">
        /// TimedOut, after which the rest may be sent by another call: <see cref="Ws2EchoException.BytesTransferred"/> tells how
        /// much was taken; Shutdown, ConnectionReset, ConnectionAborted; MessageSize when it is too long for a datagram (65,507
        /// bytes over IPv4, 65,527 over IPv6).
        /// </exception>
        public void Send(ReadOnlySpan<byte> data)
        {
            _sending.Take(new Patience(_sendTimeoutMs));
            try
            {
                int error = SendSome(data, WS2ECHO_TIMEOUT_OF_OPTIONS, out int sent);
                if (error != 0)
                {
                    throw Failure.Of(error, this, sent);
                }
            }
            finally
            {
                _sending.Pass();
            }
        }

        /// <summary>
        /// Receives what has come, at least one byte. Blocks until something comes, for up to
        /// <see cref="ClientOptions.ReceiveTimeout"/>, the wait for its turn included. Over UDP it is one datagram, which may be empty:
        /// 65,535 bytes of buffer hold any.
        /// </summary>
        /// <param name="buffer">Where to; at most its length is received.</param>
        /// <returns>
        /// How many bytes; 0 when the peer sent FIN, or the buffer is empty. Over UDP 0 is an empty datagram, and no end of anything.
        /// </returns>
        /// <exception cref="SocketException">
        /// TimedOut, by which nothing is lost; ConnectionReset, ConnectionAborted; MessageSize when a datagram is longer than the
        /// buffer, which then is full of its beginning: the rest is lost.
        /// </exception>
        public int Receive(Span<byte> buffer)
        {
            var patience = new Patience(_receiveTimeoutMs);
            _receiving.Take(patience);
            try
            {
                Failure.ThrowIf(ReceiveSome(buffer, patience.Remaining, out int received), this);
                return received;
            }
            finally
            {
                _receiving.Pass();
            }
        }

        /// <summary>
        /// Shuts one half of the connection down. <see cref="Half.Send"/> and <see cref="Half.Both"/> send FIN, after every byte
        /// that was sent; the peer's bytes can still be received after <see cref="Half.Send"/>. Over UDP nothing is sent. Does not
        /// block.
        /// </summary>
        /// <param name="half">Which.</param>
        /// <exception cref="SocketException">InvalidArgument, ConnectionReset and others.</exception>
        public void Shutdown(Half half) => Failure.ThrowIf(ws2echo_client_shutdown(_handle, (uint)half), this);

        /// <summary>As <see cref="Echo(ReadOnlySpan{byte})"/>.</summary>
        /// <param name="data">What to send; may be empty.</param>
        /// <returns>What came back: the same bytes.</returns>
        /// <exception cref="ArgumentNullException">There is no data.</exception>
        public byte[] Echo(byte[] data) => Echo((data ?? throw new ArgumentNullException(nameof(data))).AsSpan());

        /// <summary>
        /// Sends the data and reads as many bytes back, both at once so that no size can block the other side, and compares them.
        /// Blocks until no byte went either way for the longer of the two timeouts of the options. Over UDP the data is one
        /// datagram: what had come before is dropped, and the next datagram that comes is the answer.
        /// </summary>
        /// <param name="data">What to send; may be empty.</param>
        /// <returns>What came back: the same bytes.</returns>
        /// <exception cref="EchoMismatchException">Other bytes came back, or over UDP fewer or more.</exception>
        /// <exception cref="SocketException">
        /// TimedOut, also when a datagram was lost; Disconnecting when the peer sent FIN before the whole echo; Shutdown,
        /// ConnectionReset, ConnectionAborted; MessageSize when the data is too long for a datagram.
        /// <see cref="Ws2EchoException.BytesTransferred"/> tells how much came back.
        /// </exception>
        public byte[] Echo(ReadOnlySpan<byte> data)
        {
            var reply = new byte[data.Length];
            Echo(data, reply);
            return reply;
        }

        /// <summary>As <see cref="Echo(ReadOnlySpan{byte})"/>, with the reply stored in a buffer of the caller.</summary>
        /// <param name="data">What to send; may be empty.</param>
        /// <param name="reply">Where what comes back is stored: as long as the data, and apart from it.</param>
        /// <exception cref="ArgumentException">The reply is not as long as the data, or overlaps it.</exception>
        /// <exception cref="EchoMismatchException">Other bytes came back.</exception>
        /// <exception cref="SocketException">As above.</exception>
        public void Echo(ReadOnlySpan<byte> data, Span<byte> reply)
        {
            CheckReply(data, reply);
            TakeBothTurns(new Patience(EchoTimeoutMs));
            try
            {
                using var progress = new ws2echo_echo_progress();
                int error = EchoSome(data, reply, WS2ECHO_TIMEOUT_OF_OPTIONS, progress);
                FinishEcho(error, progress, reply, begun: false);
            }
            finally
            {
                PassBothTurns();
            }
        }

        /// <summary>
        /// Closes the connection. Everything that was sent, and FIN, is still delivered, unless
        /// <see cref="ClientOptions.LingerSeconds"/> is 0; bytes that came and were not received make the system reset the
        /// connection. Disposing again does nothing, but returns no sooner than that is done. Blocks only with a linger above 0, for at
        /// most that long.
        /// </summary>
        public void Dispose()
        {
            _handle.Dispose();
            DisposeEvents();
        }

        /// <summary>
        /// Resets the connection and disposes the client: what was sent may be lost, and the peer is told by ConnectionReset. For
        /// testing servers. Over UDP it is <see cref="Dispose"/>.
        /// </summary>
        public void Reset()
        {
            _handle.Resets = true;
            Dispose();
        }

        /// <summary>
        /// Sends the data byte by byte, for testing servers. Over UDP each byte is a datagram. Blocks meanwhile.
        /// </summary>
        /// <param name="data">What to send.</param>
        /// <param name="interval">The time from one byte to the next, rounded up to milliseconds: from zero to 24 days.</param>
        /// <exception cref="ArgumentOutOfRangeException">The interval is out of range; no byte is sent.</exception>
        /// <exception cref="SocketException">As <see cref="Send"/>; <see cref="Ws2EchoException.BytesTransferred"/> tells how many
        /// were taken before.</exception>
        public void Trickle(ReadOnlySpan<byte> data, TimeSpan interval)
        {
            int intervalMs = Values.Pause(interval, nameof(interval));
            for (int i = 0; i < data.Length; i++)
            {
                if (i > 0)
                {
                    Thread.Sleep(intervalMs);
                }
                try
                {
                    Send(data.Slice(i, 1));
                }
                catch (Ws2EchoException error)
                {
                    throw new Ws2EchoException(error.ErrorCode, error.Message, i);
                }
                catch (ObjectDisposedException) when (i > 0)
                {
                    throw Failure.Of((int)SocketError.NotSocket, this, i, begun: true);
                }
            }
        }

        /// <summary>As the library has it: the longer of the two.</summary>
        private uint EchoTimeoutMs => Math.Max(_sendTimeoutMs, _receiveTimeoutMs);

        private static ClientOptions OptionsFor(int port, string host) =>
            new ClientOptions { Port = port, Host = host ?? throw new ArgumentNullException(nameof(host)) };

        private static void CheckReply(ReadOnlySpan<byte> data, ReadOnlySpan<byte> reply)
        {
            if (reply.Length != data.Length)
            {
                string text = $"The reply has room for {reply.Length} bytes; the data has {data.Length}.";
                throw new ArgumentException(text, nameof(reply));
            }
            if (data.Overlaps(reply))
            {
                throw new ArgumentException("The reply overlaps the data.", nameof(reply));
            }
        }

        private void TakeBothTurns(Patience patience)
        {
            _sending.Take(patience);
            try
            {
                _receiving.Take(patience);
            }
            catch
            {
                _sending.Pass();
                throw;
            }
        }

        private void PassBothTurns()
        {
            _receiving.Pass();
            _sending.Pass();
        }

        private IPEndPoint EndPoint(ws2echo_end end)
        {
            using var address = new ws2echo_address();
            Failure.ThrowIf(ws2echo_client_address(_handle, (uint)end, address), this);
            return Values.EndPoint(address)!;
        }

        private unsafe int SendSome(ReadOnlySpan<byte> data, uint timeoutMs, out int sent)
        {
            fixed (byte* pinned = data)
            {
                int error = ws2echo_client_send(_handle, pinned, (ulong)data.Length, timeoutMs, out ulong taken);
                sent = (int)taken;
                return error;
            }
        }

        private unsafe int ReceiveSome(Span<byte> buffer, uint timeoutMs, out int received)
        {
            byte nowhere;
            fixed (byte* pinned = buffer)
            {
                // An empty span has no address, and the library wants one.
                byte* target = pinned == null ? &nowhere : pinned;
                int error = ws2echo_client_recv(_handle, target, (ulong)buffer.Length, timeoutMs, out ulong stored);
                received = (int)stored;
                return error;
            }
        }

        private unsafe int EchoSome(
            ReadOnlySpan<byte> data, Span<byte> reply, uint timeoutMs, ws2echo_echo_progress progress)
        {
            fixed (byte* pinnedData = data)
            {
                fixed (byte* pinnedReply = reply)
                {
                    return ws2echo_client_echo(_handle, pinnedData, (ulong)data.Length, pinnedReply, timeoutMs, progress);
                }
            }
        }

        /// <param name="error">The result of the last call.</param>
        /// <param name="progress">How far it came.</param>
        /// <param name="reply">As long as what was sent; of a shorter answer over UDP, the rest of it is not filled.</param>
        /// <param name="begun">The call goes on with one that was begun before.</param>
        private void FinishEcho(int error, ws2echo_echo_progress progress, ReadOnlySpan<byte> reply, bool begun)
        {
            bool mismatch = progress.is_mismatch() != 0 && (error == 0 || progress.bytes_received > 0);
            if (error != 0 && (!mismatch || error == (int)SocketError.TimedOut))
            {
                throw Failure.Of(error, this, (long)progress.bytes_received, begun);
            }
            if (mismatch) // also if the connection ended after it: the wrong byte is what there is to tell
            {
                int back = (int)Math.Min(progress.bytes_received, (ulong)reply.Length);
                byte[] came = reply.Slice(0, back).ToArray();
                throw new EchoMismatchException((long)progress.mismatch_offset, reply.Length, came);
            }
        }
    }
}
