using System.Diagnostics;

namespace MlNetCifar.Benchmarks;

/// <summary>How often and by what figure the benchmarks time things.</summary>
internal static class Timing
{
    /// <summary>The median seconds of some rounds of work.</summary>
    /// <param name="rounds">Rounds that count.</param>
    /// <param name="work">Timed whole.</param>
    /// <param name="warmUp">Rounds before those.</param>
    public static double Median(int rounds, Action work, int warmUp = 0)
    {
        List<double> seconds = [];
        for (var i = 0; i < warmUp + rounds; i++)
        {
            var start = Stopwatch.GetTimestamp();
            work();
            if (i >= warmUp)
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return Median(seconds);
    }

    /// <summary>The upper median.</summary>
    public static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
