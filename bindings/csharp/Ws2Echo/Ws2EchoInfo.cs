using System;
using System.Collections.Generic;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>What the DLL says about itself. From any thread; nothing blocks.</summary>
    public static class Ws2EchoInfo
    {
        /// <summary>The version of the DLL, as "0.1.0".</summary>
        public static string Version => ws2echo_version();

        /// <summary>The I/O models that servers of the DLL can use.</summary>
        public static IReadOnlyList<ModelInfo> Models
        {
            get
            {
                var models = new List<ModelInfo>();
                using var info = new ws2echo_model_info { size = ws2echo_model_info.sizeof_struct() };
                int error;
                while ((error = ws2echo_model_describe((uint)models.Count, info)) == 0)
                {
                    models.Add(new ModelInfo(info));
                }
                return error == Failure.InvalidArgument ? models : throw Failure.Of(error, null);
            }
        }

        /// <summary>The kinds of faults that servers can have: what rules are made of.</summary>
        public static IReadOnlyList<FaultKind> Faults => FaultKind.All;
    }

    /// <summary>An I/O model of the DLL.</summary>
    public sealed class ModelInfo
    {
        internal ModelInfo(ws2echo_model_info native)
        {
            Model = (Model)native.model;
            Name = native.name;
            Family = native.family;
            Summary = native.summary;
            Calls = native.calls;
            Limits = native.limits;
            Workers = native.workers != 0;
            var accepts = new List<Accept>();
            foreach (Accept way in Enum.GetValues(typeof(Accept)))
            {
                if ((native.accepts & (1u << (int)way)) != 0)
                {
                    accepts.Add(way);
                }
            }
            Accepts = accepts;
        }

        /// <summary>
        /// Its number, for <see cref="ServerOptions.Model"/>: also of a model that the enumeration has no name for.
        /// </summary>
        public Model Model { get; }

        /// <summary>Its name, the same in every language: "threads".</summary>
        public string Name { get; }

        /// <summary>"blocking", "readiness" or "completion": what Winsock tells, and when.</summary>
        public string Family { get; }

        /// <summary>What it is, in a sentence.</summary>
        public string Summary { get; }

        /// <summary>The Winsock and Win32 calls that it is made of.</summary>
        public string Calls { get; }

        /// <summary>What bounds the number of connections, and what a thread of it serves.</summary>
        public string Limits { get; }

        /// <summary>The ways to accept that it offers, without <see cref="Accept.Default"/>.</summary>
        public IReadOnlyList<Accept> Accepts { get; }

        /// <summary>Whether <see cref="ServerOptions.Workers"/> applies.</summary>
        public bool Workers { get; }

        /// <summary>Name and summary.</summary>
        public override string ToString() => $"{Name}: {Summary}";
    }
}
