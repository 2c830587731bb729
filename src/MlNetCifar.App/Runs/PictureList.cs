using MlNetCifar.App.Cli;
using MlNetCifar.Data;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs;

/// <summary>A picture to look at.</summary>
/// <param name="Name">Its path, or its name in the data set.</param>
/// <param name="Source">The data set that it is in; null for a file.</param>
/// <param name="Index">Its place there.</param>
internal sealed record ListedPicture(string Name, ImageSource? Source = null, int Index = 0);

/// <summary>All pictures that a command line names: files, those below folders, and those in shards or arrays.</summary>
internal sealed class PictureList : IDisposable
{
    readonly List<ImageDataset> _opened = [];

    PictureList(IReadOnlyList<ListedPicture> all) => All = all;

    public IReadOnlyList<ListedPicture> All { get; private set; }

    /// <summary>Finds them.</summary>
    /// <param name="call">Its arguments name them.</param>
    /// <param name="model">Says how shards must have been made.</param>
    public static PictureList Find(Call call, ImageClassifier model)
    {
        var list = new PictureList([]);
        try
        {
            list.All = [.. call.Arguments.SelectMany(argument => list.Of(call, model, argument))];
            return list;
        }
        catch
        {
            list.Dispose();
            throw;
        }
    }

    public void Dispose() => _opened.ForEach(dataset => dataset.Dispose());

    IEnumerable<ListedPicture> Of(Call call, ImageClassifier model, string argument)
    {
        var files = PictureFiles.FindFiles(call, argument);
        return files.Count > 0 ? files.Select(file => new ListedPicture(file)) : Arrays(call, model, argument);
    }

    IEnumerable<ListedPicture> Arrays(Call call, ImageClassifier model, string argument)
    {
        var path = HdfsPath.ToLocal(argument);
        var dataset = Open(call, model, path);
        _opened.Add(dataset);
        return new[] { DatasetSplit.Train, DatasetSplit.Validation, DatasetSplit.Test }.Where(dataset.Has).Select(dataset.Get)
            .SelectMany(source => Enumerable.Range(0, source.Count).Select(i => new ListedPicture(source.Name(i), source, i)));
    }

    static ImageDataset Open(Call call, ImageClassifier model, string path)
    {
        try
        {
            var options = new ImageDatasetOptions { Spec = model.Preprocess, Files = PictureFiles.Finding(call) with { Store = new HdfsStorage(call).StoreOf(path), Classes = model.Classes } };
            return ImageDataset.Open(path, options, cancellation: call.Stop);
        }
        catch (MlNetCifarException e) when (e.Code == "MNC1003")
        {
            throw CliErrors.NoPictures(path);
        }
    }
}
