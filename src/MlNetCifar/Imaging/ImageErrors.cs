namespace MlNetCifar.Imaging;

/// <summary>The errors of pictures, MNC12xx, one factory each.</summary>
static class ImageErrors
{
    public static MlNetCifarException Empty(string? path) =>
        Data("MNC1201", "The file is empty.", "Remove it or fetch it again.", path);

    public static MlNetCifarException NotAnImage(string? path) =>
        Data("MNC1202", "The content is no picture of a known format (JPEG, PNG, BMP, PNM, GIF).", "Remove the file or convert it to JPEG or PNG.", path);

    public static MlNetCifarException UnsupportedFormat(string format, string? path) =>
        Data("MNC1203", $"The content is {format}, which is not supported.",
            $"Convert the file to JPEG or PNG, for example with ImageMagick or Pillow{(format is "WebP" or "TIFF" ? "; a program can read it with the package MlNetCifar.Formats" : "")}.", path);

    public static MlNetCifarException UnsupportedFeature(string feature, string? path) =>
        Data("MNC1204", $"The picture uses {feature}, which is not supported.", "Save it again with ordinary settings.", path);

    public static MlNetCifarException Truncated(string found, string? path) =>
        Data("MNC1205", $"The file ends too early: {found}.", "Fetch it again, or use what is there with --on-truncated use.", path);

    public static MlNetCifarException Damaged(string found, string? path) =>
        Data("MNC1206", $"The file is damaged: {found}.", "Fetch it again or remove it.", path);

    public static MlNetCifarException TooLarge(string found, string limit, string? path) =>
        Data("MNC1207", $"The picture has {found}, the limit is {limit}.", "Scale it down, or raise the limit with --max-pixels if the file can be trusted.", path);

    public static MlNetCifarException TooLong(long found, int limit, string? path) =>
        Data("MNC1207", $"The picture has a side of {found} pixels, the limit is {limit}.", "Scale it down.", path);

    public static MlNetCifarException FileTooLong(long found, long limit, string? path) =>
        Data("MNC1207", $"The file has {found} bytes, the limit is {limit}.", "Scale the picture down.", path);

    public static MlNetCifarException Pointer(string? path) =>
        Data("MNC1202", "The file only points to a picture that Git LFS keeps elsewhere.", "Fetch the pictures: git lfs pull.", path);

    public static MlNetCifarException BadSpecification(string found, string? path = null) =>
        new("MNC1208", ErrorKind.Usage, $"The preprocessing specification is not valid: {found}.", "Correct it.", path);

    public static MlNetCifarException SpecificationMismatch(string differences, string? path) =>
        Data("MNC1209", $"The data were prepared differently from what the model expects: {differences}.", "Prepare them again with the model's specification.", path);

    public static MlNetCifarException Missing(string path) =>
        Data("MNC1210", "There is no picture here.", "Check the path.", path);

    public static MlNetCifarException Unreadable(string path, Exception cause) =>
        new("MNC1211", ErrorKind.Data, $"The picture cannot be read: {cause.Message}", "Check that it is a file, and its permissions.", path, cause);

    public static MlNetCifarException NoNativeLibrary(string found, string? path) =>
        new("MNC1212", ErrorKind.Failure, $"The library that decodes this format cannot be loaded ({found}).", "Add its native package for this system, or convert the file to JPEG or PNG.", path);

    static MlNetCifarException Data(string code, string message, string action, string? path) => new(code, ErrorKind.Data, message, action, path);
}
