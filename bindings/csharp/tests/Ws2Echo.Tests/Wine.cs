using System;
using System.IO;
using System.Runtime.InteropServices;

namespace Ws2Echo.Tests
{
    /// <summary>What the tests need on Wine, and nowhere else.</summary>
    internal static class Wine
    {
        private delegate void Install();

        /// <summary>Lets .NET 5 and newer catch exceptions on Wine 8; wine_frames.c says why they could not.</summary>
        internal static void Prepare()
        {
            string? build = Environment.GetEnvironmentVariable("WS2ECHO_BUILD");
            bool isWine = NativeLibrary.TryGetExport(NativeLibrary.Load("ntdll.dll"), "wine_get_version", out _);
            if (isWine && build != null && Environment.Version.Major >= 5)
            {
                IntPtr library = NativeLibrary.Load(Path.Combine(build, "win64", "tests", "wine_frames.dll"));
                IntPtr install = NativeLibrary.GetExport(library, "wine_frames_install");
                Marshal.GetDelegateForFunctionPointer<Install>(install)();
            }
        }
    }
}
