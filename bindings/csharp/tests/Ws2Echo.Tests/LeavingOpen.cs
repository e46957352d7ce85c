using System;
using System.Threading;

namespace Ws2Echo.Tests
{
    /// <summary>A program that ends without disposing anything, while threads wait inside and others call all the time.</summary>
    internal static class LeavingOpen
    {
        /// <summary>So many of one thread, and the others have long been inside theirs.</summary>
        private const int Calls = 50;

        /// <summary>The load sends once: Wine 8 seldom ends a program whose threads are in the midst of receiving (tests/last_words.py).</summary>
        private static readonly TimeSpan Idle = TimeSpan.FromMinutes(10);

        private static Server? server;
        private static Client? client;
        private static Load? load;

        internal static int Run()
        {
            server = new Server(new ServerOptions { Host = "127.0.0.1" });
            client = new Client(server.Port, "127.0.0.1");
            load = new Load(new LoadOptions { Host = "127.0.0.1", Port = server.Port, Connections = 3, ThinkTime = Idle });
            client.Echo(new byte[] { 1 });
            using var inside = new CountdownEvent(3 + Calls);
            InBackground(() => Enter(inside, () => client.Receive(new byte[1])));
            InBackground(() => Enter(inside, TakeEvents));
            InBackground(() => Enter(inside, () => load.Wait()));
            InBackground(() => CallForEver(inside));
            inside.Wait();
            Console.WriteLine("end");
            return 0;
        }

        private static void TakeEvents()
        {
            while (true)
            {
                server!.NextEvent(Timeout.InfiniteTimeSpan);
            }
        }

        private static void CallForEver(CountdownEvent called)
        {
            for (int count = 0; ; count++)
            {
                _ = server!.Stats;
                new Client(server.Port, "127.0.0.1").Dispose();
                if (count < Calls)
                {
                    called.Signal();
                }
            }
        }

        private static void Enter(CountdownEvent inside, Action call)
        {
            inside.Signal();
            call();
        }

        private static void InBackground(Action call)
        {
            new Thread(() => call()) { IsBackground = true }.Start();
        }
    }
}
