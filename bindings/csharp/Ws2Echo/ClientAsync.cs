using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <content>
    /// The calls that do not block: each asks the library to do what it can at once and, if that was not all, awaits the event by
    /// which the library says that there is more to do. No thread waits meanwhile, and no memory is pinned.
    /// </content>
    public sealed partial class Client
    {
        // No event tells that an address has had its share of the time: so the library is asked again, too.
        private const int ConnectAgainMs = 100;

        private NativeEvent? _sendReady;
        private NativeEvent? _receiveReady;

        private object? _eventsLock;

        private NativeEvent SendReady => LazyInitializer.EnsureInitialized(
            ref _sendReady, ref _eventsLock, () => OpenEvent(ws2echo_half.WS2ECHO_HALF_SEND))!;

        private NativeEvent ReceiveReady => LazyInitializer.EnsureInitialized(
            ref _receiveReady, ref _eventsLock, () => OpenEvent(ws2echo_half.WS2ECHO_HALF_RECEIVE))!;

        /// <summary>As <see cref="Client(int, string)"/>, without blocking a thread of the pool.</summary>
        /// <param name="port">1 to 65535.</param>
        /// <param name="host">A name or a numeric address.</param>
        /// <param name="cancellationToken">Gives up connecting.</param>
        /// <returns>The connected client, which the caller disposes of.</returns>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        /// <exception cref="SocketException">As of the constructor.</exception>
        public static Task<Client> ConnectAsync(
            int port, string host = "localhost", CancellationToken cancellationToken = default) =>
            ConnectAsync(OptionsFor(port, host), cancellationToken);

        /// <summary>
        /// As <see cref="Client(ClientOptions)"/>, without blocking a thread of the pool. A host name other than "localhost" is
        /// resolved on a thread of its own, which cancelling does not interrupt, but leaves to itself: the call ends at once.
        /// </summary>
        /// <param name="options">Where to, and how.</param>
        /// <param name="cancellationToken">Gives up connecting.</param>
        /// <returns>The connected client, which the caller disposes of.</returns>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        /// <exception cref="SocketException">As of the constructor.</exception>
        public static async Task<Client> ConnectAsync(ClientOptions options, CancellationToken cancellationToken = default)
        {
            if (options is null)
            {
                throw new ArgumentNullException(nameof(options));
            }
            options = options.Copy(); // they are read on another thread, when the caller may have changed them
            cancellationToken.ThrowIfCancellationRequested();
            bool resolvesAtOnce = options.Host is null || options.Host == "localhost" || IPAddress.TryParse(options.Host, out _);
            ClientHandle handle = resolvesAtOnce
                ? options.Begin()
                : await BeginOnThreadAsync(options, cancellationToken).ConfigureAwait(false);
            var client = new Client(handle, options);
            try
            {
                await client.FinishConnectAsync(options.ConnectTimeoutMs, cancellationToken).ConfigureAwait(false);
                return client;
            }
            catch
            {
                client.Dispose();
                throw;
            }
        }

        /// <summary>As <see cref="Send"/>, without blocking a thread.</summary>
        /// <param name="data">What to send; not to be changed until it is sent.</param>
        /// <param name="cancellationToken">Gives up, with an unknown part of the data sent.</param>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        /// <exception cref="SocketException">As of <see cref="Send"/>.</exception>
        public async Task SendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
        {
            var patience = new Patience(_sendTimeoutMs);
            await _sending.TakeAsync(patience, cancellationToken).ConfigureAwait(false);
            try
            {
                patience.Restart(); // as in the library: the turn came, which is progress
                var standstill = new Standstill();
                int total = 0;
                for (bool begun = false; ; begun = true)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    bool last = patience.IsOver;
                    int error = SendSome(data.Span.Slice(total), 0, out int sent);
                    total += sent;
                    if (error == 0)
                    {
                        return;
                    }
                    if (error != Failure.TimedOut || (sent == 0 && (last || standstill.IsForGood)))
                    {
                        throw Failure.Of(error, this, total, begun);
                    }
                    if (sent > 0)
                    {
                        patience.Restart();
                        standstill.Moved();
                    }
                    standstill.Waited(
                        await NativeEvent.AnyAsync(patience.RemainingMs, cancellationToken, SendReady).ConfigureAwait(false));
                }
            }
            finally
            {
                _sending.Pass();
            }
        }

        /// <summary>As <see cref="Receive"/>, without blocking a thread.</summary>
        /// <param name="buffer">Where to; at most its length is received.</param>
        /// <param name="cancellationToken">Gives up; no byte is lost by that.</param>
        /// <returns>How many bytes, as <see cref="Receive"/> tells it.</returns>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        /// <exception cref="SocketException">As of <see cref="Receive"/>.</exception>
        public async Task<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var patience = new Patience(_receiveTimeoutMs);
            await _receiving.TakeAsync(patience, cancellationToken).ConfigureAwait(false);
            try
            {
                var standstill = new Standstill();
                for (bool begun = false; ; begun = true)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    bool last = patience.IsOver;
                    int error = ReceiveSome(buffer.Span, 0, out int received);
                    if (error == 0)
                    {
                        return received;
                    }
                    if (error != Failure.TimedOut || last || standstill.IsForGood)
                    {
                        throw Failure.Of(error, this, begun: begun);
                    }
                    standstill.Waited(
                        await NativeEvent.AnyAsync(patience.RemainingMs, cancellationToken, ReceiveReady).ConfigureAwait(false));
                }
            }
            finally
            {
                _receiving.Pass();
            }
        }

        /// <summary>As <see cref="Echo(ReadOnlySpan{byte})"/>, without blocking a thread.</summary>
        /// <param name="data">What to send; not to be changed until the echo is back.</param>
        /// <param name="cancellationToken">Gives up in the middle of the echo: the connection is of no more use.</param>
        /// <returns>What came back: the same bytes.</returns>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        /// <exception cref="EchoMismatchException">Other bytes came back.</exception>
        /// <exception cref="SocketException">As of <see cref="Echo(ReadOnlySpan{byte})"/>.</exception>
        public async Task<byte[]> EchoAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
        {
            var reply = new byte[data.Length];
            await EchoAsync(data, reply, cancellationToken).ConfigureAwait(false);
            return reply;
        }

        /// <summary>As <see cref="Echo(ReadOnlySpan{byte}, Span{byte})"/>, without blocking a thread.</summary>
        /// <param name="data">What to send; not to be changed until the echo is back.</param>
        /// <param name="reply">Where what comes back is stored: as long as the data, and apart from it.</param>
        /// <param name="cancellationToken">Gives up in the middle of the echo: the connection is of no more use.</param>
        /// <exception cref="ArgumentException">The reply is not as long as the data, or overlaps it.</exception>
        /// <exception cref="OperationCanceledException">It was cancelled.</exception>
        /// <exception cref="EchoMismatchException">Other bytes came back.</exception>
        /// <exception cref="SocketException">As of <see cref="Echo(ReadOnlySpan{byte})"/>.</exception>
        public async Task EchoAsync(ReadOnlyMemory<byte> data, Memory<byte> reply, CancellationToken cancellationToken = default)
        {
            CheckReply(data.Span, reply.Span);
            await TakeBothTurnsAsync(new Patience(EchoTimeoutMs), cancellationToken).ConfigureAwait(false);
            try
            {
                await EchoInTurnAsync(data, reply, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                PassBothTurns();
            }
        }

        private static async Task<ClientHandle> BeginOnThreadAsync(ClientOptions options, CancellationToken cancellationToken)
        {
            Task<ClientHandle> begun = Task.Factory.StartNew(
                options.Begin,
                CancellationToken.None,
                TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
                TaskScheduler.Default);
            var cancelled = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            using (cancellationToken.Register(() => cancelled.TrySetResult(true)))
            {
                await Task.WhenAny(begun, cancelled.Task).ConfigureAwait(false);
            }
            if (begun.IsCompleted)
            {
                return await begun.ConfigureAwait(false);
            }
            _ = begun.ContinueWith(
                late => late.IsFaulted ? late.Exception : DisposeOf(late.Result), // an exception that is seen troubles nobody
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
            throw new OperationCanceledException(cancellationToken);
        }

        private static Exception? DisposeOf(ClientHandle handle)
        {
            handle.Dispose();
            return null;
        }

        private async Task FinishConnectAsync(uint timeoutMs, CancellationToken cancellationToken)
        {
            var patience = new Patience(timeoutMs);
            var standstill = new Standstill();
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                bool last = patience.IsOver;
                int error = ws2echo_client_connect(_handle, 0);
                if (error == 0)
                {
                    return;
                }
                if (error != Failure.TimedOut || last || standstill.IsForGood)
                {
                    throw Failure.Of(error, this);
                }
                int left = patience.RemainingMs; // or without limit, which is negative
                int waitMs = left < 0 ? ConnectAgainMs : Math.Min(left, ConnectAgainMs);
                standstill.Waited(
                    await NativeEvent.AnyAsync(waitMs, cancellationToken, SendReady).ConfigureAwait(false));
            }
        }

        private async Task TakeBothTurnsAsync(Patience patience, CancellationToken cancellationToken)
        {
            await _sending.TakeAsync(patience, cancellationToken).ConfigureAwait(false);
            try
            {
                await _receiving.TakeAsync(patience, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                _sending.Pass();
                throw;
            }
        }

        private async Task EchoInTurnAsync(ReadOnlyMemory<byte> data, Memory<byte> reply, CancellationToken cancellationToken)
        {
            using var progress = new ws2echo_echo_progress();
            var patience = new Patience(EchoTimeoutMs);
            var standstill = new Standstill();
            for (bool begun = false; ; begun = true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                bool last = patience.IsOver;
                ulong before = Steps(progress);
                int error = EchoSome(data.Span, reply.Span, 0, progress);
                bool moved = Steps(progress) > before;
                if (error != Failure.TimedOut || (!moved && (last || standstill.IsForGood)))
                {
                    FinishEcho(error, progress, reply.Span, begun);
                    return;
                }
                if (moved)
                {
                    patience.Restart();
                    standstill.Moved();
                }
                standstill.Waited(
                    await NativeEvent.AnyAsync(patience.RemainingMs, cancellationToken, ReadyForEcho(progress, data.Length))
                        .ConfigureAwait(false));
            }
        }

        /// <summary>The events of the halves that are not done: of the others the library says nothing.</summary>
        private NativeEvent[] ReadyForEcho(ws2echo_echo_progress progress, int size)
        {
            if (_datagrams)
            {
                return new[] { progress.datagram_sent != 0 ? ReceiveReady : SendReady };
            }
            bool allSent = progress.bytes_sent == (ulong)size;
            bool allBack = progress.bytes_received == (ulong)size;
            return allSent ? new[] { ReceiveReady } : allBack ? new[] { SendReady } : new[] { ReceiveReady, SendReady };
        }

        /// <summary>A number that grows with whatever was sent or came, an empty datagram included.</summary>
        private static ulong Steps(ws2echo_echo_progress progress) =>
            progress.bytes_sent + progress.bytes_received + progress.datagram_sent + progress.datagram_received;

        private NativeEvent OpenEvent(ws2echo_half half)
        {
            int error = ws2echo_client_wait_handle(_handle, (uint)half, out IntPtr handle);
            return error == 0 ? new NativeEvent(handle) : throw Failure.Of(error, this, begun: true);
        }

        private void DisposeEvents()
        {
            _sendReady?.Dispose();
            _receiveReady?.Dispose();
        }
    }
}
