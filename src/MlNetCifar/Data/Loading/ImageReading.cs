using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.Data;

/// <summary>The step from a file's bytes to a picture, with every fault turned into a reason.</summary>
internal static class ImageReading
{
    /// <summary>Decodes and preprocesses one file, or a random part of it.</summary>
    /// <returns>Why it could not; null where it could.</returns>
    public static Exception? Read(
        FileTree tree, int file, ReadOnlySpan<byte> bytes, Preprocessor preprocessor, Span<byte> destination, RandomCrop? crop = null)
    {
        var entry = tree.Files[file];
        if (bytes.Length < entry.Length)
            return FileErrors.ShortRead(tree.Locate(entry.Path), bytes.Length, entry.Length);
        return Read(bytes, preprocessor, tree.Locate(entry.Path), destination, crop);
    }

    /// <summary>Decodes and preprocesses one file, or a random part of it.</summary>
    /// <returns>Why it could not; null where it could.</returns>
    public static Exception? Read(ReadOnlySpan<byte> bytes, Preprocessor preprocessor, string path, Span<byte> destination, RandomCrop? crop = null)
    {
        try
        {
            if (crop is null)
                preprocessor.Apply(bytes, destination, path);
            else
                preprocessor.Apply(bytes, crop.Part, destination, path);
            return null;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Any fault of one file, foreseen or not, must not end a run of a million.
            return e;
        }
    }

    /// <summary>The entry in the list of bad files; what may not be read, or is on a file system that fails, says nothing of the picture, and ends the work.</summary>
    /// <exception cref="MlNetCifarException">The file may not be read (MNC1011), or its file system fails.</exception>
    public static BadFile Require(string path, Exception fault)
    {
        if (fault is MlNetCifarException { Kind: ErrorKind.Failure })
            throw fault;
        return fault is UnauthorizedAccessException || fault.InnerException is UnauthorizedAccessException ? throw FileErrors.Unreadable(path, fault) : Describe(path, fault);
    }

    /// <summary>The entry in the list of bad files.</summary>
    public static BadFile Describe(string path, Exception fault) => fault switch
    {
        MlNetCifarException e => new(path, e.Code, e.Reason),
        IOException or UnauthorizedAccessException or InvalidDataException => new(path, "MNC1011", $"This cannot be read ({fault.Message.TrimEnd('.')})."),
        _ => new(path, "MNC1200", $"Decoding failed ({fault.GetType().Name}: {fault.Message.TrimEnd('.')})."),
    };
}
