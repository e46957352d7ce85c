using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    internal static class FaultTests
    {
        [Test]
        public static void FirstTwoResetThirdWorks()
        {
            using var server = new Server(new ServerOptions { Faults = { "refuse@first=2" } });
            IsReset(Check.Throws<SocketException>(() => EchoOnce(server)));
            IsReset(Check.Throws<SocketException>(() => EchoOnce(server)));
            EchoOnce(server);
        }

        /// <summary>A reset as early as that may show while connecting.</summary>
        private static void IsReset(SocketException thrown) =>
            Check.That(
                thrown.SocketErrorCode == SocketError.ConnectionReset || thrown.SocketErrorCode == SocketError.ConnectionAborted,
                thrown.Message);

        [Test]
        public static void TheJournalNamesTheFault()
        {
            using var server = new Server(new ServerOptions { Faults = { "limit_data:bytes=3" }, Seed = 7 });
            Check.Equal(7ul, server.Seed);
            using (var client = new Client(server.Port, "127.0.0.1"))
            {
                Check.Fails(SocketError.Disconnecting, () => client.Echo(new byte[9]));
            }
            server.WaitFor(Until.Closed, 1, Check.Patience);
            List<ServerEvent> events = server.Events().Where(e => e.ConnectionId > 0).ToList();
            Check.Equal("Accepted Fault Closed", string.Join(' ', events.Select(e => e.Kind)));
            Check.Equal(("limit_data", 1, 3L), (events[1].Fault, events[1].Rule, events[1].Place));
            Check.Equal((Reason.Fault, 1), (events[2].Reason, events[2].Rule));
            Check.That(events[0].Fault is null, "a fault of an accepted connection");
        }

        [Test]
        public static void AFaultOfTheListenerIsOfNoConnection()
        {
            foreach (string kind in new[] { "down", "never_accept" })
            {
                using var server = new Server(new ServerOptions { Faults = { kind } });
                ServerEvent fault = FirstFault(server);
                Check.Equal($"fault {kind} of rule 1: nobody is accepted", fault.ToString());
                Check.Equal((Protocol.Tcp, 0L, 0L), (fault.Protocol, fault.ConnectionId, fault.Place));
                Check.That(fault.LocalEndPoint is null && fault.RemoteEndPoint is null, "it has ends");
            }
        }

        [Test]
        public static void AFaultOfADatagramNamesItsSender()
        {
            var options = new ServerOptions { Host = "127.0.0.1", Protocol = Protocol.Udp, Faults = { "drop@first=1" } };
            using var server = new Server(options);
            using var client = new Client(
                new ClientOptions { Port = server.Port, Host = "127.0.0.1", Protocol = Protocol.Udp });
            client.Send(new byte[5]);
            ServerEvent fault = FirstFault(server);
            Check.Equal($"fault drop of rule 1: datagram 1 from {client.LocalEndPoint}", fault.ToString());
            Check.Equal((Protocol.Udp, 0L, 1L), (fault.Protocol, fault.ConnectionId, fault.Place));
            Check.Equal(server.EndPoints.Single(), fault.LocalEndPoint);
        }

        [Test]
        public static void RulesComeAndGo()
        {
            using var server = new Server();
            int rule = server.AddFault("stall");
            Check.Equal("stall", server.Faults.Single().Text);
            Check.Equal("stall", server.Options.Faults.Single());
            using var client = new Client(server.Port, "127.0.0.1");
            client.Send(new byte[5]);
            server.WaitFor(Until.BytesReceived, 5, Check.Patience);
            Check.Fails(SocketError.TimedOut, () => server.WaitFor(Until.BytesSent, 1, TimeSpan.FromMilliseconds(100)));
            server.ChangeFault(rule, "latency:latency=30");
            Check.Equal("latency", server.Faults.Single().Kind);
            Check.That(client.Receive(new byte[9]) > 0, "what was held back comes");
            server.RemoveFault(rule);
            Check.Fails(SocketError.InvalidArgument, () => server.RemoveFault(rule));
            Check.That(Check.Fails(SocketError.InvalidArgument, () => server.AddFault("latency:size=1")).Message
                .Contains("byte 8", StringComparison.Ordinal), "the place");
            Check.Fails(SocketError.OperationNotSupported, () => server.AddFault("drop"));
            Check.Throws<ArgumentException>(() => server.AddFault("a\0"));
        }

        [Test]
        public static void AFaultForTheTimeOfABlock()
        {
            using var server = new Server();
            using (server.WithFault("down"))
            {
                Check.Fails(SocketError.ConnectionRefused, () => EchoOnce(server));
            }
            EchoOnce(server);
        }

        [Test]
        public static void TheKindsAreListed()
        {
            FaultKind latency = Ws2EchoInfo.Faults.Single(kind => kind.Name == "latency");
            Check.That(latency.OverTcp && latency.OverUdp && latency.HasStream && latency.Selects, "latency");
            Check.Equal("milliseconds", latency.Parameters[0].Unit);
            Check.That(Ws2EchoInfo.Faults.Single(kind => kind.Name == "bandwidth").Parameters[0].IsRequired, "the rate");
        }

        [Test]
        public static async Task AWaitEndsWithTheServer()
        {
            var server = new Server();
            Task waiting = Task.Run(() => server.WaitFor(Until.Accepted, 1, Check.Patience));
            server.Stop();
            await Check.FailsAsync(SocketError.Disconnecting, () => waiting);
            server.Dispose();
            Check.Throws<ObjectDisposedException>(() => server.WaitFor(Until.Accepted, 0, TimeSpan.Zero));
        }

        [Test]
        public static async Task WaitsWithoutAThread()
        {
            using var server = new Server();
            Task accepted = server.WaitForAsync(Until.Accepted, 1, Check.Patience);
            Check.That(!accepted.IsCompleted, "before anybody came");
            EchoOnce(server);
            await accepted;
            Exception late = await Check.FailsAsync(
                SocketError.TimedOut, () => server.WaitForAsync(Until.Accepted, 5, TimeSpan.FromMilliseconds(50)));
            Check.That(late.Message.Contains("come to 1", StringComparison.Ordinal), late.Message);
            using var cancel = new CancellationTokenSource();
            Task cancelled = server.WaitForAsync(Until.Accepted, 5, Check.Patience, cancel.Token);
            cancel.Cancel();
            await Check.ThrowsAsync<OperationCanceledException>(() => cancelled);
        }

        [Test]
        public static void ClientsMisbehaveToo()
        {
            using var server = new Server();
            using (var slow = new Client(server.Port, "127.0.0.1"))
            {
                Stopwatch watch = Stopwatch.StartNew();
                slow.Trickle(new byte[3], TimeSpan.FromMilliseconds(50));
                Check.That(watch.Elapsed > TimeSpan.FromMilliseconds(90), $"{watch.Elapsed}");
                server.WaitFor(Until.BytesReceived, 3, Check.Patience);
                slow.Reset();
            }
            server.WaitFor(Until.Closed, 1, Check.Patience);
            Check.Equal(1L, server.Stats.ConnectionsClosed[Reason.Reset]);
        }

        private static ServerEvent FirstFault(Server server) =>
            server.Events(Check.Patience).First(e => e.Kind == EventKind.Fault);

        private static void EchoOnce(Server server)
        {
            using var client = new Client(server.Port, "127.0.0.1");
            client.Echo(new byte[14]);
        }
    }
}
