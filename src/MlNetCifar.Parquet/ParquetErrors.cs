using System.Globalization;

namespace MlNetCifar.Parquet;

/// <summary>The errors of Parquet files: codes MNC1050 to MNC1059.</summary>
static class ParquetErrors
{
    public static MlNetCifarException Damaged(string path, Exception cause) =>
        new("MNC1050", ErrorKind.Data, $"The Parquet file is damaged or uses what is not supported ({cause.Message.TrimEnd('.')}).", "Get it again, or write it anew.", path, cause);

    public static MlNetCifarException NoColumn(string path, IEnumerable<string> found) =>
        new("MNC1051", ErrorKind.Data, $"The Parquet file has no column 'content' (or 'image.bytes') of pictures, only {string.Join(", ", found.Select(f => $"'{f}'"))}.",
            "Rename the column that holds the files' bytes.", path);

    public static MlNetCifarException WrongColumn(string path, string column, string found, string expected) =>
        new("MNC1052", ErrorKind.Data, $"The column '{column}' holds {found}, expected {expected}.", "Cast it where the file is written.", path);

    public static MlNetCifarException WrongValue(string path, string column, long row, string found) =>
        new("MNC1053", ErrorKind.Data, string.Create(CultureInfo.InvariantCulture, $"Row {row} of the column '{column}' {found}."), "Correct the row, or leave it out.", path);

    public static MlNetCifarException NoLabels(string path) =>
        new("MNC1054", ErrorKind.Data, "The Parquet file says of no picture what is on it: it has neither a column 'label' nor one 'path' (or 'image.path').", "Add a column 'label'.", path);

    public static MlNetCifarException TooLarge(string path, long bytes, long limit) =>
        new("MNC1055", ErrorKind.Data, string.Create(CultureInfo.InvariantCulture, $"A row group has {bytes:N0} bytes of pictures; the limit is {limit:N0}."),
            "Write the file with smaller row groups.", path);

    public static MlNetCifarException PathTwice(string path, string name) =>
        new("MNC1056", ErrorKind.Data, $"The path '{name}' comes twice.", "Write the Parquet files again with distinct paths.", path);
}
