using MlNetCifar.Data;
using MlNetCifar.Files;

namespace MlNetCifar.Spark.Executors;

/// <summary>Image files of a folder, in the order in which driver and workers count them.</summary>
static class PictureFiles
{
    /// <summary>The file itself, or all images below the folder.</summary>
    public static IReadOnlyList<string> List(IFileStore store, string path) => store.FileExists(path) ? [path]
        : [.. store.List(path).Where(e => !e.IsFolder && ImageCatalog.IsImage(e.Path)).Select(e => $"{path.TrimEnd('/')}/{e.Path}").Order(StringComparer.Ordinal)];
}
