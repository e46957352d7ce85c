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

        internal void Take(Patience patience) => Check(_free.Wait(patience.RemainingMs));

        internal async Task TakeAsync(Patience patience, CancellationToken cancellationToken) =>
            Check(await _free.WaitAsync(patience.RemainingMs, cancellationToken).ConfigureAwait(false));

        internal void Pass() => _free.Release();

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
