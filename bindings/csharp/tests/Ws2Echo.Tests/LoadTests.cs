using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    internal static class LoadTests
    {
        private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(60);

        [Test]
        public static void EveryModelLoadsAServer()
        {
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                using var server = new Server(new ServerOptions { Model = model.Model });
                LoadOptions options = To(server.Port);
                options.Model = model.Model;
                options.Connections = 5;
                options.Messages = 203;
                using var load = new Load(options);
                load.Wait(Check.Patience);
                LoadStats stats = EndedWell(load, model.Name);
                Check.Equal((5L, 5L, 5L), (stats.ConnectionsBegun, stats.ConnectionsConnected, stats.ConnectionsFinished));
                Check.Equal((203L, 203L * 64, 203L * 64), (stats.Messages, stats.BytesSent, stats.BytesReceived), model.Name);
                Check.Equal((203L, 5L), (load.Latency.Count, load.ConnectTime.Count), model.Name);
                Check.That(load.Latency.Max <= stats.Elapsed, $"{load.Latency.Max} of {stats.Elapsed}");
                Check.Equal((5L, 203L * 64), (server.Stats.ConnectionsAccepted, server.Stats.BytesReceived), model.Name);
                string told = $"203 messages, 5 of 5 connections finished, 0 problems, 0 datagrams lost, ";
                Check.That(stats.ToString().StartsWith(told, StringComparison.Ordinal), $"{stats}");
            }
        }

        [Test]
        public static void EveryModelLoadsAServerOverUdp()
        {
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                using var server = new Server(new ServerOptions { Model = model.Model, Protocol = Protocol.Udp });
                LoadOptions options = To(server.Port);
                options.Model = model.Model;
                options.Protocol = Protocol.Udp;
                options.Connections = 3;
                options.Depth = 2;
                options.Messages = 100;
                options.ReplyTimeout = Check.Patience;
                using var load = new Load(options);
                load.Wait(Check.Patience);
                LoadStats stats = EndedWell(load, model.Name);
                Check.Equal((100L, 3L, 100L * 64), (stats.Messages, stats.ConnectionsFinished, stats.BytesReceived), model.Name);
                Check.Equal((0L, 0L, 0L), (stats.DatagramsLost, stats.DatagramsLate, stats.DatagramsDuplicated), model.Name);
                Check.Equal((0L, 0L, 0L), (stats.DatagramsReordered, stats.DatagramsCorrupt, stats.DatagramsForeign), model.Name);
                Check.Equal(0L, stats.DatagramsUnreachable, model.Name);
                Check.Equal((100L, 100L), (load.Latency.Count, server.Stats.DatagramsReceived), model.Name);
            }
        }

        [Test]
        public static void DatagramsWithoutAnswerAreLost()
        {
            using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            LoadOptions options = To(((IPEndPoint)silent.LocalEndPoint!).Port);
            options.Protocol = Protocol.Udp;
            options.Messages = 3;
            options.ReplyTimeout = Short;
            using var load = new Load(options);
            load.Wait(Check.Patience);
            LoadStats stats = load.Stats;
            Check.Equal((3L, 0L, 0L), (stats.DatagramsLost, stats.Messages, stats.ConnectionsConnected));
            Check.Equal((0L, TimeSpan.Zero), (load.Latency.Count, load.Latency.Percentile(50)));
            Check.Equal(LoadProblemKind.Unconnected, load.Problems().Single().Kind, "nothing was answered:");
        }

        [Test]
        public static void ACorruptDatagramIsToldWithoutAByte()
        {
            using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            peer.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            LoadOptions options = To(((IPEndPoint)peer.LocalEndPoint!).Port);
            options.Protocol = Protocol.Udp;
            options.Messages = 1;
            options.ReplyTimeout = Short;
            using var load = new Load(options);
            var datagram = new byte[2048];
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            int size = peer.ReceiveFrom(datagram, ref from);
            datagram[size - 1] ^= 1;
            peer.SendTo(datagram, size, SocketFlags.None, from);
            load.Wait(Check.Patience);
            LoadProblem corrupt = load.Problems().First();
            Check.Equal(LoadProblemKind.Corrupt, corrupt.Kind);
            string told = $"connection 0: Corrupt at offset {corrupt.Offset}: a datagram that is not as it was sent";
            Check.Equal(told, $"{corrupt}");
        }

        [Test]
        public static void StreamsAndSizes()
        {
            using var server = new Server(new ServerOptions { Model = Model.Iocp });
            LoadOptions options = To(server.Port);
            options.Pattern = LoadPattern.Stream;
            options.MessageBytes = new[] { 1, 100_000 };
            options.SizesRange = true;
            options.Connections = 2;
            options.Bytes = 3_000_000;
            using var stream = new Load(options);
            stream.Wait(Check.Patience);
            LoadStats stats = EndedWell(stream, "stream");
            Check.That(stats.BytesSent >= 1 && stats.BytesSent == stats.BytesReceived, $"{stats.BytesSent} {stats.BytesReceived}");
            Check.Equal(1024 * 1024, stream.Options.WindowBytes);

            options = To(server.Port);
            options.MessageBytes = new[] { 10, 30 };
            options.Messages = 100;
            using var list = new Load(options);
            list.Wait(Check.Patience);
            long bytes = EndedWell(list, "list").BytesSent;
            Check.That(bytes > 1000 && bytes < 3000 && bytes % 20 == 0, $"{bytes} bytes in messages of 10 and 30");
        }

        [Test]
        public static void ConnectionsTakeTurns()
        {
            using var server = new Server();
            LoadOptions options = To(server.Port);
            options.Connections = 2;
            options.MessagesPerConnection = 10;
            options.Messages = 100;
            options.Reset = true;
            using var load = new Load(options);
            load.Wait(Check.Patience);
            LoadStats stats = EndedWell(load, "churn");
            Check.Equal((10L, 10L, 100L), (stats.ConnectionsBegun, stats.ConnectionsFinished, stats.Messages));
            Check.Equal(10L, load.ConnectTime.Count);
        }

        [Test]
        public static async Task DurationEndsALoadAndWarmUpIsLeftOut()
        {
            using var server = new Server();
            LoadOptions options = To(server.Port);
            options.Duration = TimeSpan.FromMilliseconds(200);
            options.WarmUp = TimeSpan.FromMinutes(10);
            options.Rate = 1000;
            options.Burst = 2;
            using var load = new Load(options);
            await Check.InTime(Done(load.WaitAsync()), "the end of the load");
            LoadStats stats = EndedWell(load, "duration");
            Check.That(stats.Elapsed >= options.Duration, $"{stats.Elapsed}");
            Check.Equal(0L, load.Latency.Count, "messages of the warm-up were measured:");
            Check.Equal(stats.Elapsed, load.Stats.Elapsed, "it does not stand still:");
            await load.WaitAsync();
            load.Wait(TimeSpan.Zero);
        }

        [Test]
        public static async Task WhatWasTimedIsAPartOfTheMessages()
        {
            using var server = new Server();
            await Check.WithMoreTime(limit =>
            {
                LoadOptions options = To(server.Port);
                options.Messages = 10;
                options.Rate = Math.Max(1, (long)(10 / limit.TotalSeconds));
                using var load = new Load(options);
                load.Wait(Check.Patience);
                LoadStats stats = EndedWell(load, "rate");
                Check.Equal((10L, 0L), (stats.Messages, stats.MessagesOwed), "all began:");
                Check.That(stats.MessagesTimed <= stats.Messages, $"{stats.MessagesTimed} were timed");
                Check.That(stats.TimerLateMax <= stats.TimerLate, $"{stats.TimerLateMax} of {stats.TimerLate}");
                TimeSpan most = stats.TimerLateMax * stats.MessagesTimed;
                Check.That(stats.TimerLate <= most, $"{stats.TimerLate} of {stats.MessagesTimed} times {stats.TimerLateMax}");
                Check.That(stats.Active > TimeSpan.Zero && stats.Active <= stats.Elapsed, $"{stats.Active} of {stats.Elapsed}");
                // After a stall, every message may have waited for the answer to the one before.
                return Task.FromResult(stats.MessagesTimed > 0 && stats.TimerLate > TimeSpan.Zero);
            });
        }

        [Test]
        public static async Task WhatIsDueAndDoesNotBeginIsOwed()
        {
            using var server = new Server(new ServerOptions { Faults = { "stall" } });
            await Check.WithMoreTime(limit => Task.FromResult(OwesMessages(server.Port, limit))).ConfigureAwait(false);
        }

        // False if it was not connected in time to begin with one.
        private static bool OwesMessages(int port, TimeSpan duration)
        {
            LoadOptions options = To(port);
            options.Duration = duration;
            options.FinishTimeout = TimeSpan.FromMilliseconds(300);
            options.Rate = 1000;
            using var load = new Load(options);
            load.Wait(Check.Patience);
            LoadStats stats = load.Stats;
            if (stats.Problems[LoadProblemKind.Broken] == 0)
            {
                return false;
            }

            Check.Equal((0L, 1L), (stats.Messages, stats.Problems[LoadProblemKind.Broken]), "the first message waits:");
            double due = options.Rate * duration.TotalSeconds;
            Check.That(stats.MessagesOwed > 0 && stats.MessagesOwed <= due, $"{stats.MessagesOwed} are owed of {due}");
            Check.That(stats.Active < stats.Elapsed, $"waiting counts: {stats.Active} of {stats.Elapsed}");
            return true;
        }

        [Test]
        public static async Task StoppingEndsALoad()
        {
            foreach (bool async in new[] { false, true })
            {
                using var server = new Server();
                LoadOptions options = To(server.Port);
                options.Connections = 3;
                using var load = new Load(options);
                Check.Eventually(
                    () => load.Stats.ConnectionsConnected == 3 && load.Stats.Messages >= 10, "messages are answered");
                Check.Fails(SocketError.TimedOut, () => load.Wait(TimeSpan.Zero));
                Check.Fails(SocketError.TimedOut, () => load.NextProblem(Short));
                Task waiting =
                    async ? load.WaitAsync() : Task.Factory.StartNew(() => load.Wait(), TaskCreationOptions.LongRunning);
                Check.That(!waiting.IsCompleted, "it ended by itself");
                load.Stop();
                await Check.InTime(Done(waiting), "the end of the load");
                LoadStats stats = EndedWell(load, "stop");
                Check.Equal((3L, stats.BytesSent), (stats.ConnectionsFinished, stats.BytesReceived));
                Check.Equal(stats.Messages, load.Latency.Count);
                load.Stop();
                Check.Equal(3L, load.Stats.ConnectionsFinished);
            }
        }

        [Test]
        public static async Task CancellingEndsTheWaitOnly()
        {
            using var server = new Server();
            using var load = new Load(To(server.Port));
            using var cancellation = new CancellationTokenSource(Short);
            await Check.ThrowsAsync<OperationCanceledException>(() => load.WaitAsync(cancellation.Token));
            long before = load.Stats.Messages;
            Check.Eventually(() => load.Stats.Messages > before, "the load goes on");
        }

        [Test]
        public static void WhatAPeerDoesWrongIsTold()
        {
            const int Size = 4096;
            LoadProblem corrupt = ProblemOf(Size, 1, (stream, came) =>
            {
                came[1234] ^= 0x55;
                stream.Write(came);
            });
            Check.Equal((LoadProblemKind.Corrupt, 1234L), (corrupt.Kind, corrupt.Offset));
            Check.Equal(0x55, (byte)corrupt.Expected! ^ (byte)corrupt.Actual!);
            Check.Equal((null, null), (corrupt.FoundConnection, corrupt.FoundOffset));
            Check.Equal(
                $"connection 0: Corrupt at offset 1234: 0x{corrupt.Actual:x2} instead of 0x{corrupt.Expected:x2}", $"{corrupt}");

            LoadProblem missing = ProblemOf(Size, 1, (stream, came) =>
            {
                stream.Write(came, 0, 1000);
                stream.Write(came, 2000, Size - 2000);
            });
            Check.Equal((LoadProblemKind.Missing, 1000L), (missing.Kind, missing.Offset));
            Check.Equal((0L, 2000L), (missing.FoundConnection!.Value, missing.FoundOffset!.Value));

            LoadProblem repeated = ProblemOf(Size, 1, (stream, came) =>
            {
                stream.Write(came, 0, 2000);
                stream.Write(came, 1000, Size - 1000);
            });
            Check.Equal((LoadProblemKind.Repeated, 2000L), (repeated.Kind, repeated.Offset));
            Check.Equal("connection 0: Repeated at offset 2000: what came belongs to offset 1000", $"{repeated}");

            LoadProblem excess = ProblemOf(Size, 1, (stream, came) =>
            {
                stream.Write(came);
                stream.Write(came, 0, 3);
            });
            Check.Equal((LoadProblemKind.Excess, (long)Size), (excess.Kind, excess.Offset));
            Check.Equal((null, null), (excess.Expected, excess.Actual));

            LoadProblem early = ProblemOf(Size, 1, (stream, came) => stream.Write(came, 0, 96));
            Check.Equal((LoadProblemKind.EarlyEnd, 96L, 4000L), (early.Kind, early.Offset, early.Missing));
            Check.Equal("connection 0: EarlyEnd at offset 96: 4000 bytes did not come", $"{early}");
        }

        [Test]
        public static void ABrokenConnectionIsAProblem()
        {
            using var listener = new Peers.Listener(socket =>
            {
                socket.Receive(new byte[1]);
                socket.LingerState = new LingerOption(true, 0);
            });
            LoadOptions options = To(listener.Port);
            options.Messages = 1;
            using var load = new Load(options);
            LoadProblem broken = load.NextProblem(Check.Patience);
            Check.Equal((LoadProblemKind.Broken, 0L), (broken.Kind, broken.Offset));
            Check.That(
                broken.Error == SocketError.ConnectionReset || broken.Error == SocketError.ConnectionAborted, $"{broken.Error}");
            Check.That($"{broken}".StartsWith("connection 0: Broken: WSAECONN", StringComparison.Ordinal), $"{broken}");
            load.Wait(Check.Patience);
            Check.Equal((1L, 0L), (load.Stats.Problems[LoadProblemKind.Broken], load.Stats.ConnectionsFinished));
        }

        [Test]
        public static void WhoDoesNotAnswerRunsIntoTheTimeLimit()
        {
            using var never = new ManualResetEventSlim();
            using var listener = new Peers.Listener(socket => never.Wait());
            LoadOptions options = To(listener.Port);
            options.Messages = 1;
            options.ReplyTimeout = Short;
            using var load = new Load(options);
            LoadProblem late = load.NextProblem(Check.Patience);
            Check.Equal((LoadProblemKind.Broken, SocketError.TimedOut), (late.Kind, late.Error));
            Check.That(late.Time >= Short, $"{late.Time}");
            never.Set();
        }

        [Test]
        public static void WhereNobodyListensConnectionsAreProblems()
        {
            LoadOptions options = To(Peers.UnusedPort());
            options.Connections = 3;
            options.Messages = 3;
            using var load = new Load(options);
            List<LoadProblem> problems = load.Problems(Timeout.InfiniteTimeSpan).ToList();
            Check.Equal("0 1 2", string.Join(' ', problems.Select(problem => problem.Connection).OrderBy(number => number)));
            foreach (LoadProblem problem in problems)
            {
                Check.Equal((LoadProblemKind.Unconnected, SocketError.ConnectionRefused), (problem.Kind, problem.Error));
                Check.That($"{problem}".Contains("Unconnected: WSAECONNREFUSED (10061)"), $"{problem}");
            }
            LoadStats stats = load.Stats;
            Check.Equal((true, 0L, 3L), (stats.Finished, stats.ConnectionsConnected, stats.Problems[LoadProblemKind.Unconnected]));
            Check.Fails(SocketError.Disconnecting, () => load.NextProblem(Check.Patience));
            Check.That(!load.TryNextProblem(out LoadProblem? none) && none is null, $"{none}");
            Check.That(!load.TryNextProblem(Check.Patience, out _), "a problem too many");
        }

        [Test]
        public static void BytesOfAnotherConnectionAreForeign()
        {
            using var listener = new Peers.Crossed();
            LoadOptions options = To(listener.Port);
            options.Connections = 2;
            options.Messages = 2;
            options.MessageBytes = new[] { 256 };
            using var load = new Load(options);
            List<LoadProblem> problems = load.Problems(Check.Patience).ToList();
            Check.Equal(2, problems.Count);
            foreach (LoadProblem problem in problems)
            {
                // The first bytes of the two may be alike by chance.
                Check.That(problem.Kind == LoadProblemKind.Foreign && problem.Offset < 64, $"{problem}");
                Check.Equal((1L - problem.Connection, problem.Offset), (problem.FoundConnection!.Value, problem.FoundOffset!.Value));
                string told = $"belongs to offset {problem.Offset} of connection {1 - problem.Connection}";
                Check.Equal($"connection {problem.Connection}: Foreign at offset {problem.Offset}: what came {told}", $"{problem}");
            }
        }

        [Test]
        public static void DisposingARunningLoadLeavesNothing()
        {
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                using var server = new Server();
                LoadOptions options = To(server.Port);
                options.Model = model.Model;
                options.Connections = 20;
                using var load = new Load(options);
                Check.Eventually(() => load.Stats.Messages > 0, $"messages are answered: {model.Name}");
                load.Dispose();
                load.Dispose();
                Check.Eventually(() => server.Stats.ConnectionsCurrent == 0, $"its connections are gone: {model.Name}");
            }
        }

        [Test]
        public static async Task DisposingEndsWhatWaits()
        {
            using var server = new Server();
            var waits = new (string Name, Func<Load, Task> Wait)[]
            {
                ("Wait", load => Task.Factory.StartNew(() => load.Wait(), TaskCreationOptions.LongRunning)),
                ("NextProblem", load => Task.Factory.StartNew(
                    () => load.NextProblem(Timeout.InfiniteTimeSpan), TaskCreationOptions.LongRunning)),
                ("WaitAsync", load => load.WaitAsync()),
            };
            foreach ((string name, Func<Load, Task> wait) in waits)
            {
                // Where it waits on another thread, nothing tells when it does: what was too early is done again, with more time.
                Exception? ended = null;
                for (int pauseMs = 50; ended is null || ended is ObjectDisposedException; pauseMs *= 2)
                {
                    Check.That(pauseMs < 10_000, $"{name} is never aborted: {ended}");
                    var load = new Load(To(server.Port));
                    Task waiting = wait(load);
                    Thread.Sleep(pauseMs);
                    load.Dispose();
                    ended = await Check.ThrowsAsync<Exception>(() => Check.InTime(Done(waiting), name));
                }
                await Check.FailsAsync(SocketError.OperationAborted, () => Task.FromException(ended));
            }
        }

        [Test]
        public static async Task AfterDisposeEverythingIsDisposed()
        {
            using var server = new Server();
            var load = new Load(To(server.Port));
            Histogram kept = load.Latency;
            load.Dispose();
            var calls = new Dictionary<string, Action>
            {
                ["Options"] = () => _ = load.Options,
                ["Stats"] = () => _ = load.Stats,
                ["Latency"] = () => _ = load.Latency,
                ["ConnectTime"] = () => _ = load.ConnectTime,
                ["Wait"] = () => load.Wait(TimeSpan.Zero),
                ["Stop"] = load.Stop,
                ["NextProblem"] = () => load.NextProblem(TimeSpan.Zero),
                ["TryNextProblem"] = () => load.TryNextProblem(out _),
                ["Problems"] = () => load.Problems().Count(),
            };
            foreach ((string name, Action call) in calls)
            {
                Check.Equal("Ws2Echo.Load", Check.Throws<ObjectDisposedException>(call, name).ObjectName, name);
            }
            await Check.ThrowsAsync<ObjectDisposedException>(() => load.WaitAsync());
            Check.That(kept.Percentile(100) == kept.Max, "a copy is of no more use");
        }

        [Test]
        public static void FinalisersCloseWhatWasForgotten()
        {
            using var server = new Server();
            Forget(server);
            Check.Eventually(
                () =>
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    return server.Stats.ConnectionsCurrent == 0;
                },
                "the forgotten load is closed");
        }

        [Test]
        public static void OptionsAreGivenBack()
        {
            var defaults = new LoadOptions();
            Check.Equal((Model.Iocp, Protocol.Tcp, Family.Any), (defaults.Model, defaults.Protocol, defaults.Family));
            Check.Equal((null, 0, 0, 1), (defaults.Host, defaults.Port, defaults.Workers, defaults.Connections));
            Check.Equal((LoadPattern.PingPong, 1, 0), (defaults.Pattern, defaults.Depth, defaults.WindowBytes));
            Check.Equal("64", string.Join(' ', defaults.MessageBytes));
            Check.Equal((0L, 0L, 0L, 0L), (defaults.Messages, defaults.Bytes, defaults.MessagesPerConnection, defaults.Rate));
            Check.Equal((Timeout.InfiniteTimeSpan, null), (defaults.Duration, defaults.ReplyTimeout));
            Check.Equal((TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10)), (defaults.ConnectTimeout, defaults.FinishTimeout));
            Check.Equal((LoadReceive.Always, 1, 1UL), (defaults.Receive, defaults.Burst, defaults.Seed));
            Check.Equal((false, false, true), (defaults.SizesRange, defaults.Reset, defaults.NoDelay));

            using var server = new Server();
            var given = new LoadOptions
            {
                Model = Model.Poll,
                Family = Family.IPv4,
                Host = "127.0.0.1",
                Port = server.Port,
                Workers = 2,
                Connections = 3,
                MessageBytes = Enumerable.Range(1, 16).ToArray(),
                Messages = 5_000_000_000,
                Bytes = 6_000_000_000,
                MessagesPerConnection = 7_000_000_000,
                Duration = TimeSpan.FromSeconds(9),
                WarmUp = TimeSpan.FromMilliseconds(10),
                RampUp = TimeSpan.FromMilliseconds(11),
                Rate = 13,
                Burst = 14,
                Receive = LoadReceive.Late,
                ReceiveDelay = TimeSpan.FromMilliseconds(15),
                ConnectTimeout = TimeSpan.FromMilliseconds(17_000),
                ReplyTimeout = TimeSpan.FromMilliseconds(18_000),
                FinishTimeout = TimeSpan.FromMilliseconds(19),
                Reset = true,
                NoDelay = false,
                ReceiveBufferBytes = 20_000,
                SendBufferBytes = 21_000,
                Seed = ulong.MaxValue,
            };
            using var load = new Load(given);
            LoadOptions got = load.Options;
            foreach (System.Reflection.PropertyInfo option in typeof(LoadOptions).GetProperties())
            {
                if (option.Name != nameof(LoadOptions.MessageBytes))
                {
                    Check.Equal(option.GetValue(given), option.GetValue(got), option.Name);
                }
            }
            Check.That(got.MessageBytes.SequenceEqual(given.MessageBytes), string.Join(' ', got.MessageBytes));

            LoadOptions over = To(server.Port);
            over.Protocol = Protocol.Udp;
            over.Depth = 30;
            using var datagrams = new Load(over);
            LoadOptions inForce = datagrams.Options;
            Check.Equal((Protocol.Udp, 30), (inForce.Protocol, inForce.Depth));
            Check.Equal(TimeSpan.FromSeconds(1), inForce.ReplyTimeout!.Value);
            over = To(server.Port);
            over.ThinkTime = TimeSpan.FromMilliseconds(12);
            over.SendDelay = TimeSpan.FromMilliseconds(16);
            using var slow = new Load(over);
            Check.Equal((over.ThinkTime, over.SendDelay), (slow.Options.ThinkTime, slow.Options.SendDelay));
            over = To(server.Port);
            over.Model = Model.Threads;
            over.Pattern = LoadPattern.Stream;
            using var threads = new Load(over);
            Check.Equal((LoadPattern.Stream, 32 * 1024), (threads.Options.Pattern, threads.Options.WindowBytes));
        }

        [Test]
        public static void OptionsOutOfRangeAreNamed()
        {
            var cases = new Dictionary<string, Action<LoadOptions>>
            {
                ["model"] = options => options.Model = (Model)99,
                ["protocol"] = options => options.Protocol = Protocol.Both,
                ["family"] = options => options.Family = (Family)5,
                ["host"] = options => options.Host = new string('x', 2000),
                ["port"] = options => options.Port = 0,
                ["workers"] = options => options.Workers = 257,
                ["connections"] = options => options.Connections = 65537,
                ["pattern"] = options => options.Pattern = (LoadPattern)2,
                ["depth"] = options => options.Depth = 1025,
                ["window_bytes"] = options => options.WindowBytes = 1,
                ["sizes"] = options => options.MessageBytes = Array.Empty<int>(),
                ["message_bytes"] = options => options.MessageBytes = new[] { 64, 0 },
                ["duration_ms"] = options => options.Duration = TimeSpan.Zero,
                ["rate"] = options => options.Rate = 1_000_000_001,
                ["burst"] = options => options.Burst = 2,
                ["think_ms"] = options =>
                {
                    options.Depth = 2;
                    options.ThinkTime = Short;
                },
                ["receive"] = options => options.Receive = (LoadReceive)4,
                ["receive_delay_ms"] = options => options.ReceiveDelay = Short,
                ["reply_timeout_ms"] = options => options.ReplyTimeout = TimeSpan.Zero,
                ["receive_buffer_bytes"] = options => options.ReceiveBufferBytes = int.MaxValue,
                ["send_buffer_bytes"] = options => options.SendBufferBytes = int.MaxValue,
            };
            foreach ((string name, Action<LoadOptions> change) in cases)
            {
                Check.That(Refused(SocketError.InvalidArgument, change).Contains(name), $"{name} is not named");
            }
            string told = Refused(SocketError.OperationNotSupported, options =>
            {
                options.Protocol = Protocol.Udp;
                options.Pattern = LoadPattern.Stream;
            });
            Check.That(told.Contains("pattern"), told);
            told = Refused(SocketError.OperationNotSupported, options =>
            {
                options.Model = Model.Threads;
                options.Workers = 1;
            });
            Check.That(told.Contains("workers"), told);
        }

        [Test]
        public static void ArgumentsThatCannotBe()
        {
            Check.Throws<ArgumentNullException>(() => new Load(null!));
            var options = new LoadOptions();
            Check.Throws<ArgumentNullException>(() => options.MessageBytes = null!);
            Check.Throws<ArgumentException>(() => options.MessageBytes = new int[17]);
            Check.Throws<ArgumentOutOfRangeException>(() => options.MessageBytes = new[] { -1 });
            Check.Throws<ArgumentOutOfRangeException>(() => options.Messages = -1);
            Check.Throws<ArgumentOutOfRangeException>(() => options.Rate = -1);
            Check.Throws<ArgumentOutOfRangeException>(() => options.Connections = -1);
            Check.Throws<ArgumentOutOfRangeException>(() => options.RampUp = Timeout.InfiniteTimeSpan);
            Check.Throws<ArgumentOutOfRangeException>(() => options.Duration = TimeSpan.FromTicks(-1));
            Check.Throws<ArgumentException>(() => options.Host = "local\0host");
            Check.Equal("64", string.Join(' ', options.MessageBytes), "a refused value was kept:");
            ((int[])options.MessageBytes)[0] = 3;
            Check.Equal(64, options.MessageBytes[0], "the list is no copy:");
            using var server = new Server();
            using var load = new Load(To(server.Port));
            Check.Throws<ArgumentOutOfRangeException>(() => load.Wait(TimeSpan.FromSeconds(-1)));
            Check.Throws<ArgumentOutOfRangeException>(() => load.NextProblem(TimeSpan.FromSeconds(-1)));
        }

        private static LoadOptions To(int port) => new LoadOptions
        {
            Port = port,
            Host = "127.0.0.1",
            ConnectTimeout = Check.Patience,
            FinishTimeout = Check.Patience,
        };

        private static LoadStats EndedWell(Load load, string what)
        {
            LoadStats stats = load.Stats;
            Check.That(stats.Finished && stats.ConnectionsCurrent == 0, $"{what}: has not finished");
            Check.Equal("", string.Join("; ", load.Problems()), what);
            Check.Equal(Enum.GetValues(typeof(LoadProblemKind)).Length, stats.Problems.Count, what);
            Check.Equal(0L, stats.Problems.Values.Sum(), what);
            return stats;
        }

        /// <summary>The one problem of a load of one connection, whose peer reads the messages and answers as given.</summary>
        private static LoadProblem ProblemOf(int size, int messages, Action<NetworkStream, byte[]> answer)
        {
            using var listener = new Peers.Listener(socket =>
            {
                using var stream = new NetworkStream(socket);
                answer(stream, Peers.ReadExactly(stream, size * messages));
                socket.Shutdown(SocketShutdown.Send);
                try
                {
                    // Until the other end is gone: closing with something unread would reset the connection.
                    while (stream.Read(new byte[size]) > 0)
                    {
                    }
                }
                catch (System.IO.IOException)
                {
                    // It may well reset the connection itself.
                }
            });
            LoadOptions options = To(listener.Port);
            options.Messages = messages;
            options.MessageBytes = new[] { size };
            using var load = new Load(options);
            LoadProblem problem = load.NextProblem(Check.Patience);
            load.Wait(Check.Patience);
            listener.Finish();
            LoadStats stats = load.Stats;
            Check.Equal((1L, 1L), (stats.Problems[problem.Kind], stats.Problems.Values.Sum()), $"{problem}");
            Check.Equal((0L, 0L), (stats.ConnectionsFinished, problem.Connection), $"{problem}");
            Check.That(problem.Time > TimeSpan.Zero && problem.Time <= stats.Elapsed, $"{problem.Time}");
            Check.That(!load.TryNextProblem(out LoadProblem? second), $"{problem}; {second}");
            return problem;
        }

        private static string Refused(SocketError code, Action<LoadOptions> change)
        {
            LoadOptions options = To(7);
            change(options);
            return Check.Fails(code, () => new Load(options)).Message;
        }

        private static async Task<bool> Done(Task task)
        {
            await task;
            return true;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Forget(Server server)
        {
            LoadOptions options = To(server.Port);
            options.Connections = 5;
            var load = new Load(options);
            Check.Eventually(() => server.Stats.ConnectionsCurrent == 5, "its connections are there");
            GC.KeepAlive(load);
        }
    }
}
