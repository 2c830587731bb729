using MlNetCifar.Files;

namespace MlNetCifar.Parquet;

/// <summary>Parquet files of pictures as data sets.</summary>
public static class ParquetImages
{
    /// <summary>The extension of such files.</summary>
    public const string Extension = ".parquet";

    /// <summary>
    /// From now on a .parquet file, or a folder of them, opens as a data set wherever an archive does. A row is a picture: the column <c>content</c> (or <c>image.bytes</c>) holds
    /// the bytes of its file; <c>path</c> (or <c>image.path</c>) says where it would lie, folders being split and class as on a disk; <c>label</c>, text or whole numbers, is its
    /// class where there is such a column, and the file's name then its split where it begins with one (<c>train-00000-of-00002.parquet</c>). A column <c>length</c> of the
    /// contents' lengths, as packed files have it, spares reading them to find out.
    /// </summary>
    public static void Register() => PackedFiles.Register(Extension, source => new ParquetFiles(source));
}
