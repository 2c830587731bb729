using System.Diagnostics.CodeAnalysis;

namespace MlNetCifar.Imaging;

/// <summary>Every error about a picture, one method each.</summary>
static class ImageErrors
{
    [DoesNotReturn]
    public static void Empty(string? path) =>
        throw Data("MNC1201", "The file is empty.", "Remove it or fetch it again.", path);

    [DoesNotReturn]
    public static void NotAnImage(string? path) =>
        throw Data("MNC1202", "The content is no picture of a known format (JPEG, PNG, BMP, PNM, GIF).", "Remove the file or convert it to JPEG or PNG.", path);

    [DoesNotReturn]
    public static void UnsupportedFormat(string format, string? path) =>
        throw Data("MNC1203", $"The content is {format}, which is not supported.", "Convert the file to JPEG or PNG, for example with ImageMagick or Pillow.", path);

    [DoesNotReturn]
    public static void UnsupportedFeature(string feature, string? path) =>
        throw Data("MNC1204", $"The picture uses {feature}, which is not supported.", "Save it again with ordinary settings.", path);

    [DoesNotReturn]
    public static void Truncated(string found, string? path) =>
        throw Data("MNC1205", $"The file ends too early: {found}.", "Fetch it again, or allow truncated pictures to use what is there.", path);

    [DoesNotReturn]
    public static void Damaged(string found, string? path) =>
        throw Data("MNC1206", $"The file is damaged: {found}.", "Fetch it again or remove it.", path);

    [DoesNotReturn]
    public static void TooLarge(string found, string limit, string? path) =>
        throw Data("MNC1207", $"The picture has {found}, the limit is {limit}.", "Scale it down, or raise the limit if the file can be trusted.", path);

    [DoesNotReturn]
    public static void BadSpecification(string found, string? path = null) =>
        throw new MlNetCifarException("MNC1208", ErrorKind.Usage, $"The preprocessing specification is not valid: {found}.", "Correct it.", path);

    [DoesNotReturn]
    public static void SpecificationMismatch(string differences, string? path) =>
        throw Data("MNC1209", $"The data were prepared differently from what the model expects: {differences}.", "Prepare them again with the model's specification.", path);

    static MlNetCifarException Data(string code, string message, string action, string? path) => new(code, ErrorKind.Data, message, action, path);
}
