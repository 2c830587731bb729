using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>Splits that keep each class's share.</summary>
internal static class StratifiedSplit
{
    public static (ImageSource First, ImageSource Second) Split(ImageSource source, double fraction, ulong seed)
    {
        if (fraction is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The fraction must lie between 0 and 1.");
        var first = new List<int>();
        var second = new List<int>();
        foreach (var members in Shuffled(source, seed))
        {
            var count = (int)Math.Round(members.Length * fraction, MidpointRounding.AwayFromZero);
            if (members.Length >= 2)
                count = Math.Clamp(count, 1, members.Length - 1);
            first.AddRange(members.AsSpan(0, count));
            second.AddRange(members.AsSpan(count));
        }

        first.Sort();
        second.Sort();
        return (source.Subset([.. first]), source.Subset([.. second]));
    }

    public static ImageSource Sample(ImageSource source, int count, ulong seed)
    {
        // Dealing the classes' members round by their relative rank keeps every prefix balanced.
        var ranked = new List<(double Rank, int Index)>(source.Count);
        foreach (var members in Shuffled(source, seed))
        {
            for (var i = 0; i < members.Length; i++)
                ranked.Add(((i + 0.5) / members.Length, members[i]));
        }

        ranked.Sort();
        var chosen = ranked.Take(count).Select(r => r.Index).ToArray();
        Array.Sort(chosen);
        return source.Subset(chosen);
    }

    static IEnumerable<int[]> Shuffled(ImageSource source, ulong seed)
    {
        var members = new List<int>[source.Classes.Count];
        for (var c = 0; c < members.Length; c++)
            members[c] = [];
        for (var i = 0; i < source.Count; i++)
            members[source.Label(i)].Add(i);
        for (var c = 0; c < members.Length; c++)
        {
            var shuffled = members[c].ToArray();
            var random = new SplitRandom(seed, RandomPurpose.Split, (ulong)c);
            random.Shuffle<int>(shuffled);
            yield return shuffled;
        }
    }
}
