using System;
using System.Linq;

namespace Ws2Echo.Tests
{
    internal static class HistogramTests
    {
        [Test]
        public static void AnEmptyOneHasNoTimes()
        {
            var empty = new Histogram();
            Check.Equal((0L, TimeSpan.Zero, TimeSpan.Zero), (empty.Count, empty.Min, empty.Max));
            Check.Equal((TimeSpan.Zero, TimeSpan.Zero), (empty.Mean, empty.StandardDeviation));
            Check.Equal((TimeSpan.Zero, 0), (empty.Percentile(99), empty.Places.Count));
        }

        [Test]
        public static void ShortTimesAreExact()
        {
            var histogram = new Histogram();
            for (int value = 1; value <= 100; value++)
            {
                histogram.Record(Us(value));
            }
            Check.Equal((100L, Us(1), Us(100)), (histogram.Count, histogram.Min, histogram.Max));
            Check.Equal(TimeSpan.FromTicks(505), histogram.Mean, "50.5 us:");
            Check.Equal(289L, histogram.StandardDeviation.Ticks, "28.866 us:");
            foreach (int percent in new[] { 1, 50, 90, 99, 100 })
            {
                Check.Equal(Us(percent), histogram.Percentile(percent));
            }
            Check.Equal((Us(1), Us(100)), (histogram.Percentile(0), histogram.Percentile(99.5)));
            Check.Equal(100, histogram.Places.Count);
            Check.That(histogram.Places.All(place => place.Count == 1 && place.Lowest == place.Highest), "no exact places");
        }

        [Test]
        public static void OneLineTellsTheMost()
        {
            var histogram = new Histogram();
            foreach (int milliseconds in new[] { 1, 2, 3 })
            {
                histogram.Record(TimeSpan.FromMilliseconds(milliseconds));
            }
            Check.Equal("3 times, 1.000 to 3.000 ms, mean 2.000, 50% 2.007, 99% 3.000", $"{histogram}");
        }

        [Test]
        public static void LongTimesAreNeverTooShortAndHardlyTooLong()
        {
            var histogram = new Histogram();
            var random = new Random(5);
            double[] times = Enumerable.Range(0, 2000).Select(i => Math.Floor(Math.Exp(random.NextDouble() * 18))).ToArray();
            foreach (double time in times)
            {
                histogram.Record(Us((long)time));
            }
            Array.Sort(times);
            foreach (decimal percent in new[] { 5m, 25m, 50m, 75m, 95m, 99m, 99.9m })
            {
                double exact = times[(int)Math.Ceiling(percent / 100 * times.Length) - 1];
                double told = histogram.Percentile((double)percent).Ticks / 10.0;
                Check.That(told >= exact && told <= exact * (1 + 1 / 128.0), $"{percent}%: {told} for {exact}");
            }
            HistogramPlace[] places = histogram.Places.ToArray();
            Check.Equal(2000L, places.Sum(place => place.Count));
            for (int i = 0; i < places.Length; i++)
            {
                Check.That(places[i].Lowest <= places[i].Highest, $"place {i}");
                Check.That(i == 0 || places[i - 1].Highest < places[i].Lowest, $"place {i} is not after {i - 1}");
            }
            Check.That(places[0].Lowest <= histogram.Min && places[^1].Highest >= histogram.Max, "ends");
        }

        [Test]
        public static void MergingIsCountingTogether()
        {
            var first = new Histogram();
            var second = new Histogram();
            var together = new Histogram();
            for (int i = 0; i < 1000; i++)
            {
                Histogram one = i % 3 == 0 ? first : second;
                TimeSpan time = Us(i * i);
                one.Record(time, i % 5);
                together.Record(time, i % 5);
            }
            long added = second.Count;
            first.Merge(second);
            Check.Equal(added, second.Count, "the other one has changed:");
            Check.Equal((together.Count, together.Min, together.Max), (first.Count, first.Min, first.Max));
            Check.Equal((together.Mean, together.StandardDeviation), (first.Mean, first.StandardDeviation));
            Check.That(
                together.Places.Select(place => (place.Lowest, place.Highest, place.Count))
                    .SequenceEqual(first.Places.Select(place => (place.Lowest, place.Highest, place.Count))),
                "other places");
            first.Merge(first);
            Check.Equal(2 * together.Count, first.Count, "into itself:");
        }

        [Test]
        public static void TimesBeyondAllBoundsCount()
        {
            var histogram = new Histogram();
            histogram.Record(TimeSpan.FromHours(1));
            Check.Equal((TimeSpan.FromHours(1), TimeSpan.FromHours(1)), (histogram.Max, histogram.Percentile(50)));
            Check.Equal(Us(134_217_727), histogram.Places.Single().Highest);
            histogram.Record(TimeSpan.MaxValue, long.MaxValue);
            Check.That(histogram.Max > TimeSpan.FromDays(10_000_000) && histogram.Mean > TimeSpan.Zero, $"{histogram.Mean}");
            histogram.Record(TimeSpan.FromTicks(19));
            Check.Equal(Us(1), histogram.Min, "parts of a microsecond are dropped:");
        }

        [Test]
        public static void ArgumentsThatCannotBe()
        {
            var histogram = new Histogram();
            foreach (double percentile in new[] { -0.1, 100.1, double.NaN, double.PositiveInfinity })
            {
                Check.Throws<ArgumentOutOfRangeException>(() => histogram.Percentile(percentile), $"{percentile}");
            }
            Check.Throws<ArgumentOutOfRangeException>(() => histogram.Record(TimeSpan.FromTicks(-1)));
            Check.Throws<ArgumentOutOfRangeException>(() => histogram.Record(TimeSpan.Zero, -1));
            Check.Throws<ArgumentNullException>(() => histogram.Merge(null!));
            histogram.Record(TimeSpan.FromSeconds(1), 0);
            Check.Equal(0L, histogram.Count);
        }

        private static TimeSpan Us(long microseconds) => TimeSpan.FromTicks(microseconds * 10);
    }
}
