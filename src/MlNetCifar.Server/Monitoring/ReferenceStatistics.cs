using System.Text.Json;
using System.Text.Json.Serialization;

namespace MlNetCifar.Server.Monitoring;

/// <summary>
/// What a model's pictures and answers looked like where all was well: histograms over pictures that it was not trained on. Kept in a file beside the model, <c>NAME.reference.json</c>.
/// </summary>
/// <param name="Classes">Class names, in the model's order.</param>
/// <param name="Answers">Answers of each class, then the unknown ones.</param>
/// <param name="Confidence">Probabilities of the first class, in 20 equal bins.</param>
/// <param name="Brightness">Mean of a picture's bytes, in 32 equal bins.</param>
/// <param name="Contrast">Standard deviation of a picture's bytes, in 32 equal bins up to 128.</param>
internal sealed record ReferenceStatistics(string[] Classes, long[] Answers, long[] Confidence, long[] Brightness, long[] Contrast)
{
    const string Extension = ".reference.json";
    const int Levels = 32;
    const int Shares = 20;

    /// <summary>Pictures counted.</summary>
    [JsonIgnore]
    public long Count => Answers.Sum();

    /// <summary>Histograms without anything in them.</summary>
    public static ReferenceStatistics Empty(IEnumerable<string> classes)
    {
        string[] names = [.. classes];
        return new(names, new long[names.Length + 1], new long[Shares], new long[Levels], new long[Levels]);
    }

    /// <summary>Where the file of a model lies.</summary>
    public static string PathBeside(string model) => System.IO.Path.ChangeExtension(model, null) + Extension;

    /// <summary>Reads the file beside a model; null where there is none.</summary>
    /// <exception cref="MlNetCifarException">It is there and cannot be used (MNC8021).</exception>
    public static ReferenceStatistics? Beside(string model)
    {
        var path = PathBeside(model);
        if (!File.Exists(path))
            return null;
        try
        {
            var read = JsonSerializer.Deserialize(File.ReadAllBytes(path), ReferenceJson.Default.ReferenceStatistics);
            if (read is { Classes: { } classes, Answers: { } answers, Confidence.Length: Shares, Brightness.Length: Levels, Contrast.Length: Levels } && answers.Length == classes.Length + 1)
                return read;
            throw Unusable(path, "its histograms do not have the sizes that they should have", null);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, e.Message, e);
        }
    }

    /// <summary>Refuses statistics of another model.</summary>
    /// <exception cref="MlNetCifarException">The classes differ (MNC8022).</exception>
    public void Check(IEnumerable<string> classes, string model)
    {
        if (!Classes.SequenceEqual(classes))
            throw new MlNetCifarException("MNC8022", ErrorKind.Data, "The reference statistics are of a model with other classes.", "Make them again with 'serve --reference', or remove the file.", PathBeside(model));
    }

    /// <summary>The content of the file.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ReferenceJson.Default.ReferenceStatistics);

    /// <summary>Counts one picture.</summary>
    /// <param name="answer">Its answer, with one class at least.</param>
    /// <param name="pixels">Preprocessed.</param>
    public void Add(Classification answer, ReadOnlySpan<byte> pixels)
    {
        var (index, probability) = (answer.Predictions[0].Index, answer.Predictions[0].Probability);
        Answers[answer.IsUnknown ? Classes.Length : index]++;
        Confidence[Bin(probability, 1, Shares)]++;
        double sum = 0, squares = 0;
        foreach (var value in pixels)
        {
            sum += value;
            squares += value * value;
        }

        var mean = sum / pixels.Length;
        Brightness[Bin(mean, 256, Levels)]++;
        Contrast[Bin(Math.Sqrt(Math.Max(0, (squares / pixels.Length) - (mean * mean))), 128, Levels)]++;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        foreach (var histogram in new[] { Answers, Confidence, Brightness, Contrast })
            Array.Clear(histogram);
    }

    static int Bin(double value, double end, int bins) => Math.Clamp((int)(value / end * bins), 0, bins - 1);

    static MlNetCifarException Unusable(string path, string why, Exception? cause) =>
        new("MNC8021", ErrorKind.Data, $"The reference statistics cannot be used: {why}.", "Make them again with 'serve --reference', or remove the file.", path, cause);
}

/// <summary>Reads and writes without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ReferenceStatistics))]
internal sealed partial class ReferenceJson : JsonSerializerContext;
