using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using MlNetCifar.Imaging;
using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>An image that is to go into a shard.</summary>
/// <param name="Name">Relative path, as it will stand in the list of files.</param>
/// <param name="Label">Class index.</param>
/// <param name="Length">Bytes of the file; a changed file gives another plan.</param>
public sealed record ShardItem(string Name, int Label, long Length);

/// <summary>
/// Which images go into which part, in which order: a function of the items, their order, and the options. Images are dealt in a seeded random order,
/// so that every part holds all classes and reading parts in turn is nearly a shuffle.
/// </summary>
public sealed class ShardPlan
{
    /// <summary>Largest picture, in pixels, that earlier versions read by default.</summary>
    internal const string EarlierDefault = "89000000";

    ShardPlan(IReadOnlyList<ShardItem> items, IReadOnlyList<int[]> parts, string specHash)
    {
        Items = items;
        Parts = parts;
        Keys = [.. parts.Select((_, p) => Key(ItemsOf(p), specHash))];
    }

    /// <summary>The images.</summary>
    public IReadOnlyList<ShardItem> Items { get; }

    /// <summary>For every part the indices of its images, in the order of its rows; a copy each time one is asked for.</summary>
    public IReadOnlyList<int[]> Parts { get; }

    /// <summary>The images of one part, in the order of its rows; each is made when asked for.</summary>
    /// <param name="part">The part's number, from 0.</param>
    public IReadOnlyList<ShardItem> ItemsOf(int part)
    {
        var rows = Parts[part];
        return new LazyList<ShardItem>(rows.Length, row => Items[rows[row]]);
    }

    /// <summary>For every part a SHA-256 over what goes into it and how: equal keys mean equal contents.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>What pixels are to be normalised by, as in <see cref="ShardOptions.NormalizedBy"/>.</summary>
    public Normalization? NormalizedBy { get; private init; }

    /// <summary>Whether the parts are wanted for their sums alone, before they can be normalised: nothing is to be written, and <see cref="ShardPart.Measure"/> says what is to be returned.</summary>
    public bool MeasureOnly { get; private init; }

    /// <summary>What tells that the folder is another run's; null for nothing.</summary>
    internal Action? Fence { get; set; }

    /// <summary>Makes sure that the folder is still that of the run with this plan; to be called before a part gets its final name in it.</summary>
    /// <exception cref="MlNetCifarException">Another run has taken the folder over (MNC1036).</exception>
    public void RequireFolder() => Fence?.Invoke();

    /// <summary>Makes the plan.</summary>
    /// <param name="items">The images of one split.</param>
    /// <param name="options">Parts or target size, seed, specification.</param>
    /// <param name="content">A hash of the contents where the items have no lengths to show a change by.</param>
    public static ShardPlan Create(IReadOnlyList<ShardItem> items, ShardOptions options, string content = "") => Create(items, options, content, measureOnly: false);

    internal static ShardPlan Create(IReadOnlyList<ShardItem> items, ShardOptions options, string content, bool measureOnly)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var order = new int[items.Count];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        new SplitRandom(options.Seed, RandomPurpose.Split, ulong.MaxValue).Shuffle<int>(order);
        var bytes = items.Count * options.RowBytes;
        var most = Math.Max(1, Array.MaxLength / options.RowBytes);
        var wanted = options.Parts ?? (bytes + options.TargetBytes - 1) / options.TargetBytes;
        var count = (int)Math.Clamp(Math.Max(wanted, (items.Count + most - 1) / most), 1, Math.Max(items.Count, 1));
        // Not held beside the order they are cut from: a million images would have it twice.
        var parts = new LazyList<int[]>(count, p => order[(int)((long)order.Length * p / count)..(int)((long)order.Length * (p + 1) / count)]);
        return new(items, parts, $"{options.Spec.Hash()}:{Type(options)}:{Limits(options.Spec.ForDecoding(options.Decode))}:{content}")
        {
            NormalizedBy = options.NormalizedBy,
            MeasureOnly = measureOnly,
        };
    }

    static string Type(ShardOptions options) => options.NormalizedBy is { } by
        ? string.Create(CultureInfo.InvariantCulture, $"float32({string.Join(' ', by.Mean.Concat(by.Std).Select(v => v.ToString("R", CultureInfo.InvariantCulture)))})")
        : options.Float32 ? "float32" : "uint8";

    static string Limits(DecodeOptions o) => string.Create(
        CultureInfo.InvariantCulture,
        $"{MaxPixels(o)}:{o.MaxDimension}:{o.MaxFileBytes}:{o.AllowTruncated}:{o.ApplyOrientation}:{o.MinWidth}:{o.MinHeight}");

    // Keys that earlier versions wrote hold: under the default of today nothing that was read looks different, and what was refused is seen in the part.
    static string MaxPixels(DecodeOptions o)
    {
        var text = o.MaxPixels.ToString(CultureInfo.InvariantCulture);
        return o.MaxPixels == DecodeOptions.DefaultMaxPixels ? EarlierDefault : text == EarlierDefault ? $"={text}" : text;
    }

    static string Key(IReadOnlyList<ShardItem> items, string specHash)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(specHash));
        var line = new byte[256];
        foreach (var item in items)
        {
            int length;
            while (!Utf8.TryWrite(line, CultureInfo.InvariantCulture, $"\n{item.Label}\t{item.Length}\t{item.Name}", out length))
                line = new byte[2 * line.Length];
            hash.AppendData(line, 0, length);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
