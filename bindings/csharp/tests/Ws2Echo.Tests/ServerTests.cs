using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    internal static class ServerTests
    {
        [Test]
        public static void EventsTellAConnectionsStory()
        {
            using var server = new Server();
            using (var client = new Client(server.Port, "127.0.0.1"))
            {
                client.Echo(new byte[14]);
                int port = client.LocalEndPoint.Port;
                client.Shutdown(Half.Send);
                Check.Equal(0, client.Receive(new byte[1]));
                List<ServerEvent> events = Take(server, 4);
                Check.Equal("Listening Listening Accepted Closed", string.Join(' ', events.Select(e => e.Kind)));
                Check.That(events.Select(e => e.Sequence).SequenceEqual(new long[] { 1, 2, 3, 4 }), "a sequence without gap");
                Check.Equal(server.Port, events[0].LocalEndPoint!.Port);
                Check.That(events[0].RemoteEndPoint is null, "no peer of a listener");
                ServerEvent closed = events[3];
                Check.Equal(new IPEndPoint(IPAddress.Loopback, port), closed.RemoteEndPoint);
                Check.Equal((Reason.Fin, 14L, 14L), (closed.Reason, closed.BytesReceived, closed.BytesSent));
                Check.Equal(1, closed.ConnectionId);
                Check.Equal(SocketError.Success, closed.Error);
                Check.That(closed.Duration > TimeSpan.Zero && closed.Time >= closed.Duration, $"{closed.Duration} {closed.Time}");
                Check.That(closed.ToString().Contains("Fin, 14 bytes in, 14 out", StringComparison.Ordinal), closed.ToString());
            }
            Check.That(!server.TryNextEvent(out _), "more events");
            Check.Fails(SocketError.TimedOut, () => server.NextEvent(TimeSpan.FromMilliseconds(20)));
        }

        [Test]
        public static async Task EventsAsyncEndWhenTheServerIsStopped()
        {
            using var server = new Server();
            Task<List<EventKind>> collecting = Collect(server);
            using (Client client = await Client.ConnectAsync(server.Port, "::1"))
            {
                await client.EchoAsync(new byte[100]);
            }
            Check.Eventually(() => server.Stats.ConnectionsCurrent == 0, "the connection ends");
            Check.Equal(0, await server.StopAsync(Check.Patience));
            List<EventKind> kinds = await Check.InTime(collecting, "the end of the events");
            Check.Equal("Listening Listening Accepted Closed", string.Join(' ', kinds));
            await Check.FailsAsync(SocketError.Disconnecting, () => server.NextEventAsync());
            Check.Fails(SocketError.Disconnecting, () => server.NextEvent(Check.Patience));
            Check.That(!server.TryNextEvent(Check.Patience, out _), "an event after the end");
        }

        [Test]
        public static async Task EventsAsyncCanBeCancelledAndGoOn()
        {
            using var server = new Server();
            using var cancellation = new CancellationTokenSource();
            await Check.ThrowsAsync<OperationCanceledException>(async () =>
            {
                await foreach (ServerEvent next in server.EventsAsync(cancellation.Token))
                {
                    if (next.Sequence == 2)
                    {
                        cancellation.CancelAfter(20);
                    }
                }
            });
            using var client = new Client(server.Port);
            Check.Equal(EventKind.Accepted, (await server.NextEventAsync()).Kind);
        }

        [Test]
        public static async Task StoppingResetsWhatIsLeft()
        {
            foreach (bool async in new[] { false, true })
            {
                using var server = new Server();
                using var one = new Client(server.Port);
                using var two = new Client(server.Port);
                one.Echo(new byte[1]);
                two.Echo(new byte[1]);
                TimeSpan drain = TimeSpan.FromMilliseconds(50);
                Check.Equal(2, async ? await server.StopAsync(drain) : server.Stop(drain));
                Check.Equal(0, async ? await server.StopAsync(drain) : server.Stop());
                Check.Equal(2, server.Stats.ConnectionsClosed[Reason.Stopped]);
                Check.Fails(SocketError.ConnectionReset, () => one.Receive(new byte[1]));
                Check.Fails(SocketError.ConnectionRefused, () => new Client(server.Port));
                Check.Equal(2, server.Events().Count(e => e.Reason == Reason.Stopped));
            }
        }

        [Test]
        public static async Task DrainingWaitsForTheLastByte()
        {
            foreach (bool async in new[] { false, true })
            {
                using var server = new Server();
                using var client = new Client(server.Port);
                client.Echo(new byte[1]);
                TimeSpan moment = TimeSpan.FromMilliseconds(30);
                Task Drain(TimeSpan time) => async ? server.DrainAsync(time) : Task.Run(() => server.Drain(time));
                await Check.FailsAsync(SocketError.TimedOut, () => Drain(moment));
                byte[] data = Peers.Pattern(100_000);
                Task draining = Drain(Check.Patience);
                Check.Bytes(data, client.Echo(data));
                client.Dispose();
                await draining;
                Check.Equal(1, server.Stats.ConnectionsClosed[Reason.Fin]);
                using var next = new Server(new ServerOptions { Port = server.Port });
            }
        }

        [Test]
        public static void AfterDisposeThePortIsFree()
        {
            int port = 0;
            for (int i = 0; i < 20; i++)
            {
                using var server = new Server(new ServerOptions { Port = port });
                using var client = new Client(server.Port);
                client.Echo(new byte[10]);
                port = server.Port;
            }
        }

        [Test]
        public static void OptionsCanBeReadBack()
        {
            using var server = new Server(new ServerOptions
            {
                Host = "127.0.0.1",
                ConnectionsMax = 7,
                IdleTimeout = TimeSpan.FromSeconds(60),
                SendTimeout = TimeSpan.FromTicks(1),
                NoDelay = false,
                UdpConnReset = false,
                LingerSeconds = 3,
                EchoBufferBytes = 1000,
                JournalEvents = 20,
                Backlog = 9,
            });
            ServerOptions options = server.Options;
            Check.Equal("127.0.0.1", options.Host);
            Check.Equal(server.Port, options.Port);
            Check.Equal(7, options.ConnectionsMax);
            Check.Equal(TimeSpan.FromSeconds(60), options.IdleTimeout);
            Check.Equal(TimeSpan.FromMilliseconds(1), options.SendTimeout, "rounded up:");
            Check.Equal((false, false), (options.NoDelay, options.UdpConnReset));
            Check.Equal(3, options.LingerSeconds);
            Check.Equal((1000, 20, 9), (options.EchoBufferBytes, options.JournalEvents, options.Backlog));
            Check.Equal((Model.Threads, Protocol.Tcp, Family.Any), (options.Model, options.Protocol, options.Family));

            using var client = new Client(new ClientOptions
            {
                Port = server.Port,
                Family = Family.IPv4,
                ConnectTimeout = TimeSpan.FromSeconds(5),
                ReceiveTimeout = Timeout.InfiniteTimeSpan,
                NoDelay = false,
                LingerSeconds = 0,
                ReceiveBufferBytes = 100_000,
            });
            ClientOptions own = client.Options;
            Check.Equal((server.Port, Family.IPv4, false), (own.Port, own.Family, own.NoDelay));
            Check.Equal((TimeSpan.FromSeconds(5), Timeout.InfiniteTimeSpan), (own.ConnectTimeout, own.ReceiveTimeout));
            Check.Equal(0, own.LingerSeconds);
            Check.That(own.ReceiveBufferBytes >= 100_000, $"{own.ReceiveBufferBytes}");
            Check.That(own.Host is null, "the host that was given");
        }

        [Test]
        public static void DefaultsAreOfTheLibrary()
        {
            var server = new ServerOptions();
            Check.That(server.Host is null && server.ConnectionsMax is null && server.LingerSeconds is null, "nothing set");
            Check.Equal((0, 0, 262144, 4096), (server.Port, server.Backlog, server.EchoBufferBytes, server.JournalEvents));
            Check.Equal((Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan), (server.IdleTimeout, server.SendTimeout));
            Check.That(server.NoDelay && server.UdpConnReset, "TCP_NODELAY, SIO_UDP_CONNRESET");
            Check.Equal((Model.Threads, Protocol.Tcp, Accept.Default), (server.Model, server.Protocol, server.Accept));
            Check.Equal((0, 0), (server.AcceptsPending, server.Workers));
            var client = new ClientOptions();
            Check.Equal((Protocol.Tcp, true), (client.Protocol, client.UdpConnReset));
            var ping = new PingOptions();
            Check.Equal((10L, 64, 1), (ping.Datagrams, ping.DatagramBytes, ping.Window));
            Check.Equal((TimeSpan.Zero, TimeSpan.FromSeconds(1)), (ping.Interval, ping.ReplyTimeout));
            Check.Equal(TimeSpan.FromSeconds(10), client.ConnectTimeout);
            Check.Equal((TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30)), (client.SendTimeout, client.ReceiveTimeout));
        }

        [Test]
        public static void WhatAModelOffersIsWhatItTakes()
        {
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                foreach (Accept way in new[] { Accept.AcceptEx, Accept.WsaAccept })
                {
                    var options = new ServerOptions { Model = model.Model, Accept = way };
                    if (!model.Accepts.Contains(way))
                    {
                        Check.Fails(SocketError.OperationNotSupported, () => new Server(options));
                        continue;
                    }
                    using var server = new Server(options);
                    using var client = new Client(server.Port);
                    Check.Bytes(new byte[] { 1 }, client.Echo(new byte[] { 1 }));
                    Check.Equal((model.Model, way), (server.Options.Model, server.Options.Accept));
                }
                var working = new ServerOptions { Model = model.Model, Workers = 2 };
                if (model.Workers)
                {
                    using var server = new Server(working);
                    Check.Equal(2, server.Options.Workers);
                }
                else
                {
                    Ws2EchoException refused = Check.Fails(SocketError.OperationNotSupported, () => new Server(working));
                    Check.That(refused.Message.Contains("workers"), refused.Message);
                }
            }
        }

        [Test]
        public static void TheLibrarysChoicesAreTold()
        {
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                using var server = new Server(new ServerOptions { Model = model.Model });
                ServerOptions options = server.Options;
                bool acceptEx = model.Accepts.Contains(Accept.AcceptEx);
                Check.Equal(acceptEx ? Accept.AcceptEx : Accept.WsaAccept, options.Accept, model.Name);
                Check.Equal(acceptEx ? 16 : 0, options.AcceptsPending, model.Name);
                Check.Equal(model.Workers, options.Workers > 0, model.Name);
            }
        }

        [Test]
        public static void BothFamiliesListenOnOnePort()
        {
            using var server = new Server();
            Check.Equal("127.0.0.1 ::1", string.Join(' ', server.EndPoints.Select(endPoint => endPoint.Address)));
            Check.That(server.EndPoints.All(endPoint => endPoint.Port == server.Port), "one port");
            using var six = new Server(new ServerOptions { Family = Family.IPv6 });
            Check.Equal(IPAddress.IPv6Loopback, six.EndPoints.Single().Address);
            using var all = new Server(new ServerOptions { Host = "*" });
            using var client = new Client(all.Port, "127.0.0.1");
            Check.Bytes(new byte[] { 9 }, client.Echo(new byte[] { 9 }));
        }

        [Test]
        public static void TheCapAndDropsAreCounted()
        {
            using var server = new Server(new ServerOptions { ConnectionsMax = 1, JournalEvents = 2 });
            using (var first = new Client(server.Port))
            {
                first.Echo(new byte[1]);
                using var second = new Client(server.Port);
                Check.Equal(0, second.Receive(new byte[1]), "FIN at once");
            }
            server.WaitFor(Until.Closed, 2, Check.Patience);
            ServerStats stats = server.Stats;
            Check.Equal((1L, 1L), (stats.ConnectionsClosed[Reason.Cap], stats.ConnectionsClosed[Reason.Fin]));
            Check.Equal(4L, stats.EventsDropped);
        }

        [Test]
        public static void WhoIsIdleIsResetAndCounted()
        {
            TimeSpan idle = TimeSpan.FromMilliseconds(150);
            using var server = new Server(new ServerOptions { IdleTimeout = idle });
            // After a stall the reset may come before the client is told that it is connected.
            Check.Fails(SocketError.ConnectionReset, () =>
            {
                using var client = new Client(server.Port, "127.0.0.1");
                client.Receive(new byte[1]);
            });
            server.WaitFor(Until.Closed, 1, Check.Patience);
            ServerStats stats = server.Stats;
            Check.Equal((1L, 1L), (stats.ConnectionsAccepted, stats.ConnectionsClosed[Reason.Timeout]));
            Check.That(stats.Uptime >= idle, $"{stats.Uptime}");
        }

        private static List<ServerEvent> Take(Server server, int count) =>
            Enumerable.Range(0, count).Select(_ => server.NextEvent(Check.Patience)).ToList();

        private static async Task<List<EventKind>> Collect(Server server)
        {
            var kinds = new List<EventKind>();
            await foreach (ServerEvent next in server.EventsAsync())
            {
                kinds.Add(next.Kind);
            }
            return kinds;
        }
    }
}
