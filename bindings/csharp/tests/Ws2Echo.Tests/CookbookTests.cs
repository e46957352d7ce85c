using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;

namespace Ws2Echo.Tests
{
    /// <summary>docs/cookbook.md: tests/test_cookbook.py compares it with this.</summary>
    internal static class CookbookTests
    {
        private static readonly byte[] Hello = { 104, 101, 108, 108, 111 };
        private static readonly TimeSpan Patience = Check.Patience;

        // The code under test: it sends a message, and reads an answer as long.
        private static byte[] Ask(int port, byte[] message, int timeoutMs = 10_000)
        {
            using var connection = new TcpClient("127.0.0.1", port) { ReceiveTimeout = timeoutMs, SendTimeout = timeoutMs };
            NetworkStream stream = connection.GetStream();
            stream.Write(message, 0, message.Length);
            var answer = new byte[message.Length];
            for (int length = 0; length < answer.Length;)
            {
                int piece = stream.Read(answer, length, answer.Length - length);
                length += piece > 0 ? piece : throw new EndOfStreamException($"the end came after {length} of {answer.Length} bytes");
            }
            return answer;
        }

        // The same over UDP: it asks again when no answer has come in time.
        private static byte[] AskByDatagram(int port, byte[] message, int attempts = 1, int timeoutMs = 10_000)
        {
            using var connection = new UdpClient("127.0.0.1", port);
            connection.Client.ReceiveTimeout = timeoutMs;
            for (int attempt = 1; ; attempt++)
            {
                connection.Send(message, message.Length);
                try
                {
                    IPEndPoint? from = null;
                    return connection.Receive(ref from);
                }
                catch (SocketException late) when (late.SocketErrorCode == SocketError.TimedOut && attempt < attempts)
                {
                }
            }
        }

        private static Server ServerWith(params string[] faults)
        {
            var options = new ServerOptions();
            faults.ToList().ForEach(options.Faults.Add);
            return new Server(options);
        }

        private static Server DatagramServerWith(string fault, ulong seed = 0) =>
            new Server(new ServerOptions { Protocol = Protocol.Udp, Faults = { fault }, Seed = seed });

        [Test]
        public static void RetryAfterAReset()
        {
            static byte[] AskAgain(int port, int attempts)
            {
                for (int attempt = 1; ; attempt++)
                {
                    try
                    {
                        return Ask(port, Hello);
                    }
                    catch (Exception lost) when ((lost is IOException || lost is SocketException) && attempt < attempts)
                    {
                    }
                }
            }

            using Server server = ServerWith("refuse@first=2");
            Assert.Equal(Hello, AskAgain(server.Port, attempts: 3));
            Assert.Equal(3, server.Stats.ConnectionsAccepted);
        }

        [Test]
        public static void AReadTimesOut()
        {
            using Server server = ServerWith("stall");
            Assert.ThrowsAny<IOException>(() => Ask(server.Port, Hello, timeoutMs: 300));
        }

        [Test]
        public static void APartialMessage()
        {
            using Server server = ServerWith("limit_data:bytes=3");
            Assert.ThrowsAny<EndOfStreamException>(() => Ask(server.Port, Hello));
        }

        [Test]
        public static void AMessageInPieces()
        {
            using Server server = ServerWith("slicer:average_size=2,size_variation=1,delay=1000");
            Assert.Equal(Hello, Ask(server.Port, Hello));
        }

        [Test]
        public static void AHalfClosedConnection()
        {
            using Server server = ServerWith("fin:at=3");
            using var connection = new TcpClient("127.0.0.1", server.Port);
            NetworkStream stream = connection.GetStream();
            stream.Write(Hello, 0, 5);
            while (stream.Read(new byte[64], 0, 64) > 0)
            {
            }
            stream.Write(Hello, 0, 5);
            server.WaitFor(Until.BytesReceived, 10, Patience);
        }

        [Test]
        public static void ASlowReader()
        {
            using Server server = ServerWith("never_read");
            Assert.ThrowsAny<IOException>(() => Ask(server.Port, new byte[50_000_000], timeoutMs: 500));
        }

        [Test]
        public static void PacketLoss()
        {
            using Server server = DatagramServerWith("drop@first=2");
            Assert.Equal(Hello, AskByDatagram(server.Port, Hello, attempts: 20, timeoutMs: 300));
            server.WaitFor(Until.Faults, 2, Patience);
        }

        [Test]
        public static void DuplicateDatagrams()
        {
            using Server server = DatagramServerWith("duplicate");
            using var connection = new UdpClient("127.0.0.1", server.Port);
            connection.Send(Hello, Hello.Length);
            for (int i = 0; i < 2; i++)
            {
                IPEndPoint? from = null;
                Assert.Equal(Hello, connection.Receive(ref from));
            }
        }

        [Test]
        public static void DownAndUpAgain()
        {
            using var server = new Server();
            using (server.WithFault("down"))
            {
                Assert.ThrowsAny<SocketException>(() => Ask(server.Port, Hello));
            }
            Assert.Equal(Hello, Ask(server.Port, Hello));
        }

        [Test]
        public static void ASlowServer()
        {
            using Server server = ServerWith("latency:latency=1000");
            Assert.ThrowsAny<IOException>(() => Ask(server.Port, Hello, timeoutMs: 100));
            Assert.Equal(Hello, Ask(server.Port, Hello));
        }

        [Test]
        public static void NobodyAccepts()
        {
            using Server server = ServerWith("never_accept");
            Assert.ThrowsAny<IOException>(() => Ask(server.Port, Hello, timeoutMs: 300));
            Assert.Equal(0, server.Stats.ConnectionsAccepted);
            server.RemoveFault(1);
            Assert.Equal(Hello, Ask(server.Port, Hello));
        }

        [Test]
        public static void CorruptBytes()
        {
            using Server server = ServerWith("corrupt:at=1");
            byte[] answer = Ask(server.Port, Hello);
            Assert.True(answer[1] != Hello[1] && answer[2] == Hello[2], "one byte is another");
        }

        [Test]
        public static void FlakyButTheSameEveryTime()
        {
            static string Outcomes(ulong seed)
            {
                using var server = new Server(new ServerOptions { Faults = { "reset:toxicity=0.3" }, Seed = seed });
                return string.Concat(Enumerable.Range(0, 20).Select(_ =>
                {
                    try
                    {
                        return Ask(server.Port, Hello).Length == 5 ? 'y' : 'n';
                    }
                    catch (Exception lost) when (lost is IOException || lost is SocketException)
                    {
                        return 'n';
                    }
                }));
            }

            Assert.Equal(Outcomes(7), Outcomes(7));
            Assert.True(Outcomes(7) != Outcomes(8), "another seed, other connections");
        }

        /// <summary>What the page uses of xUnit's class of the same name.</summary>
        private static class Assert
        {
            internal static void Equal<T>(T expected, T actual) => Check.Equal(expected, actual);

            internal static void Equal(byte[] expected, byte[] actual) => Check.Bytes(expected, actual);

            internal static void True(bool condition, string what) => Check.That(condition, what);

            internal static void ThrowsAny<T>(Action action)
                where T : Exception => Check.Throws<T>(action);
        }
    }
}
