using System.Globalization;

namespace MlNetCifar.Tests.TestKit;

/// <summary>Settings of the tests that change files at random.</summary>
internal static class Fuzzing
{
    /// <summary>How long a slow one runs: the seconds that MLNETCIFAR_FUZZ_SECONDS names, 60 without it.</summary>
    public static TimeSpan SlowTime { get; } = TimeSpan.FromSeconds(
        double.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var wanted) ? wanted : 60);
}
