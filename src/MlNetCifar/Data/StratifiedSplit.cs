using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>Splits that keep each class's share.</summary>
internal static class StratifiedSplit
{
    public static (ImageSource First, ImageSource Second) Split(ImageSource source, double fraction, ulong seed)
    {
        var (first, second) = Split(Labels(source), source.Classes.Count, fraction, seed);
        return (source.Subset(first), source.Subset(second));
    }

    /// <summary>Cuts a part off; a class of one picture stays in the rest, where the network learns it.</summary>
    public static (ImageSource Part, ImageSource Kept) Cut(ImageSource source, double fraction, ulong seed)
    {
        var (part, rest) = Split(Labels(source), source.Classes.Count, fraction, seed, keepSingle: true);
        return (source.Subset(part), source.Subset(rest));
    }

    /// <summary>Indices of the two parts, ascending.</summary>
    public static (int[] First, int[] Second) Split(int[] labels, int classes, double fraction, ulong seed, bool keepSingle = false)
    {
        if (fraction is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The fraction must lie between 0 and 1.");
        var first = new List<int>();
        var second = new List<int>();
        foreach (var members in Shuffled(labels, classes, seed))
        {
            var count = (int)Math.Round(members.Length * fraction, MidpointRounding.AwayFromZero);
            if (members.Length >= 2)
                count = Math.Clamp(count, 1, members.Length - 1);
            else if (keepSingle)
                count = 0;
            first.AddRange(members.AsSpan(0, count));
            second.AddRange(members.AsSpan(count));
        }

        first.Sort();
        second.Sort();
        return ([.. first], [.. second]);
    }

    public static ImageSource Sample(ImageSource source, int count, ulong seed)
    {
        // Dealing the classes' members round by their relative rank keeps every prefix balanced.
        var ranked = new List<(double Rank, int Index)>(source.Count);
        foreach (var members in Shuffled(Labels(source), source.Classes.Count, seed))
        {
            for (var i = 0; i < members.Length; i++)
                ranked.Add(((i + 0.5) / members.Length, members[i]));
        }

        ranked.Sort();
        var chosen = ranked.Take(count).Select(r => r.Index).ToArray();
        Array.Sort(chosen);
        return source.Subset(chosen);
    }

    static int[] Labels(ImageSource source)
    {
        var labels = new int[source.Count];
        for (var i = 0; i < labels.Length; i++)
            labels[i] = source.Label(i);
        return labels;
    }

    static IEnumerable<int[]> Shuffled(int[] labels, int classes, ulong seed)
    {
        var members = new List<int>[classes];
        for (var c = 0; c < classes; c++)
            members[c] = [];
        for (var i = 0; i < labels.Length; i++)
            members[labels[i]].Add(i);
        for (var c = 0; c < classes; c++)
        {
            var shuffled = members[c].ToArray();
            var random = new SplitRandom(seed, RandomPurpose.Split, (ulong)c);
            random.Shuffle<int>(shuffled);
            yield return shuffled;
        }
    }
}
