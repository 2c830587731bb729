using System.Buffers;
using System.Text;
using System.Text.Json;

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
        var spec = new PreprocessSpec();
        try
        {
            using var document = JsonDocument.Parse(text);
            foreach (var property in document.RootElement.EnumerateObject()) spec = With(spec, property, path);
            if (spec.ScaledDecoding && !document.RootElement.TryGetProperty(ScaledDecodingVersion, out _)) spec = spec with { ScaledDecodingVersion = 1 };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw ImageErrors.BadSpecification($"its JSON cannot be read ({e.Message})", path);
        }
        spec.Validate(path);
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

    static PreprocessSpec With(PreprocessSpec spec, JsonProperty property, string? path)
    {
        var value = property.Value;
        switch (property.Name)
        {
            case "version":
                if (value.GetInt32() != Version) throw ImageErrors.BadSpecification($"version {value.GetInt32()}, expected {Version}", path);
                return spec;
            case "width": return spec with { Width = value.GetInt32() };
            case "height": return spec with { Height = value.GetInt32() };
            case "channels": return spec with { Channels = value.GetInt32() };
            case "resize": return spec with { Resize = ParseMode(value.GetString(), path) };
            case "filter": return spec with { Filter = ParseFilter(value.GetString(), path) };
            case "shorter_side": return spec with { ShorterSide = value.GetInt32() };
            case "pad_color": return spec with { PadColor = value.GetInt32() };
            case "median": return spec with { Median = value.GetInt32() };
            case "blur": return spec with { Blur = value.GetDouble() };
            case "apply_orientation": return spec with { ApplyOrientation = value.GetBoolean() };
            case ScaledDecodingVersion: return spec with { ScaledDecodingVersion = value.GetInt32() };
            case "scaled_decoding": return spec with { ScaledDecoding = value.GetBoolean() };
        }
        throw ImageErrors.BadSpecification($"the property \"{property.Name}\" is unknown", path);
    }

    static ResizeMode ParseMode(string? name, string? path)
    {
        foreach (var mode in Enum.GetValues<ResizeMode>())
        {
            if (Name(mode) == name) return mode;
        }
        throw ImageErrors.BadSpecification($"resize mode \"{name}\", expected stretch, fit-pad, center-crop or shorter-side-crop", path);
    }

    static ResizeFilter ParseFilter(string? name, string? path)
    {
        foreach (var filter in Enum.GetValues<ResizeFilter>())
        {
            if (Name(filter) == name) return filter;
        }
        throw ImageErrors.BadSpecification($"filter \"{name}\", expected nearest, box, bilinear, bicubic or lanczos", path);
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
