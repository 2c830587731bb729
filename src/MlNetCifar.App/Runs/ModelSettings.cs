using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs.Storage;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs;

/// <summary>Which trained model a command uses.</summary>
internal static class ModelSettings
{
    const string BestWeights = "weights/best.safetensors";

    public static Setting<string?> Model { get; } =
        Settings.Text("model", "PATH", "Model file (.safetensors) or run folder, also on hdfs://; without it the newest run of train or quickstart, or else the CIFAR-10 model that comes with the program", group: "Model");

    public static Setting<TestTimeViews> Views { get; } = Settings.Of(
        "views", "NAME", $"Views of each test image whose scores are averaged: {Texts.Choices<TestTimeViews>()}; more views, more time", Texts.Choice<TestTimeViews>, TestTimeViews.None, "Model");

    public static Setting<double?> AbstainBelow { get; } = Settings.Of<double?>(
        "abstain-below", "P", "Least probability of an answer; below it the answer is unknown", t => Texts.Fraction(t), null, "Model", "what the model's calibration says, if it has one");

    /// <summary>Loads the model of a call.</summary>
    public static ImageClassifier Load(Call call)
    {
        var path = call.Get(Model);
        if (path is null)
        {
            path = Newest(RunFolder.Root(call));
            call.Terminal.Log($"model    {path}");
        }

        path = HdfsPath.ToLocal(path);
        var store = ClusterSettings.Store(call, path);
        if (store.FolderExists(path))
        {
            var inside = $"{path.TrimEnd('/')}/{BestWeights}";
            path = store.FileExists(inside) ? inside : throw CliErrors.NoWeights(path);
        }

        return ImageClassifier.LoadFrom(path, store);
    }

    static string Newest(string runs)
    {
        var newest = new[] { "train", "quickstart" }.Select(verb => Path.Combine(runs, verb)).Where(Directory.Exists).SelectMany(Directory.EnumerateDirectories)
            .Select(folder => Path.Combine(folder, BestWeights)).Where(File.Exists).MaxBy(File.GetLastWriteTimeUtc);
        var shipped = Path.Combine(AppContext.BaseDirectory, "models", "cifar10-airbench94.safetensors");
        return newest ?? (File.Exists(shipped) ? shipped : throw CliErrors.NoModel(runs));
    }
}
