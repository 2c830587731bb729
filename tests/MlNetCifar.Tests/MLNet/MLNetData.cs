using Microsoft.ML;
using Microsoft.ML.Data;
using MlNetCifar.Tests.App;

namespace MlNetCifar.Tests.MLNet;

/// <summary>A picture's path and class.</summary>
public sealed class PathRow
{
    public string Path { get; set; } = "";

    public string Label { get; set; } = "";

    public float Weight { get; set; } = 1;
}

/// <summary>What a pipeline says of a picture.</summary>
public sealed class NamedAnswer
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}

/// <summary>What the trainer itself says of a picture.</summary>
public sealed class KeyAnswer
{
    public uint PredictedLabel { get; set; }

    public float[] Score { get; set; } = [];
}

/// <summary>Small pictures of three classes, as rows.</summary>
public sealed class MLNetData : IDisposable
{
    readonly Pictures _folder = new();

    public MLNetData(int train = 12, int test = 5) => Folder = _folder.Splits(train: train, test: test);

    public MLContext ML { get; } = new(seed: 1);

    public string Folder { get; }

    public string this[string name] => _folder[name];

    public PathRow[] Rows(string split) =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Folder, split), "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => new PathRow { Path = path, Label = Path.GetFileName(Path.GetDirectoryName(path))! }),
    ];

    public IDataView View(string split) => ML.Data.LoadFromEnumerable(Rows(split));

    public static float[][] Scores(IDataView view, string column = "Score") => [.. view.GetColumn<float[]>(column)];

    public void Dispose() => _folder.Dispose();
}
