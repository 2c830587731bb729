using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>The images of a job: a catalogue of files, or of rows of Parquet files.</summary>
sealed class StageInput : IDisposable
{
    readonly string _rowRoot;

    StageInput(string root, ImageCatalog catalog, bool isParquet, string rowRoot = "")
    {
        Root = root;
        Catalog = catalog;
        IsParquet = isParquet;
        _rowRoot = rowRoot;
    }

    public string Root { get; }

    public ImageCatalog Catalog { get; }

    public bool IsParquet { get; }

    public long MaxFileBytes => Catalog.Options.MaxFileBytes;

    /// <summary>A row's path as it stands in the Parquet files.</summary>
    public string RowPath(string name) => _rowRoot + name;

    /// <summary>The image files of a folder or manifest; null where the input is arrays, which hold no image to decode.</summary>
    public static StageInput? OpenFiles(string input, ImageCatalogOptions files, CancellationToken cancellationToken)
    {
        if (FileTree.IsArchive(input) && files.Store.FileExists(input))
            throw StageErrors.Archive(input);
        return ImageCatalog.TryOpen(input, files, cancellationToken) is { } catalog ? new(catalog.Origin, catalog, isParquet: false) : null;
    }

    /// <summary>Whether a folder holds Parquet files; their images are rows then. A folder holds either, so the first image or Parquet file tells.</summary>
    public static bool IsParquetFolder(string input, IFileStore store)
    {
        if (IsParquetName(input))
            return true;
        return store.FolderExists(input)
            && store.List(input).Where(e => !e.IsFolder).Select(e => e.Path).FirstOrDefault(p => IsParquetName(p) || ImageCatalog.IsImage(p)) is { } first
            && IsParquetName(first);
    }

    public static async Task<StageInput> OpenParquetAsync(string input, ImageCatalogOptions options, SparkSession session, CancellationToken cancellationToken)
    {
        var root = input;
        var view = $"listing_{Guid.NewGuid():N}";
        await session.Read("parquet", [SparkPath(root)]).CreateTempViewAsync(view, cancellationToken).ConfigureAwait(false);
        return OfRows(root, await ListAsync(session, root, view, cancellationToken).ConfigureAwait(false), options);
    }

    /// <summary>Images that are rows of Parquet files: listed by Spark, read by the workers only.</summary>
    /// <param name="root">The Parquet folder.</param>
    /// <param name="options">How they are found; null for the defaults.</param>
    /// <param name="rows">The column <c>path</c> and the content's length.</param>
    /// <exception cref="MlNetCifarException">A path comes twice (MNC6049).</exception>
    public static StageInput OfRows(string root, FileListing.Builder rows, ImageCatalogOptions? options = null)
    {
        // Paths as binaryFile gives them are whole addresses: what all have in common is the folder that was read.
        var files = rows.Build(fromRoot: true);
        if (files.FirstRepeat() is { } path)
            throw StageErrors.PathTwice(root, files.Root + path);
        return new(root, ImageCatalog.Of(root, files, options), isParquet: true, files.Root);
    }

    /// <summary>A path as Spark wants it.</summary>
    public static string SparkPath(string path) => HdfsPath.IsHdfs(path) ? path : $"file://{path}";

    public void Dispose() => Catalog.Dispose();

    static bool IsParquetName(string path) => path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase);

    // Packed files carry the length beside the content, so that listing them does not read the content.
    static async Task<FileListing.Builder> ListAsync(SparkSession session, string root, string view, CancellationToken cancellationToken)
    {
        try
        {
            return await RowsAsync(session.Sql($"SELECT path, length FROM {view}"), cancellationToken).ConfigureAwait(false);
        }
        catch (MlNetCifarException e) when (e.Message.Contains("UNRESOLVED_COLUMN", StringComparison.Ordinal))
        {
        }

        try
        {
            return await RowsAsync(session.Sql($"SELECT path, octet_length(content) FROM {view}"), cancellationToken).ConfigureAwait(false);
        }
        catch (MlNetCifarException e) when (e.Message.Contains("UNRESOLVED_COLUMN", StringComparison.Ordinal))
        {
            throw StageErrors.NoParquetColumns(root, e.Reason);
        }
    }

    static async Task<FileListing.Builder> RowsAsync(SparkDataFrame frame, CancellationToken cancellationToken)
    {
        var rows = new FileListing.Builder();
        await foreach (var row in frame.StreamAsync(null, cancellationToken).ConfigureAwait(false))
            rows.Add(row.Text(0)!, row.Number(1));
        return rows;
    }
}
