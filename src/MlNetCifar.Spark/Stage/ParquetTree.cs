using MlNetCifar.Files;

namespace MlNetCifar.Spark.Stage;

/// <summary>Images that are rows of Parquet files: listed by Spark, read by the workers only.</summary>
sealed class ParquetTree : FileTree
{
    readonly string _prefix;

    /// <summary>Lists the rows.</summary>
    /// <param name="origin">The Parquet folder.</param>
    /// <param name="rows">The column <c>path</c> and the content's length.</param>
    /// <exception cref="MlNetCifarException">A path comes twice (MNC6049).</exception>
    public ParquetTree(string origin, FileListing.Builder rows)
        : base(origin)
    {
        // Paths as binaryFile gives them are whole addresses: what all have in common is the folder that was read.
        _prefix = rows.IsAbsolute ? rows.TrimRoot() : "";
        SetListing(rows, new(StringComparer.Ordinal));
        if (Files.FirstRepeat() is { } path)
            throw StageErrors.PathTwice(origin, RowPath(path));
    }

    public override bool IsRandomAccess => true;

    public override string Locate(string path) => $"{Origin}:{path}";

    public override int Read(int file, ref byte[] buffer) => throw new NotSupportedException("Rows of Parquet files are read by Spark.");

    /// <summary>A file's path as it stands in the column.</summary>
    /// <param name="path">As in <see cref="FileTree.Files"/>.</param>
    public string RowPath(string path) => _prefix + path;
}
