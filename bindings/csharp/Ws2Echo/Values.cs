using System;
using System.Diagnostics;
using System.Net;
using System.Runtime.CompilerServices;
using System.Threading;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>Values as .NET has them, and as the library does.</summary>
    internal static class Values
    {
        private const long TicksPerMicrosecond = TimeSpan.TicksPerMillisecond / 1000;

        /// <summary>A timeout in milliseconds, rounded up: a wait is never shorter than asked for.</summary>
        internal static uint Milliseconds(TimeSpan timeout, string name)
        {
            if (timeout == Timeout.InfiniteTimeSpan)
            {
                return WS2ECHO_INFINITE;
            }
            double milliseconds = Math.Ceiling(timeout.TotalMilliseconds);
            if (timeout < TimeSpan.Zero || milliseconds >= WS2ECHO_TIMEOUT_OF_OPTIONS)
            {
                throw new ArgumentOutOfRangeException(
                    name, timeout, "A timeout is Timeout.InfiniteTimeSpan, or from zero to 49 days.");
            }
            return (uint)milliseconds;
        }

        /// <summary>A delay in milliseconds, rounded up: as a timeout, but not without end.</summary>
        internal static uint Delay(TimeSpan delay, string name) =>
            delay != Timeout.InfiniteTimeSpan
                ? Milliseconds(delay, name)
                : throw new ArgumentOutOfRangeException(name, delay, "A delay is from zero to 49 days.");

        /// <summary>A delay as Thread.Sleep takes it: milliseconds, rounded up. One without end is negative.</summary>
        internal static int Pause(TimeSpan pause, string name)
        {
            double milliseconds = Math.Ceiling(pause.TotalMilliseconds);
            return pause >= TimeSpan.Zero && milliseconds <= int.MaxValue
                ? (int)milliseconds
                : throw new ArgumentOutOfRangeException(name, pause, "A pause is from zero to 24 days.");
        }

        internal static TimeSpan Time(uint milliseconds) =>
            milliseconds == WS2ECHO_INFINITE ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(milliseconds);

        /// <summary>An interval in microseconds, rounded up.</summary>
        internal static uint Microseconds(TimeSpan interval, string name)
        {
            if (interval < TimeSpan.Zero || interval.Ticks > uint.MaxValue * TicksPerMicrosecond)
            {
                throw new ArgumentOutOfRangeException(name, interval, "An interval is from zero to 71 minutes.");
            }
            return (uint)((interval.Ticks + TicksPerMicrosecond - 1) / TicksPerMicrosecond);
        }

        /// <summary>A time in microseconds, rounded down.</summary>
        internal static ulong WholeMicroseconds(TimeSpan time, string name) =>
            time >= TimeSpan.Zero
                ? (ulong)(time.Ticks / TicksPerMicrosecond)
                : throw new ArgumentOutOfRangeException(name, time, "A time cannot be negative.");

        /// <summary>As much of it as a TimeSpan holds.</summary>
        internal static TimeSpan Microseconds(ulong microseconds) =>
            TimeSpan.FromTicks((long)Math.Min(microseconds, (ulong)(long.MaxValue / TicksPerMicrosecond)) * TicksPerMicrosecond);

        /// <summary>As above; a fraction to the nearest tick.</summary>
        internal static TimeSpan Microseconds(double microseconds) =>
            microseconds < long.MaxValue / TicksPerMicrosecond
                ? TimeSpan.FromTicks((long)Math.Round(microseconds * TicksPerMicrosecond))
                : TimeSpan.MaxValue;

        /// <summary>A number that the library takes as unsigned; its own limits are the library's to check.</summary>
        internal static int NotNegative(int value, string name, [CallerMemberName] string option = "") =>
            value >= 0 ? value : throw new ArgumentOutOfRangeException(name, value, $"{option} cannot be negative.");

        /// <summary>As above.</summary>
        internal static long NotNegative(long value, string name, [CallerMemberName] string option = "") =>
            value >= 0 ? value : throw new ArgumentOutOfRangeException(name, value, $"{option} cannot be negative.");

        internal static string? Host(string? host, string name) =>
            host is null || host.IndexOf('\0', StringComparison.Ordinal) < 0
                ? host
                : throw new ArgumentException("A host name has no NUL character.", name);

        internal static IPEndPoint? EndPoint(ws2echo_address address) =>
            address.family == 0 ? null : new IPEndPoint(IPAddress.Parse(address.host), (int)address.port);
    }

    /// <summary>Time without progress, against a limit.</summary>
    internal sealed class Patience
    {
        private readonly uint _limitMs;
        private Stopwatch _sinceProgress = Stopwatch.StartNew();

        internal Patience(uint limitMs) => _limitMs = limitMs;

        internal bool IsOver => _limitMs != WS2ECHO_INFINITE && _sinceProgress.ElapsedMilliseconds >= _limitMs;

        /// <summary>As the library takes it: milliseconds, or without limit.</summary>
        internal uint Remaining =>
            _limitMs == WS2ECHO_INFINITE
                ? WS2ECHO_INFINITE
                : (uint)Math.Max(_limitMs - _sinceProgress.ElapsedMilliseconds, 0);

        /// <summary>As the waits of .NET take it: at most what an int holds, or without limit.</summary>
        internal int RemainingMs =>
            _limitMs == WS2ECHO_INFINITE
                ? Timeout.Infinite
                : (int)Math.Clamp(_limitMs - _sinceProgress.ElapsedMilliseconds, 0, int.MaxValue);

        internal void Restart() => _sinceProgress = Stopwatch.StartNew();
    }

    /// <summary>
    /// Tells whose a TimedOut of a call with a time limit of 0 is. When the library says by it "not yet", the events of the
    /// client are not signalled. When it is what the system said of the connection, which has the same code and is for good,
    /// one stays signalled: to wait for it would be to ask again for ever.
    /// </summary>
    internal sealed class Standstill
    {
        // An event may be signalled between the call and the look at it; but not every time, with nothing to show for it.
        private const int Most = 16;

        private int _inRow;

        internal bool IsForGood => _inRow >= Most;

        /// <param name="signalledAtOnce">What the wait after the call said.</param>
        internal void Waited(bool signalledAtOnce) => _inRow = signalledAtOnce ? _inRow + 1 : 0;

        internal void Moved() => _inRow = 0;
    }
}
