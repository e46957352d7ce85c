using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    /// <summary>What a test did not find as it should be.</summary>
    internal sealed class CheckFailedException : Exception
    {
        internal CheckFailedException(string message)
            : base(message)
        {
        }
    }

    internal static class Check
    {
        internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

        internal static void That(bool condition, string what)
        {
            if (!condition)
            {
                throw new CheckFailedException(what);
            }
        }

        internal static void Equal<T>(T expected, T actual, string what = "")
        {
            That(EqualityComparer<T>.Default.Equals(expected, actual), $"{what} expected {expected}, was {actual}");
        }

        internal static void Bytes(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
        {
            Equal(expected.Length, actual.Length, "length");
            That(expected.SequenceEqual(actual), "other bytes");
        }

        /// <summary>For async methods, where spans cannot be.</summary>
        internal static void Bytes(byte[] expected, byte[] actual) => Bytes(expected.AsSpan(), actual.AsSpan());

        internal static T Throws<T>(Action action, string what = "")
            where T : Exception
        {
            try
            {
                action();
            }
            catch (T expected)
            {
                return expected;
            }
            throw new CheckFailedException($"{what} threw no {typeof(T).Name}");
        }

        internal static async Task<T> ThrowsAsync<T>(Func<Task> action, string what = "")
            where T : Exception
        {
            try
            {
                await action();
            }
            catch (T expected)
            {
                return expected;
            }
            throw new CheckFailedException($"{what} threw no {typeof(T).Name}");
        }

        internal static Ws2EchoException Fails(SocketError code, Action action) => Is(code, Throws<SocketException>(action));

        internal static async Task<Ws2EchoException> FailsAsync(SocketError code, Func<Task> action) =>
            Is(code, await ThrowsAsync<SocketException>(action));

        /// <summary>A condition that is to come true, however busy the machine is.</summary>
        internal static void Eventually(Func<bool> condition, string what)
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (!condition())
            {
                That(watch.Elapsed < Patience, $"not within {Patience}: {what}");
                Thread.Sleep(5);
            }
        }

        /// <summary>Where a stall may have made an answer late, all is done again, with a longer limit.</summary>
        internal static async Task WithMoreTime(Func<TimeSpan, Task<bool>> cameInTime)
        {
            for (int limitMs = 250; !await cameInTime(TimeSpan.FromMilliseconds(limitMs)); limitMs *= 4)
            {
                That(limitMs < 16_000, $"late even where the limit is {limitMs} ms");
            }
        }

        internal static async Task<T> InTime<T>(Task<T> task, string what)
        {
            That(await Task.WhenAny(task, Task.Delay(Patience)) == task, $"not within {Patience}: {what}");
            return await task;
        }

        private static Ws2EchoException Is(SocketError code, SocketException thrown)
        {
            Equal(code, thrown.SocketErrorCode, thrown.Message);
            Equal((int)code, thrown.NativeErrorCode);
            var failure = (Ws2EchoException)thrown;
            That(failure.Message.Contains($"({(int)code})"), $"no code in the message: {failure.Message}");
            That(failure.Message.Contains("WSA"), $"no name in the message: {failure.Message}");
            return failure;
        }
    }
}
