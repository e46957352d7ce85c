using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>
    /// How often which time was met: whole microseconds, in places of which each is less than 1/128 as wide as its times are
    /// long. The layout is that of HdrHistogram for up to 100 seconds and two significant digits.
    /// </summary>
    /// <remarks>
    /// What is longer than 134 seconds counts in the last place; <see cref="Max"/> and <see cref="Mean"/> are exact all the same.
    /// While <see cref="Record"/> or <see cref="Merge"/> changes a histogram, no other thread may use it; otherwise any number may.
    /// </remarks>
    public sealed class Histogram
    {
        private HistogramMemory _memory;

        /// <summary>An empty one.</summary>
        public unsafe Histogram()
        {
            fixed (HistogramMemory* memory = &_memory)
            {
                Failure.ThrowIf(ws2echo_histogram_init(memory));
            }
        }

        internal unsafe delegate int Filling(HistogramMemory* memory);

        private unsafe delegate int Question(HistogramMemory* memory, out double answer);

        /// <summary>How many times were counted.</summary>
        public long Count => (long)_memory.Count;

        /// <summary>The shortest, exact; zero when there is none.</summary>
        public TimeSpan Min => Values.Microseconds(_memory.MinUs);

        /// <summary>The longest, exact; zero when there is none.</summary>
        public TimeSpan Max => Values.Microseconds(_memory.MaxUs);

        /// <summary>Their mean, from their exact sum; zero when there is none.</summary>
        public unsafe TimeSpan Mean => Ask(ws2echo_histogram_mean);

        /// <summary>
        /// Their standard deviation, each taken for the middle of its place; zero when there is none.
        /// </summary>
        public unsafe TimeSpan StandardDeviation => Ask(ws2echo_histogram_deviation);

        /// <summary>A copy of the places in which something was counted, from the shortest times to the longest.</summary>
        public unsafe IReadOnlyList<HistogramPlace> Places
        {
            get
            {
                var places = new List<HistogramPlace>();
                for (uint index = 0; index < WS2ECHO_HISTOGRAM_COUNTS; index++)
                {
                    ulong count = _memory.Counts[index];
                    if (count > 0)
                    {
                        Failure.ThrowIf(ws2echo_histogram_bounds(index, out ulong lowestUs, out ulong highestUs));
                        places.Add(new HistogramPlace(lowestUs, highestUs, count));
                    }
                }
                return places;
            }
        }

        /// <summary>
        /// The time that so many percent of the times do not exceed: never too short, and too long by less than 1/128. 0 percent
        /// is <see cref="Min"/>, 100 percent <see cref="Max"/>. Zero when there is none.
        /// </summary>
        /// <param name="percentile">0 to 100.</param>
        /// <exception cref="ArgumentOutOfRangeException">It is not from 0 to 100.</exception>
        public unsafe TimeSpan Percentile(double percentile)
        {
            fixed (HistogramMemory* memory = &_memory)
            {
                int error = ws2echo_histogram_percentile(memory, percentile, out ulong valueUs);
                if (error == Failure.InvalidArgument)
                {
                    throw new ArgumentOutOfRangeException(nameof(percentile), percentile, "A percentile is from 0 to 100.");
                }
                Failure.ThrowIf(error);
                return Values.Microseconds(valueUs);
            }
        }

        /// <summary>Counts a time.</summary>
        /// <param name="value">Which; parts of a microsecond are dropped.</param>
        /// <param name="count">How often; 0 changes nothing.</param>
        /// <exception cref="ArgumentOutOfRangeException">Something is negative.</exception>
        public unsafe void Record(TimeSpan value, long count = 1)
        {
            ulong valueUs = Values.WholeMicroseconds(value, nameof(value));
            Values.NotNegative(count, nameof(count), "A count");
            fixed (HistogramMemory* memory = &_memory)
            {
                Failure.ThrowIf(ws2echo_histogram_record(memory, valueUs, (ulong)count));
            }
        }

        /// <summary>Adds everything that another one has counted, as if it had been counted here.</summary>
        /// <param name="from">Which; it stays as it is.</param>
        /// <exception cref="ArgumentNullException">There is none.</exception>
        public unsafe void Merge(Histogram from)
        {
            if (from is null)
            {
                throw new ArgumentNullException(nameof(from));
            }
            fixed (HistogramMemory* memory = &_memory)
            {
                fixed (HistogramMemory* source = &from._memory)
                {
                    Failure.ThrowIf(ws2echo_histogram_merge(memory, source));
                }
            }
        }

        /// <summary>One line, for a log.</summary>
        public override string ToString() => FormattableString.Invariant(
            $"{Count} times, {Ms(Min)} to {Ms(Max)} ms, mean {Ms(Mean)}, 50% {Ms(Percentile(50))}, 99% {Ms(Percentile(99))}");

        /// <summary>Has the library fill it.</summary>
        internal unsafe int Fill(Filling fill)
        {
            fixed (HistogramMemory* memory = &_memory)
            {
                return fill(memory);
            }
        }

        private static string Ms(TimeSpan time) => FormattableString.Invariant($"{time.TotalMilliseconds:F3}");

        private unsafe TimeSpan Ask(Question ask)
        {
            fixed (HistogramMemory* memory = &_memory)
            {
                Failure.ThrowIf(ask(memory, out double microseconds));
                return Values.Microseconds(microseconds);
            }
        }
    }

    /// <summary>A place of a <see cref="Histogram"/>: the times that it does not tell apart.</summary>
    public sealed class HistogramPlace
    {
        internal HistogramPlace(ulong lowestUs, ulong highestUs, ulong count)
        {
            Lowest = Values.Microseconds(lowestUs);
            Highest = Values.Microseconds(highestUs);
            Count = (long)count;
        }

        /// <summary>The shortest time that counts here.</summary>
        public TimeSpan Lowest { get; }

        /// <summary>The longest, in whole microseconds; of the last place, longer ones count here, too.</summary>
        public TimeSpan Highest { get; }

        /// <summary>How many were counted.</summary>
        public long Count { get; }
    }

    /// <summary>
    /// The struct ws2echo_histogram, field by field: the one struct that is memory of .NET, since no other is so large. The library
    /// checks its size at every call.
    /// </summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct HistogramMemory
    {
        internal uint Size;
        internal uint Reserved;
        internal ulong Count;
        internal ulong MinUs;
        internal ulong MaxUs;
        internal ulong SumUs;
        internal fixed ulong Counts[WS2ECHO_HISTOGRAM_COUNTS];
    }
}
