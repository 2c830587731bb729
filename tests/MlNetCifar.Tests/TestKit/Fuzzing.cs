using System.Globalization;

namespace MlNetCifar.Tests.TestKit;

/// <summary>Settings of the tests that change files at random.</summary>
internal static class Fuzzing
{
    /// <summary>How long one runs that is no slow test: for each format of files, and each seed.</summary>
    public static TimeSpan FastTime { get; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a slow one runs: the seconds that MLNETCIFAR_FUZZ_SECONDS names, 60 without it.</summary>
    public static TimeSpan SlowTime { get; } = TimeSpan.FromSeconds(
        double.TryParse(Environment.GetEnvironmentVariable("MLNETCIFAR_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var wanted) ? wanted : 60);
}
