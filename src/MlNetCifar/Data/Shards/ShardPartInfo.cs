using System.Globalization;
using System.Text;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>A file of a part.</summary>
/// <param name="Name">Its name in the folder.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Sha256">64 lower-case hexadecimal digits.</param>
public sealed record ShardFile(string Name, long Length, string Sha256);

/// <summary>What a manifest says of a part; small enough to travel from an executor to its driver.</summary>
public sealed record ShardPartInfo
{
    /// <summary>The part's number, from 0.</summary>
    public required int Part { get; init; }

    /// <summary>The plan's key: equal keys mean equal contents.</summary>
    public required string Key { get; init; }

    /// <summary>Pictures.</summary>
    public required int Count { get; init; }

    /// <summary>Pictures of each class.</summary>
    public required IReadOnlyList<int> Histogram { get; init; }

    /// <summary>Sum of the bytes of each channel.</summary>
    public required IReadOnlyList<ulong> Sum { get; init; }

    /// <summary>Sum of their squares.</summary>
    public required IReadOnlyList<ulong> Squares { get; init; }

    /// <summary>The part's three files.</summary>
    public required IReadOnlyList<ShardFile> Files { get; init; }

    /// <summary>Images that could not be read.</summary>
    public required IReadOnlyList<BadFile> BadFiles { get; init; }

    /// <summary>The pictures' file name.</summary>
    /// <param name="part">The part's number.</param>
    internal static string PicturesName(int part) => string.Create(CultureInfo.InvariantCulture, $"X_part_{part:D5}.npy");

    /// <summary>The labels' file name.</summary>
    /// <param name="part">The part's number.</param>
    internal static string LabelsName(int part) => string.Create(CultureInfo.InvariantCulture, $"y_part_{part:D5}.npy");

    /// <summary>The file names' file name.</summary>
    /// <param name="part">The part's number.</param>
    internal static string NamesName(int part) => string.Create(CultureInfo.InvariantCulture, $"files_part_{part:D5}.txt");

    /// <summary>One line of JSON.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, ManifestJson.Options(indented: false)))
            ManifestJson.Write(json, this, alone: true);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The line.</param>
    /// <exception cref="JsonException">This is something else.</exception>
    /// <exception cref="MlNetCifarException">A property is unknown (MNC1101).</exception>
    public static ShardPartInfo FromJson(string json)
    {
        using var document = JsonDocument.Parse(json);
        return JsonFields.Read(document.RootElement, FileOrigin.Of(document.RootElement, null), ManifestJson.ReadPart);
    }
}
