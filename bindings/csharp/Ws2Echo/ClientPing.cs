using System;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <content>Pinging a UDP echo server.</content>
    public sealed partial class Client
    {
        /// <summary>
        /// The library has no event for the time of the next sending, nor for an answer that is late: after so long it is asked.
        /// </summary>
        private const int LongestLookMs = 10;

        /// <summary>
        /// Sends datagrams with sequence numbers to a UDP echo server, and accounts for every answer. Lost and bad answers are no
        /// failure, and neither is a closed port: the result counts them. Blocks until each datagram was answered or is lost.
        /// </summary>
        /// <param name="options">Null: the defaults, 10 datagrams of 64 bytes, one after the other.</param>
        /// <param name="timeout">For all of it, the wait for its turn included; null, the default: without limit.</param>
        /// <returns>What came of it.</returns>
        /// <exception cref="SocketException">
        /// TimedOut; InvalidArgument (the message names the option); OperationNotSupported over TCP; Shutdown.
        /// <see cref="Ws2EchoException.Pinged"/> tells how far it came.
        /// </exception>
        public PingResult Ping(PingOptions? options = null, TimeSpan? timeout = null)
        {
            var patience = new Patience(Values.Milliseconds(timeout ?? Timeout.InfiniteTimeSpan, nameof(timeout)));
            using ws2echo_ping_options native = (options ?? new PingOptions()).ToNative();
            using var progress = new ws2echo_ping_progress();
            try
            {
                TakeBothTurns(patience);
            }
            catch (Ws2EchoException late)
            {
                throw PingFailure(late, progress);
            }
            try
            {
                int error = ws2echo_client_ping(_handle, native, patience.Remaining, progress);
                return error == 0 ? new PingResult(progress) : throw PingFailure(Failure.Of(error, this), progress);
            }
            finally
            {
                PassBothTurns();
            }
        }

        /// <summary>
        /// As <see cref="Ping"/>, without blocking a thread. The round-trip times include the moment until a thread of the pool
        /// looks.
        /// </summary>
        /// <param name="options">Null: the defaults, 10 datagrams of 64 bytes, one after the other.</param>
        /// <param name="timeout">For all of it, the wait for its turn included; null, the default: without limit.</param>
        /// <param name="cancellationToken">Gives up; answers that are still to come can be received.</param>
        /// <returns>What came of it.</returns>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        /// <exception cref="SocketException">As of <see cref="Ping"/>.</exception>
        public async Task<PingResult> PingAsync(
            PingOptions? options = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        {
            var patience = new Patience(Values.Milliseconds(timeout ?? Timeout.InfiniteTimeSpan, nameof(timeout)));
            using ws2echo_ping_options native = (options ?? new PingOptions()).ToNative();
            using var progress = new ws2echo_ping_progress();
            try
            {
                await TakeBothTurnsAsync(patience, cancellationToken).ConfigureAwait(false);
            }
            catch (Ws2EchoException late)
            {
                throw PingFailure(late, progress);
            }
            try
            {
                await PingInTurnAsync(native, progress, patience, cancellationToken).ConfigureAwait(false);
                return new PingResult(progress);
            }
            finally
            {
                PassBothTurns();
            }
        }

        private async Task PingInTurnAsync(
            ws2echo_ping_options native, ws2echo_ping_progress progress, Patience patience, CancellationToken cancellationToken)
        {
            int lookMs = native.interval_us == 0 ? LongestLookMs : Math.Clamp((int)(native.interval_us / 1000), 1, LongestLookMs);
            for (bool begun = false; ; begun = true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                bool last = patience.IsOver;
                int error = ws2echo_client_ping(_handle, native, 0, progress);
                if (error == 0)
                {
                    return;
                }
                if (error != Failure.TimedOut || last)
                {
                    throw PingFailure(Failure.Of(error, this, begun: begun), progress);
                }
                int leftMs = patience.RemainingMs;
                int pauseMs = leftMs == Timeout.Infinite ? lookMs : Math.Min(lookMs, leftMs);
                await NativeEvent.AnyAsync(pauseMs, cancellationToken, ReceiveReady).ConfigureAwait(false);
            }
        }

        private static Exception PingFailure(Exception failure, ws2echo_ping_progress progress) =>
            failure is Ws2EchoException known ? new Ws2EchoException(known, new PingResult(progress)) : failure;
    }
}
