using System;
using System.Threading;

namespace Ws2Echo.Tests
{
    /// <summary>A program that ends without disposing anything, while threads wait inside and others call all the time.</summary>
    internal static class LeavingOpen
    {
        private static Server? server;
        private static Client? client;
        private static Load? load;

        internal static int Run()
        {
            server = new Server(new ServerOptions { Host = "127.0.0.1" });
            client = new Client(server.Port, "127.0.0.1");
            load = new Load(new LoadOptions { Host = "127.0.0.1", Port = server.Port, Connections = 3 });
            client.Echo(new byte[] { 1 });
            using var inside = new CountdownEvent(4);
            InBackground(inside, () => client.Receive(new byte[1]));
            InBackground(inside, TakeEvents);
            InBackground(inside, () => load.Wait());
            InBackground(inside, CallForEver);
            inside.Wait();
            Thread.Sleep(200);
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

        private static void CallForEver()
        {
            while (true)
            {
                _ = server!.Stats;
                new Client(server.Port, "127.0.0.1").Dispose();
            }
        }

        private static void InBackground(CountdownEvent inside, Action call)
        {
            var thread = new Thread(() =>
            {
                inside.Signal();
                call();
            });
            thread.IsBackground = true;
            thread.Start();
        }
    }
}
