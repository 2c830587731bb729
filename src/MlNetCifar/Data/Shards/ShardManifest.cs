using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary><c>manifest.json</c>: everything about the shards of one split.</summary>
public sealed record ShardManifest
{
    /// <summary>The file's name.</summary>
    public const string FileName = "manifest.json";

    /// <summary>The file that says that a folder is complete; written last.</summary>
    public const string SuccessName = "_SUCCESS";

    /// <summary><c>train</c>, <c>validation</c> or <c>test</c>.</summary>
    public required string Split { get; init; }

    /// <summary>Class names; a label is an index into them.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>How pictures were made.</summary>
    public required PreprocessSpec Spec { get; init; }

    /// <summary>Whether pixels are float32 instead of bytes.</summary>
    public bool Float32 { get; init; }

    /// <summary>What float32 pixels are normalised by; null where they are on the scale 0 … 1, or bytes.</summary>
    public Normalization? NormalizedBy { get; init; }

    /// <summary>What else was asked for, as <see cref="ShardSettings"/> has it; empty in manifests of earlier versions.</summary>
    internal string[] Settings { get; init; } = [];

    /// <summary>The parts, by number.</summary>
    public required IReadOnlyList<ShardPartInfo> Parts { get; init; }

    /// <summary>Pictures.</summary>
    public int Count => Parts.Sum(p => p.Count);

    /// <summary>Pictures of each class.</summary>
    public IReadOnlyList<int> Histogram => [.. Enumerable.Range(0, Classes.Count).Select(c => Parts.Sum(p => p.Histogram[c]))];

    /// <summary>Mean and deviation of this split's pixels, from the parts' exact sums; of no use where there is no picture.</summary>
    public Normalization Normalization
    {
        get
        {
            if (Count == 0)
                return Normalization.None(Spec.Channels);
            var moments = new ChannelMoments(Spec.Channels);
            foreach (var part in Parts)
                moments.Add(part, Spec);
            return moments.ToNormalization();
        }
    }

    /// <summary>A split's name in manifests and folders.</summary>
    /// <param name="split">Which.</param>
    internal static string NameOf(DatasetSplit split) => split.ToString().ToLowerInvariant();

    /// <summary>The folder of a split below a shard folder that has splits.</summary>
    /// <param name="folder">The shard folder.</param>
    /// <param name="split">Which.</param>
    internal static string FolderOf(string folder, DatasetSplit split) => $"{folder}/{NameOf(split)}";

    /// <summary>Writes <c>manifest.json</c>, <c>labels.txt</c> and last <c>_SUCCESS</c>.</summary>
    /// <param name="store">Where to.</param>
    /// <param name="folder">The folder of the split.</param>
    public void Write(IFileStore store, string folder)
    {
        ArgumentNullException.ThrowIfNull(store);
        LabelsFile.Write(Classes, $"{folder}/{LabelsFile.FileName}", store);
        store.Write($"{folder}/{FileName}", stream =>
        {
            using (var json = new Utf8JsonWriter(stream, ManifestJson.Options(indented: true)))
                ManifestJson.Write(json, this);
            stream.WriteByte((byte)'\n');
        });
        store.Write($"{folder}/{SuccessName}", _ => { });
    }

    /// <summary>Reads a manifest.</summary>
    /// <param name="store">Where from.</param>
    /// <param name="folder">The folder of the split.</param>
    /// <exception cref="MlNetCifarException">It is missing (MNC1001), unreadable (MNC1011), wrong (MNC1031), or has an unknown property (MNC1101).</exception>
    public static ShardManifest Read(IFileStore store, string folder)
    {
        ArgumentNullException.ThrowIfNull(store);
        var path = $"{folder}/{FileName}";
        if (!store.FileExists(path))
            throw FileErrors.NotFound(path);
        try
        {
            using var stream = store.OpenRead(path);
            using var document = JsonDocument.Parse(stream);
            var manifest = JsonFields.Read(document.RootElement, FileOrigin.Of(document.RootElement, path), ManifestJson.Read);
            manifest.Check(path);
            return manifest;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw DataErrors.Manifest(path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw FileErrors.Unreadable(path, e);
        }
    }

    void Check(string path)
    {
        if (NormalizedBy is { } applied && (!Float32 || applied.Channels != Spec.Channels))
            throw DataErrors.Manifest(path, new JsonException("normalized_by does not fit dtype and shape."));
        for (var i = 0; i < Parts.Count; i++)
        {
            var part = Parts[i];
            if (part.Part != i || part.Count < 0 || part.Files.Count != 3 || part.Histogram.Count != Classes.Count || part.Histogram.Sum() != part.Count
                || part.Sum.Count != Spec.Channels || part.Squares.Count != Spec.Channels
                || part.Files.Any(f => f.Name.AsSpan().IndexOfAny('/', '\\') >= 0))
                throw DataErrors.Manifest(path, new JsonException($"Part {i} is inconsistent."));
        }
    }
}
