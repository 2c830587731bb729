using System.Buffers;
using System.Text;
using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar.Imaging;

/// <summary>The canonical JSON form of a <see cref="PreprocessSpec"/>.</summary>
static class PreprocessSpecJson
{
    const int Version = 1;
    const string ScaledDecodingVersion = "scaled_decoding_version";

    public static string Write(PreprocessSpec spec)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("version", Version);
            json.WriteNumber("width", spec.Width);
            json.WriteNumber("height", spec.Height);
            json.WriteNumber("channels", spec.Channels);
            json.WriteString("resize", Name(spec.Resize));
            json.WriteString("filter", Name(spec.Filter));
            json.WriteNumber("shorter_side", spec.ShorterSide);
            json.WriteNumber("pad_color", spec.PadColor);
            json.WriteNumber("median", spec.Median);
            json.WriteNumber("blur", spec.Blur);
            json.WriteBoolean("apply_orientation", spec.ApplyOrientation);
            json.WriteBoolean("scaled_decoding", spec.ScaledDecoding);
            // Left out where it says nothing and where texts of version 1 had none, so that their hashes stay.
            if (spec.ScaledDecoding && spec.ScaledDecodingVersion != 1) json.WriteNumber(ScaledDecodingVersion, spec.ScaledDecodingVersion);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static PreprocessSpec Read(string text, string? path)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return JsonFields.Read(document.RootElement, FileOrigin.Of(document.RootElement, path), Read);
        }
        catch (JsonException e)
        {
            throw ImageErrors.BadSpecification($"its JSON cannot be read ({e.Message.TrimEnd('.')})", path);
        }
    }

    /// <summary>Reads and checks a specification within a file.</summary>
    public static PreprocessSpec Read(JsonFields fields)
    {
        if (fields.Int("version", Version) is var version && version != Version)
            throw ImageErrors.BadSpecification($"version {version}, expected {Version}", fields.Origin.Path);
        var missing = new PreprocessSpec();
        var spec = new PreprocessSpec
        {
            Width = fields.Int("width", missing.Width),
            Height = fields.Int("height", missing.Height),
            Channels = fields.Int("channels", missing.Channels),
            Resize = Parse(fields, "resize", Name, missing.Resize),
            Filter = Parse(fields, "filter", Name, missing.Filter),
            ShorterSide = fields.Int("shorter_side", missing.ShorterSide),
            PadColor = fields.Int("pad_color", missing.PadColor),
            Median = fields.Int("median", missing.Median),
            Blur = fields.Value("blur", e => e.GetDouble(), missing.Blur),
            ApplyOrientation = fields.Flag("apply_orientation", missing.ApplyOrientation),
            ScaledDecoding = fields.Flag("scaled_decoding", missing.ScaledDecoding),
        };

        // Scaled decoding that does not say its version is of the first.
        spec = spec with { ScaledDecodingVersion = fields.Int(ScaledDecodingVersion, spec.ScaledDecoding ? 1 : missing.ScaledDecodingVersion) };
        spec.Validate(fields.Origin.Path);
        return spec;
    }

    public static string Differences(PreprocessSpec found, PreprocessSpec expected)
    {
        using var left = JsonDocument.Parse(Write(found));
        using var right = JsonDocument.Parse(Write(expected));
        var differences = new List<string>();
        foreach (var property in left.RootElement.EnumerateObject())
        {
            if (property.Name == ScaledDecodingVersion) continue;
            var (value, wanted) = (property.Value.ToString(), right.RootElement.GetProperty(property.Name).ToString());
            if (value != wanted) differences.Add($"{property.Name.Replace('_', ' ')} is {value} instead of {wanted}");
        }
        if (found.ScaledDecoding && expected.ScaledDecoding && found.ScaledDecodingVersion != expected.ScaledDecodingVersion)
        {
            differences.Add($"scaled decoding version is {found.ScaledDecodingVersion} instead of {expected.ScaledDecodingVersion}");
        }
        return string.Join(", ", differences);
    }

    static T Parse<T>(JsonFields fields, string property, Func<T, string> nameOf, T missing)
        where T : struct, Enum
    {
        var name = fields.Text(property, nameOf(missing));
        foreach (var value in Enum.GetValues<T>())
        {
            if (nameOf(value) == name)
                return value;
        }

        throw ImageErrors.BadSpecification(
            $"{property} \"{name}\", expected {string.Join(", ", Enum.GetValues<T>().Select(nameOf))}", fields.Origin.Path);
    }

    static string Name(ResizeMode mode) => mode switch
    {
        ResizeMode.Stretch => "stretch",
        ResizeMode.FitPad => "fit-pad",
        ResizeMode.CenterCrop => "center-crop",
        _ => "shorter-side-crop",
    };

    static string Name(ResizeFilter filter) => filter switch
    {
        ResizeFilter.Nearest => "nearest",
        ResizeFilter.Box => "box",
        ResizeFilter.Bilinear => "bilinear",
        ResizeFilter.Bicubic => "bicubic",
        _ => "lanczos",
    };
}
