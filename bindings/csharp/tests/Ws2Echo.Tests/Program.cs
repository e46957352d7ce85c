using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace Ws2Echo.Tests
{
    /// <summary>Marks a test: a static method without parameters, void or Task.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class TestAttribute : Attribute
    {
    }

    /// <summary>
    /// Runs the tests whose name contains the first argument, or all. Prints a line for each, PASS or FAIL, and what went wrong;
    /// the exit status is 0 if none failed. With --leave-open it runs none, but ends with all kinds of objects open.
    /// </summary>
    internal static class Program
    {
        private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

        private static int Main(string[] arguments)
        {
            Wine.Prepare();
            if (arguments.Length == 1 && arguments[0] == "--leave-open")
            {
                return LeavingOpen.Run();
            }
            List<MethodInfo> tests = Tests().Where(test => arguments.Length == 0 || Name(test).Contains(arguments[0])).ToList();
            int failed = tests.Count(test => !Passes(test));
            Console.WriteLine($"{tests.Count - failed} passed, {failed} failed, on {Environment.Version}");
            return failed == 0 && tests.Count > 0 ? 0 : 1;
        }

        private static IEnumerable<MethodInfo> Tests() =>
            from type in Assembly.GetExecutingAssembly().GetTypes()
            from method in type.GetMethods(BindingFlags.Static | BindingFlags.Public)
            where method.GetCustomAttribute<TestAttribute>() != null
            orderby type.Name, method.MetadataToken
            select method;

        private static string Name(MethodInfo test) => $"{test.DeclaringType!.Name}.{test.Name}";

        private static bool Passes(MethodInfo test)
        {
            Stopwatch watch = Stopwatch.StartNew();
            string? failure = null;
            try
            {
                Task running = Task.Factory.StartNew(() => Start(test), TaskCreationOptions.LongRunning).Unwrap();
                failure = running.Wait(Limit) ? null : $"did not end within {Limit.TotalSeconds} seconds";
            }
            catch (AggregateException thrown)
            {
                failure = thrown.InnerException!.ToString();
            }
            string seconds = watch.Elapsed.TotalSeconds.ToString("F2", CultureInfo.InvariantCulture);
            Console.WriteLine($"{(failure is null ? "PASS" : "FAIL")} {Name(test)} {seconds} s");
            if (failure != null)
            {
                Console.WriteLine("  " + failure.Replace("\n", "\n  ", StringComparison.Ordinal));
            }
            return failure is null;
        }

        private static Task Start(MethodInfo test)
        {
            try
            {
                return (Task?)test.Invoke(null, null) ?? Task.CompletedTask;
            }
            catch (TargetInvocationException wrapped)
            {
                return Task.FromException(wrapped.InnerException!);
            }
        }
    }
}
