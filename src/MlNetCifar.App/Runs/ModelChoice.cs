using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Runs;

/// <summary>Which trained model a command uses.</summary>
internal static class ModelChoice
{
    /// <summary>Path of the model of a call: the one asked for, or else the newest one, which is then told.</summary>
    public static string Path(Call call)
    {
        return call.Get(EvaluationTable.Model) ?? Newest(call);
    }

    /// <summary>Path of the newest model, which is then told.</summary>
    public static string Newest(Call call)
    {
        var path = Newest(RunFolder.LocalRuns(call.Get(ExperimentTable.Output)!, new HdfsStorage(call)));
        call.Terminal.Log($"model    {path}");
        return path;
    }

    /// <summary>The folder of the run that a model is of: it lies in the run's folder of weights. Null where it lies elsewhere, for args.json above such a file may be of anything.</summary>
    public static string? RunOf(string path)
    {
        var weights = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path));
        return Directory.Exists(path) ? path : System.IO.Path.GetFileName(weights) == "weights" ? System.IO.Path.GetDirectoryName(weights) : null;
    }

    /// <summary>Loads the model of a call.</summary>
    public static ImageClassifier Load(Call call) => RunFolder.LoadModel(Path(call), new HdfsStorage(call));

    static string Newest(string runs)
    {
        var shipped = System.IO.Path.Combine(AppContext.BaseDirectory, "models", "cifar10-airbench94.safetensors");
        return RunFolder.NewestModel(runs) ?? (File.Exists(shipped) ? shipped : throw CliErrors.NoModel(runs));
    }
}
