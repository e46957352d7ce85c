using System;
using System.Threading;
using System.Threading.Tasks;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// One call at a time uses a half, the blocking and the async ones alike: an async call comes to the library in pieces,
    /// between which another must not squeeze in.
    /// </summary>
    internal sealed class Turn
    {
        private readonly SemaphoreSlim _free = new SemaphoreSlim(1);
        private readonly string _what;

        internal Turn(string what) => _what = what;

        internal void Take(uint timeoutMs) => Check(_free.Wait(Limit(timeoutMs)));

        internal async Task TakeAsync(uint timeoutMs, CancellationToken cancellationToken) =>
            Check(await _free.WaitAsync(Limit(timeoutMs), cancellationToken).ConfigureAwait(false));

        internal void Pass() => _free.Release();

        private static int Limit(uint timeoutMs) =>
            timeoutMs == WS2ECHO_INFINITE ? Timeout.Infinite : (int)Math.Min(timeoutMs, int.MaxValue);

        private void Check(bool taken)
        {
            if (!taken)
            {
                string name = ws2echo_error_name(Failure.TimedOut);
                string message = $"{_what}: {name} ({Failure.TimedOut}): another call on this client has not finished.";
                throw new Ws2EchoException(Failure.TimedOut, message, 0);
            }
        }
    }
}
