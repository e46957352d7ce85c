using System;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo
{
    /// <summary>
    /// Waits without a thread for what the library has no event for: it looks again and again. A thread of its own would wait no
    /// better, and cost its stack all the time.
    /// </summary>
    internal static class Polling
    {
        private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(32);

        /// <param name="look">A call with a time limit of 0: TimedOut until it has come to that.</param>
        /// <param name="timeoutMs">How long.</param>
        /// <param name="owner">The object whose handle the call is made with.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        internal static async Task UntilAsync(
            Func<int> look, uint timeoutMs, object owner, CancellationToken cancellationToken)
        {
            var patience = new Patience(timeoutMs);
            TimeSpan pause = TimeSpan.FromMilliseconds(1);
            for (bool begun = false; ; begun = true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                bool last = patience.IsOver;
                int error = look();
                if (error == 0)
                {
                    return;
                }
                if (error != Failure.TimedOut || last)
                {
                    throw Failure.Of(error, owner, begun: begun);
                }
                await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
                pause = pause < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }
}
