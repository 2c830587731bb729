using MlNetCifar.Data.Files;

namespace MlNetCifar.Spark.Stage;

/// <summary>Images that are rows of Parquet files: listed by Spark, read by the workers only.</summary>
sealed class ParquetTree : FileTree
{
    readonly string[] _paths;

    /// <summary>Lists the rows.</summary>
    /// <param name="origin">The Parquet folder.</param>
    /// <param name="rows">The column <c>path</c> and the content's length.</param>
    /// <exception cref="MlNetCifarException">A path comes twice (MNC6049).</exception>
    public ParquetTree(string origin, IReadOnlyList<(string Path, long Length)> rows)
        : base(origin)
    {
        var prefix = Prefix(rows);
        var order = SetListing([.. rows.Select(r => new TreeFile(r.Path[prefix..], r.Length))], new(StringComparer.Ordinal));
        _paths = Array.ConvertAll(order, i => rows[i].Path);
        for (var i = 1; i < _paths.Length; i++)
            if (_paths[i] == _paths[i - 1])
                throw StageErrors.PathTwice(origin, _paths[i]);
    }

    public override bool IsRandomAccess => true;

    public override string Locate(string path) => $"{Origin}:{path}";

    public override int Read(int file, ref byte[] buffer) => throw new NotSupportedException("Rows of Parquet files are read by Spark.");

    /// <summary>A file's path as it stands in the column.</summary>
    public string RowPath(int file) => _paths[file];

    // Paths as binaryFile gives them are whole addresses: what all have in common is the folder that was read.
    static int Prefix(IReadOnlyList<(string Path, long Length)> rows)
    {
        if (rows.Count == 0 || !(rows[0].Path.StartsWith('/') || rows[0].Path.Contains(":/", StringComparison.Ordinal)))
            return 0;
        var common = rows[0].Path;
        foreach (var (path, _) in rows)
            common = common[..path.AsSpan().CommonPrefixLength(common)];
        return common.LastIndexOf('/') + 1;
    }
}
