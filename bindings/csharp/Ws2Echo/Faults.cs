using System;
using System.Collections.Generic;
using Ws2Echo.Native;
using static Ws2Echo.Native.NativeMethods;

namespace Ws2Echo
{
    /// <summary>A rule by which a <see cref="Server"/> misbehaves.</summary>
    public sealed class Fault
    {
        internal Fault(ws2echo_fault native)
        {
            Id = (int)native.id;
            Kind = FaultKind.NameOf(native.kind);
            Text = native.text;
        }

        /// <summary>1, 2, 3, … in the order of addition; never given twice.</summary>
        public int Id { get; }

        /// <summary>The name of its kind.</summary>
        public string Kind { get; }

        /// <summary>In its canonical form: equal rules have equal texts.</summary>
        public string Text { get; }

        /// <summary>The text.</summary>
        public override string ToString() => Text;
    }

    /// <summary>A rule that is in force until this is disposed.</summary>
    public sealed class FaultScope : IDisposable
    {
        private readonly Server _server;
        private bool _disposed;

        internal FaultScope(Server server, int id)
        {
            _server = server;
            Id = id;
        }

        /// <summary>The rule's id.</summary>
        public int Id { get; }

        /// <summary>
        /// Removes the rule; does nothing if it was removed before, or the server is disposed. Blocks as
        /// <see cref="Server.RemoveFault"/>.
        /// </summary>
        public void Dispose()
        {
            if (!_disposed)
            {
                _disposed = true;
                _server.RemoveFaultIfThere(Id);
            }
        }
    }

    /// <summary>A parameter of a kind of fault, or a condition that it can have.</summary>
    public sealed class FaultParameter
    {
        internal FaultParameter(ws2echo_fault_parameter_info native)
        {
            Name = native.name;
            IsCondition = native.condition != 0;
            Unit = native.unit;
            Least = native.least;
            Most = native.most;
            IsRequired = native.required != 0;
            Default = IsRequired || native.optional != 0 ? (double?)null : native.default_value;
            Summary = native.summary;
        }

        /// <summary>As it is written in a rule: latency:latency=50.</summary>
        public string Name { get; }

        /// <summary>Whether it is a condition, which stands behind "@".</summary>
        public bool IsCondition { get; }

        /// <summary>"milliseconds", "bytes", …; empty for a plain number. "a fraction" is 0 to 1.</summary>
        public string Unit { get; }

        /// <summary>The smallest value.</summary>
        public double Least { get; }

        /// <summary>The largest value.</summary>
        public double Most { get; }

        /// <summary>What it is when left out; null: nothing, or it is required.</summary>
        public double? Default { get; }

        /// <summary>Whether it must be given.</summary>
        public bool IsRequired { get; }

        /// <summary>What it means.</summary>
        public string Summary { get; }
    }

    /// <summary>A kind of fault.</summary>
    public sealed class FaultKind
    {
        private static readonly Lazy<IReadOnlyList<FaultKind>> Listed = new Lazy<IReadOnlyList<FaultKind>>(List);

        private FaultKind(ws2echo_fault_info native, IReadOnlyList<FaultParameter> parameters)
        {
            Name = native.name;
            Summary = native.summary;
            OverTcp = (native.protocols & (1u << (int)Protocol.Tcp)) != 0;
            OverUdp = (native.protocols & (1u << (int)Protocol.Udp)) != 0;
            HasStream = native.streams != 0;
            Selects = native.selects != 0;
            Parameters = parameters;
        }

        /// <summary>What a rule begins with.</summary>
        public string Name { get; }

        /// <summary>What it does, in one sentence.</summary>
        public string Summary { get; }

        /// <summary>Whether a server of TCP can have it.</summary>
        public bool OverTcp { get; }

        /// <summary>Whether a server of UDP can have it.</summary>
        public bool OverUdp { get; }

        /// <summary>Whether stream=upstream and stream=downstream apply.</summary>
        public bool HasStream { get; }

        /// <summary>Whether toxicity and the condition peers apply: not where it is about all that comes.</summary>
        public bool Selects { get; }

        /// <summary>Its own, then its conditions.</summary>
        public IReadOnlyList<FaultParameter> Parameters { get; }

        /// <summary>The list is part of the DLL and never changes.</summary>
        internal static IReadOnlyList<FaultKind> All => Listed.Value;

        internal static string NameOf(uint number) => All[(int)number].Name;

        private static IReadOnlyList<FaultKind> List()
        {
            var kinds = new List<FaultKind>();
            using var info = new ws2echo_fault_info { size = ws2echo_fault_info.sizeof_struct() };
            int error;
            while ((error = ws2echo_fault_describe((uint)kinds.Count, info)) == 0)
            {
                kinds.Add(new FaultKind(info, ParametersOf((uint)kinds.Count)));
            }
            return error == Failure.InvalidArgument ? kinds : throw Failure.Of(error, null);
        }

        private static IReadOnlyList<FaultParameter> ParametersOf(uint kind)
        {
            var parameters = new List<FaultParameter>();
            using var info = new ws2echo_fault_parameter_info { size = ws2echo_fault_parameter_info.sizeof_struct() };
            int error;
            while ((error = ws2echo_fault_parameter_describe(kind, (uint)parameters.Count, info)) == 0)
            {
                parameters.Add(new FaultParameter(info));
            }
            return error == Failure.InvalidArgument ? parameters : throw Failure.Of(error, null);
        }
    }
}
