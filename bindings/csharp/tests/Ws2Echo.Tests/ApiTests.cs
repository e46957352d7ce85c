using System;
using System.Linq;
using System.Reflection;

namespace Ws2Echo.Tests
{
    internal static class ApiTests
    {
        private static readonly Assembly Library = typeof(Server).Assembly;

        [Test]
        public static void TheVersionIsThePackages()
        {
            string informational = Library.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
            Check.Equal(informational.Split('+')[0], Ws2EchoInfo.Version);
        }

        [Test]
        public static void TheAssemblyIsNotTakenForTheNativeDll() =>
            Check.That(!Library.GetName().Name!.Equals("ws2echo", StringComparison.OrdinalIgnoreCase), Library.FullName!);

        [Test]
        public static void EveryModelOfTheLibraryIsInTheEnum()
        {
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                Check.That(Enum.IsDefined(typeof(Model), model.Model), $"{model} is not in the enum");
                Check.Equal(model.Model.ToString().ToLowerInvariant(), model.Name);
                Check.That(new[] { "blocking", "readiness", "completion" }.Contains(model.Family), model.Family);
                foreach (string text in new[] { model.Summary, model.Calls, model.Limits })
                {
                    Check.That(text.Length > 0, $"{model.Name}: a text is missing");
                }
                Check.That(model.Accepts.Contains(Accept.WsaAccept), $"{model.Name} does not accept");
                Check.That(!model.Accepts.Contains(Accept.Default), $"{model.Name}: the default is no way of its own");
            }
            ModelInfo threads = Ws2EchoInfo.Models.Single(model => model.Model == Model.Threads);
            Check.Equal(("blocking", false, 1), (threads.Family, threads.Workers, threads.Accepts.Count));
        }

        [Test]
        public static void EnumsHaveEveryValueOfTheHeader()
        {
            var pairs = new (Type Public, string Native)[]
            {
                (typeof(Model), "ws2echo_model"),
                (typeof(Protocol), "ws2echo_protocol"),
                (typeof(Accept), "ws2echo_accept"),
                (typeof(Family), "ws2echo_family"),
                (typeof(EventKind), "ws2echo_event_kind"),
                (typeof(Reason), "ws2echo_reason"),
                (typeof(Half), "ws2echo_half"),
                (typeof(LoadPattern), "ws2echo_load_pattern"),
                (typeof(LoadReceive), "ws2echo_load_receive"),
                (typeof(LoadProblemKind), "ws2echo_load_problem_kind"),
            };
            foreach ((Type type, string native) in pairs)
            {
                Type header = Library.GetType("Ws2Echo.Native." + native, throwOnError: true)!;
                Check.That(Numbers(type).SequenceEqual(Numbers(header)), $"{type.Name} is not {native}");
            }
        }

        [Test]
        public static void OnlyTheHandWrittenIsPublic()
        {
            foreach (Type type in Library.GetExportedTypes())
            {
                Check.Equal("Ws2Echo", type.Namespace, type.FullName!);
                Check.That(char.IsUpper(type.Name[0]), type.Name);
            }
        }

        private static int[] Numbers(Type type) => Enum.GetValues(type).Cast<int>().OrderBy(number => number).ToArray();
    }
}
