using MlNetCifar.App.Cli;
using MlNetCifar.Data;
using MlNetCifar.Imaging;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs;

/// <summary>Pictures named on the command line.</summary>
internal static class PictureFiles
{
    public const string StandardInput = "-";

    /// <summary>How pictures are decoded.</summary>
    public static IEnumerable<OptionDescription> Options => [ExperimentTable.OnTruncated, ExperimentTable.MaxPixels];

    /// <summary>How this call decodes pictures.</summary>
    public static DecodeOptions Decoding(Call call) =>
        new() { AllowTruncated = call.Get(ExperimentTable.OnTruncated) == OnTruncated.Use, MaxPixels = call.Get(ExperimentTable.MaxPixels) };

    /// <summary>How this call finds the image files of data sets.</summary>
    public static ImageCatalogOptions Finding(Call call) =>
        new() { LabelsFrom = call.Get(ExperimentTable.LabelsFrom), MaxFileBytes = call.Get(ExperimentTable.MaxFileSize) ?? long.MaxValue };

    /// <summary>Reads a picture.</summary>
    public static byte[] Read(Call call, string file)
    {
        using var input = file == StandardInput ? call.Terminal.Input() : new HdfsStorage(call).StoreOf(file).OpenRead(file);
        using var buffer = new MemoryStream();
        input.CopyTo(buffer);
        return buffer.ToArray();
    }

    /// <summary>The pictures that an argument names: itself, or all those below the folder that it is.</summary>
    public static IEnumerable<string> Find(Call call, string argument)
    {
        var found = FindFiles(call, argument);
        return found.Count > 0 ? found : throw CliErrors.NoPictures(argument);
    }

    /// <summary>The same; none where the folder holds none.</summary>
    public static IReadOnlyList<string> FindFiles(Call call, string argument)
    {
        argument = HdfsPath.ToLocal(argument);
        var store = new HdfsStorage(call).StoreOf(argument);
        if (argument == StandardInput || store.FileExists(argument))
            return [argument];
        if (!store.FolderExists(argument))
            throw CliErrors.InputNotFound(argument);
        return [.. store.List(argument).Where(e => !e.IsFolder && ImageCatalog.IsImage(e.Path)).Select(e => $"{argument.TrimEnd('/')}/{e.Path}").Order(StringComparer.Ordinal)];
    }

    /// <summary>A name that no other picture of this call has, whatever their folders.</summary>
    public static string FreeName(string file, HashSet<string> taken)
    {
        var stem = file == StandardInput ? "stdin" : Path.GetFileNameWithoutExtension(file);
        var name = stem;
        for (var i = 2; !taken.Add(name); i++)
            name = $"{stem}-{i}";
        return name;
    }
}
