using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// Many connections to an echo server that send, and check and time what comes back. It runs from its construction until its
    /// limits are reached, or it is stopped or disposed, on threads of the DLL, without further calls.
    /// </summary>
    /// <remarks>
    /// What goes wrong with a connection is counted and told by <see cref="Problems"/>; it is no failure of any call. Every member
    /// may be used from any thread at any time. A failure is a <see cref="SocketException"/>, in fact a
    /// <see cref="Ws2EchoException"/>. Disposing ends what other threads wait for here, by the code
    /// <see cref="SocketError.OperationAborted"/>; what is called afterwards throws <see cref="ObjectDisposedException"/>.
    /// </remarks>
    public sealed class Load : IDisposable
    {

        private readonly LoadHandle _handle;
        private readonly string? _host;

        /// <summary>
        /// Opens a load: afterwards its connections are being begun. Blocks while the name of a host is resolved, not at all for a
        /// numeric address.
        /// </summary>
        /// <param name="options">Where to, and how much of what.</param>
        /// <exception cref="ArgumentNullException">There are no options.</exception>
        /// <exception cref="SocketException">
        /// InvalidArgument (the message names the option), OperationNotSupported when the model or protocol does not offer it,
        /// HostNotFound, NoBufferSpaceAvailable, TooManyOpenSockets.
        /// </exception>
        public Load(LoadOptions options)
        {
            _handle = (options ?? throw new ArgumentNullException(nameof(options))).Open();
            _host = options.Host;
        }

        /// <summary>A copy of the options in force: what the defaults came to, the rest as it was given.</summary>
        public LoadOptions Options
        {
            get
            {
                using var native = new ws2echo_load_options { size = ws2echo_load_options.sizeof_struct() };
                Failure.ThrowIf(ws2echo_load_options_get(_handle, native), this);
                return new LoadOptions(native, _host);
            }
        }

        /// <summary>The counters, of this moment.</summary>
        public LoadStats Stats
        {
            get
            {
                using var native = new ws2echo_load_stats { size = ws2echo_load_stats.sizeof_struct() };
                Failure.ThrowIf(ws2echo_load_stats_get(_handle, native), this);
                return new LoadStats(native);
            }
        }

        /// <summary>
        /// A copy of the times of messages: from when each was sent, or due if there is a <see cref="LoadOptions.Rate"/>, until its
        /// last byte was back. Those of the warm-up are left out.
        /// </summary>
        public Histogram Latency => HistogramOf(ws2echo_load_histogram_kind.WS2ECHO_LOAD_LATENCY);

        /// <summary>A copy of the times of connections: from begun to connected.</summary>
        public Histogram ConnectTime => HistogramOf(ws2echo_load_histogram_kind.WS2ECHO_LOAD_CONNECT);

        /// <summary>Waits until the load has finished.</summary>
        /// <param name="timeout">How long to wait; null, the default: without limit.</param>
        /// <exception cref="SocketException">TimedOut: it may be called again, to wait on.</exception>
        public void Wait(TimeSpan? timeout = null)
        {
            uint timeoutMs = Values.Milliseconds(timeout ?? Timeout.InfiniteTimeSpan, nameof(timeout));
            Failure.ThrowIf(ws2echo_load_wait(_handle, timeoutMs), this);
        }

        /// <summary>
        /// As <see cref="Wait"/>, without limit and without blocking a thread. It looks again and again, at most 32 milliseconds
        /// apart: so much later than the load may it end.
        /// </summary>
        /// <param name="cancellationToken">Ends the wait; the load goes on.</param>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        public Task WaitAsync(CancellationToken cancellationToken = default) =>
            Polling.UntilAsync(() => ws2echo_load_wait(_handle, 0), WS2ECHO_INFINITE, this, cancellationToken);

        /// <summary>
        /// Ends the load as its duration would: no message begins any more, and connections end once their answers have come;
        /// those that have not after <see cref="LoadOptions.FinishTimeout"/> are reset. <see cref="Wait"/> waits for that. On a
        /// load that has finished it does nothing. Does not block.
        /// </summary>
        public void Stop() => Failure.ThrowIf(ws2echo_load_stop(_handle), this);

        /// <summary>
        /// Takes the oldest problem, waiting for one. Each is given to one caller. Only the first 1,024 that nobody has taken yet
        /// are kept; <see cref="LoadStats.Problems"/> counts all.
        /// </summary>
        /// <param name="timeout">How long to wait; <see cref="Timeout.InfiniteTimeSpan"/> for without limit.</param>
        /// <exception cref="SocketException">
        /// TimedOut; Disconnecting when the load has finished and there is no problem.
        /// </exception>
        public LoadProblem NextProblem(TimeSpan timeout)
        {
            int error = Take(Values.Milliseconds(timeout, nameof(timeout)), out LoadProblem? taken);
            return error == 0 ? taken! : throw Failure.Of(error, this);
        }

        /// <summary>Takes the oldest problem if one is there. Does not block.</summary>
        /// <param name="taken">The problem, or null.</param>
        /// <returns>Whether there was one.</returns>
        public bool TryNextProblem([NotNullWhen(true)] out LoadProblem? taken) => TryNextProblem(TimeSpan.Zero, out taken);

        /// <summary>Takes the oldest problem, if one comes in time.</summary>
        /// <param name="timeout">How long to wait.</param>
        /// <param name="taken">The problem, or null.</param>
        /// <returns>Whether one came; false also when the load has finished and there is none.</returns>
        public bool TryNextProblem(TimeSpan timeout, [NotNullWhen(true)] out LoadProblem? taken)
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
        /// The problems that nobody has taken yet, and those that come within <paramref name="timeout"/> of the one before. Ends
        /// when that time runs out, or when the load has finished and there is none.
        /// </summary>
        /// <param name="timeout">How long to wait for each; by default not at all.</param>
        public IEnumerable<LoadProblem> Problems(TimeSpan timeout = default)
        {
            while (TryNextProblem(timeout, out LoadProblem? taken))
            {
                yield return taken;
            }
        }

        /// <summary>
        /// Resets the connections that are left. Afterwards no thread, socket, handle or memory of the load is left; every other
        /// call on it has returned. Disposing again does nothing, but returns no sooner than that is done. Blocks for the moment that
        /// this takes.
        /// </summary>
        public void Dispose() => _handle.Dispose();

        private unsafe Histogram HistogramOf(ws2echo_load_histogram_kind kind)
        {
            var histogram = new Histogram();
            int error = histogram.Fill(memory => ws2echo_load_histogram_get(_handle, (uint)kind, memory));
            return error == 0 ? histogram : throw Failure.Of(error, this);
        }

        private int Take(uint timeoutMs, out LoadProblem? taken)
        {
            using var native = new ws2echo_load_problem { size = ws2echo_load_problem.sizeof_struct() };
            int error = ws2echo_load_next_problem(_handle, timeoutMs, native);
            taken = error == 0 ? new LoadProblem(native) : null;
            return error;
        }
    }
}
