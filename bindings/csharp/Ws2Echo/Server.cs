using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// An echo server inside this process. It serves from its construction until it is stopped or disposed, on threads of the
    /// DLL, without further calls.
    /// </summary>
    /// <remarks>
    /// Every member may be used from any thread at any time. A failure is a <see cref="SocketException"/>, in fact a
    /// <see cref="Ws2EchoException"/>. Disposing ends what other threads wait for here, by the code
    /// <see cref="SocketError.OperationAborted"/>; what is called afterwards throws <see cref="ObjectDisposedException"/>.
    /// </remarks>
    public sealed partial class Server : IDisposable
    {

        private readonly ServerHandle _handle;
        private readonly string? _host;
        private NativeEvent? _eventReady;
        private object? _eventLock;

        /// <summary>
        /// Opens a server: afterwards it listens, on every address that the options ask for and all on one port, bound
        /// exclusively. Blocks only as long as the name of a host takes to resolve.
        /// </summary>
        /// <param name="options">Null: the defaults, loopback on a free port.</param>
        /// <exception cref="SocketException">
        /// InvalidArgument (the message names the option), HostNotFound, AddressAlreadyInUse, AccessDenied, AddressNotAvailable,
        /// NoBufferSpaceAvailable, TooManyOpenSockets.
        /// </exception>
        public Server(ServerOptions? options = null)
        {
            options ??= new ServerOptions();
            _host = options.Host;
            _handle = options.Open();
        }

        /// <summary>The port that it listens, or listened, on.</summary>
        public int Port
        {
            get
            {
                Failure.ThrowIf(ws2echo_server_port(_handle, out ushort port), this);
                return port;
            }
        }

        /// <summary>The addresses that it listens on; of the loopback, IPv4 before IPv6.</summary>
        public IReadOnlyList<IPEndPoint> EndPoints
        {
            get
            {
                var endPoints = new List<IPEndPoint>();
                using var address = new ws2echo_address();
                int error;
                while ((error = ws2echo_server_address(_handle, (uint)endPoints.Count, address)) == 0)
                {
                    endPoints.Add(Values.EndPoint(address)!);
                }
                return error == Failure.InvalidArgument ? endPoints : throw Failure.Of(error, this);
            }
        }

        /// <summary>
        /// A copy of the options in force: where the system chose or rounds (port, buffers), what it chose.
        /// </summary>
        public ServerOptions Options
        {
            get
            {
                using var native = new ws2echo_server_options { size = ws2echo_server_options.sizeof_struct() };
                Failure.ThrowIf(ws2echo_server_options_get(_handle, native), this);
                return new ServerOptions(native, _host, Faults);
            }
        }

        /// <summary>The counters.</summary>
        public ServerStats Stats
        {
            get
            {
                using var native = new ws2echo_server_stats { size = ws2echo_server_stats.sizeof_struct() };
                Failure.ThrowIf(ws2echo_server_stats_get(_handle, native), this);
                return new ServerStats(native);
            }
        }

        private NativeEvent EventReady =>
            LazyInitializer.EnsureInitialized(ref _eventReady, ref _eventLock, OpenEvent)!;

        /// <summary>Takes the oldest event out of the journal, waiting for one. Each event is given to one caller.</summary>
        /// <param name="timeout">How long to wait; <see cref="Timeout.InfiniteTimeSpan"/> for without limit.</param>
        /// <exception cref="SocketException">
        /// TimedOut; Disconnecting when the server was stopped and no event will come any more.
        /// </exception>
        public ServerEvent NextEvent(TimeSpan timeout)
        {
            int error = Take(Values.Milliseconds(timeout, nameof(timeout)), out ServerEvent? taken);
            return error == 0 ? taken! : throw Failure.Of(error, this);
        }

        /// <summary>Takes the oldest event out of the journal if one is there. Does not block.</summary>
        /// <param name="taken">The event, or null.</param>
        /// <returns>Whether there was one.</returns>
        public bool TryNextEvent([NotNullWhen(true)] out ServerEvent? taken) => TryNextEvent(TimeSpan.Zero, out taken);

        /// <summary>Takes the oldest event out of the journal, if one comes in time.</summary>
        /// <param name="timeout">How long to wait.</param>
        /// <param name="taken">The event, or null.</param>
        /// <returns>Whether one came; false also when the server was stopped and no event will come any more.</returns>
        public bool TryNextEvent(TimeSpan timeout, [NotNullWhen(true)] out ServerEvent? taken)
        {
            int error = Take(Values.Milliseconds(timeout, nameof(timeout)), out taken);
            return error switch
            {
                0 => true,
                Failure.TimedOut => false,
                Failure.Stopped => false,
                _ => throw Failure.Of(error, this),
            };
        }

        /// <summary>
        /// The events that are in the journal or come within <paramref name="timeout"/> of the one before. Ends when that time
        /// runs out, or when the server was stopped and no event will come any more.
        /// </summary>
        /// <param name="timeout">How long to wait for each; by default not at all.</param>
        public IEnumerable<ServerEvent> Events(TimeSpan timeout = default)
        {
            while (TryNextEvent(timeout, out ServerEvent? taken))
            {
                yield return taken;
            }
        }

        /// <summary>Takes the oldest event out of the journal, waiting for one without blocking a thread.</summary>
        /// <param name="cancellationToken">Ends the wait; no event is lost by that.</param>
        /// <exception cref="SocketException">
        /// Disconnecting when the server was stopped and no event will come any more.
        /// </exception>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        public async Task<ServerEvent> NextEventAsync(CancellationToken cancellationToken = default)
        {
            for (bool begun = false; ; begun = true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                int error = Take(0, out ServerEvent? taken);
                if (error == 0)
                {
                    return taken!;
                }
                if (error != Failure.TimedOut)
                {
                    throw Failure.Of(error, this, begun: begun);
                }
                await NativeEvent.AnyAsync(Timeout.Infinite, cancellationToken, EventReady).ConfigureAwait(false);
            }
        }

        /// <summary>
        /// The events, as they come, without blocking a thread. Ends when the server was stopped and the journal is empty, or
        /// when the server is disposed.
        /// </summary>
        /// <param name="cancellationToken">Ends the wait by <see cref="OperationCanceledException"/>.</param>
        public async IAsyncEnumerable<ServerEvent> EventsAsync(
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            while (true)
            {
                ServerEvent next;
                try
                {
                    next = await NextEventAsync(cancellationToken).ConfigureAwait(false);
                }
                catch (Exception end) when (IsEndOfEvents(end))
                {
                    yield break;
                }
                yield return next;
            }
        }

        /// <summary>
        /// Stops accepting, for good, then waits for the connections to end by themselves, served to their last byte. Afterwards
        /// the port is free and no connection is left. A peer that has just connected may not have been accepted yet; then it is cut
        /// off, and counted nowhere: <see cref="WaitFor"/> with <see cref="Until.Accepted"/> waits for it.
        /// </summary>
        /// <param name="timeout">How long to wait.</param>
        /// <exception cref="SocketException">TimedOut: it may be called again, to wait on.</exception>
        public void Drain(TimeSpan timeout) =>
            Failure.ThrowIf(ws2echo_server_drain(_handle, Values.Milliseconds(timeout, nameof(timeout))), this);

        /// <summary>As <see cref="Drain"/>, without blocking a thread.</summary>
        /// <param name="timeout">How long to wait.</param>
        /// <param name="cancellationToken">Ends the wait; the server does not accept again.</param>
        /// <exception cref="SocketException">TimedOut: it may be called again, to wait on.</exception>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        public Task DrainAsync(TimeSpan timeout, CancellationToken cancellationToken = default)
        {
            uint timeoutMs = Values.Milliseconds(timeout, nameof(timeout));
            return Polling.UntilAsync(() => ws2echo_server_drain(_handle, 0), timeoutMs, this, cancellationToken);
        }

        /// <summary>
        /// Drains, then resets what is left. Afterwards the port is free and no connection or thread of the server is left; port,
        /// stats and the events that happened can still be read. Stopping a stopped server does nothing.
        /// </summary>
        /// <param name="drainTimeout">How long to drain; by default not at all.</param>
        /// <returns>How many connections were reset.</returns>
        public int Stop(TimeSpan drainTimeout = default)
        {
            uint timeoutMs = Values.Milliseconds(drainTimeout, nameof(drainTimeout));
            Failure.ThrowIf(ws2echo_server_stop(_handle, timeoutMs, out uint reset), this);
            return (int)reset;
        }

        /// <summary>As <see cref="Stop"/>, without blocking a thread while draining.</summary>
        /// <param name="drainTimeout">How long to drain; by default not at all.</param>
        /// <param name="cancellationToken">Ends the draining; the server does not accept again, but is not stopped.</param>
        /// <returns>How many connections were reset.</returns>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        public async Task<int> StopAsync(TimeSpan drainTimeout = default, CancellationToken cancellationToken = default)
        {
            try
            {
                await DrainAsync(drainTimeout, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException timeout) when (timeout.SocketErrorCode == SocketError.TimedOut)
            {
                // What is left is reset by stopping.
            }
            return Stop();
        }

        /// <summary>
        /// Stops the server without draining. Afterwards the port is free, and no thread, socket, handle or memory of it is left;
        /// every other call on it has returned. Disposing again does nothing, but returns no sooner than that is done. Blocks for the
        /// moment that this takes.
        /// </summary>
        public void Dispose()
        {
            _handle.Dispose();
            _eventReady?.Dispose();
        }

        private NativeEvent OpenEvent()
        {
            int error = ws2echo_server_wait_handle(_handle, out IntPtr handle);
            return error == 0 ? new NativeEvent(handle) : throw Failure.Of(error, this, begun: true);
        }

        private int Take(uint timeoutMs, out ServerEvent? taken)
        {
            using var native = new ws2echo_event { size = ws2echo_event.sizeof_struct() };
            int error = ws2echo_server_next_event(_handle, timeoutMs, native);
            taken = error == 0 ? new ServerEvent(native) : null;
            return error;
        }

        private static bool IsEndOfEvents(Exception end) => end switch
        {
            ObjectDisposedException _ => true,
            SocketException failure => Failure.IsEndOfEvents(failure.ErrorCode),
            _ => false,
        };
    }
}
