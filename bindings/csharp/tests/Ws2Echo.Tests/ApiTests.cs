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
            string listed = string.Join(' ', Ws2EchoInfo.Models.Select(model => model.Model).OrderBy(model => model));
            Check.Equal(string.Join(' ', Enum.GetValues(typeof(Model)).Cast<Model>()), listed);
            foreach (ModelInfo model in Ws2EchoInfo.Models)
            {
                Check.Equal(model.Model.ToString().ToLowerInvariant(), model.Name);
                Check.That(model.Summary.Length > 0, "no summary");
            }
        }

        [Test]
        public static void EnumsHaveEveryValueOfTheHeader()
        {
            var pairs = new (Type Public, string Native)[]
            {
                (typeof(Model), "ws2echo_model"),
                (typeof(Protocol), "ws2echo_protocol"),
                (typeof(Family), "ws2echo_family"),
                (typeof(EventKind), "ws2echo_event_kind"),
                (typeof(Reason), "ws2echo_reason"),
                (typeof(Half), "ws2echo_half"),
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
