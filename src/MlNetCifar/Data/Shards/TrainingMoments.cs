namespace MlNetCifar.Data;

/// <summary>Mean and deviation of a training split that is yet to be prepared.</summary>
internal static class TrainingMoments
{
    /// <summary>Completes options that ask for normalised pixels: from an earlier run's manifest where it is of the same images, else by decoding every image once.</summary>
    /// <param name="folder">The training split's folder of shards.</param>
    /// <param name="items">The training images.</param>
    /// <param name="options">How shards are made.</param>
    /// <param name="measure">Sums over all training images.</param>
    public static ShardOptions Complete(string folder, IReadOnlyList<ShardItem> items, ShardOptions options, Func<ShardOptions, ChannelMoments> measure)
    {
        if ((options.NormalizedBy is null ? Earlier(folder, items, options) : options) is { } known)
            return known;
        var moments = measure(options);
        // Where nothing could be read, the run that follows says so.
        return moments.Pixels == 0 ? options : options with { NormalizedBy = moments.ToNormalization() };
    }

    /// <summary>Sums over all training images, by decoding them.</summary>
    /// <param name="items">The training images.</param>
    /// <param name="options">How shards are made.</param>
    /// <param name="build">Builds a part, not normalised.</param>
    public static ChannelMoments Built(IReadOnlyList<ShardItem> items, ShardOptions options, Func<ShardBuilder, int[], ShardPart> build)
    {
        var builder = new ShardBuilder(options);
        var moments = new ChannelMoments(options.Spec.Channels);
        // The sums are the same for any parts; these never outgrow memory.
        var inMemory = options with { Parts = null, TargetBytes = builder.MemoryBytes };
        foreach (var indices in ShardPlan.Create(items, inMemory).Parts)
        {
            var part = build(builder, indices);
            part.AddTo(moments);
            builder.Recycle(part);
        }

        return moments;
    }

    // Equal keys mean equal images and equal treatment, hence equal moments.
    static ShardOptions? Earlier(string folder, IReadOnlyList<ShardItem> items, ShardOptions options)
    {
        try
        {
            var manifest = ShardManifest.Read(options.Store, folder);
            var known = options with { NormalizedBy = manifest.NormalizedBy };
            return manifest.NormalizedBy is not null && ShardPlan.Create(items, known).Keys.SequenceEqual(manifest.Parts.Select(p => p.Key)) ? known : null;
        }
        catch (MlNetCifarException)
        {
            return null;
        }
    }
}
