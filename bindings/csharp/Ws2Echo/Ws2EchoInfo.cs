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
                    models.Add(new ModelInfo((Model)info.model, info.name, info.summary));
                }
                return error == Failure.InvalidArgument ? models : throw Failure.Of(error, null);
            }
        }
    }

    /// <summary>An I/O model of the DLL.</summary>
    public sealed class ModelInfo
    {
        internal ModelInfo(Model model, string name, string summary)
        {
            Model = model;
            Name = name;
            Summary = summary;
        }

        /// <summary>Its number, for <see cref="ServerOptions.Model"/>.</summary>
        public Model Model { get; }

        /// <summary>Its name, the same in every language: "threads".</summary>
        public string Name { get; }

        /// <summary>What it is, in a sentence.</summary>
        public string Summary { get; }

        /// <summary>Name and summary.</summary>
        public override string ToString() => $"{Name}: {Summary}";
    }
}
