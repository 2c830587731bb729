using MlNetCifar.Files;
using MlNetCifar.Reporting;

namespace MlNetCifar.Experiments;

/// <summary>The folder of one run: runs/verb/name, or name2, name3 … where that is taken.</summary>
public sealed class RunFolder
{
    /// <summary>Name of the folder of checkpoints in a run's.</summary>
    public const string Checkpoints = "checkpoints";

    const string BestWeights = "weights/best.safetensors";
    const string Local = "runs";

    /// <summary>Commands whose runs no other can go on with.</summary>
    static readonly string[] s_apart = ["tune", "automl", "evaluate"];

    RunFolder(string path, string verb) => (Path, Verb) = (path, verb);

    /// <summary>Relative to the working folder, unless asked for otherwise.</summary>
    public string Path { get; }

    /// <summary>What made the run: <c>train</c>, <c>evaluate</c>, …</summary>
    public string Verb { get; }

    /// <summary>Name of the folder.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>The folder of weights.</summary>
    public string Weights => System.IO.Path.Combine(Path, "weights");

    /// <summary>The model of the best epoch.</summary>
    public string Best => System.IO.Path.Combine(Weights, "best.safetensors");

    /// <summary>The model of the last epoch.</summary>
    public string Last => System.IO.Path.Combine(Weights, "last.safetensors");

    /// <summary>The report.</summary>
    public string Report => File("report.html");

    /// <summary>Path of a file of the run.</summary>
    /// <param name="name">Its name.</param>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>The folder of a run to go on with.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="verb">What made it.</param>
    /// <exception cref="MlNetCifarException">There is no folder of a run, or a sweep's or an evaluation's was made by another (MNC9013).</exception>
    public static RunFolder Open(string path, string verb)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!Directory.Exists(path))
            throw ExperimentErrors.NoRun(path);
        var run = new RunFolder(System.IO.Path.TrimEndingDirectorySeparator(path), verb);

        // The trainings inside a sweep have other names for what made them, and are gone on with by train.
        return OptionFile.VerbOf(run.File("args.json")) is { } made && made != verb && (s_apart.Contains(made) || s_apart.Contains(verb)) ? throw ExperimentErrors.RunOf(made, verb, path) : run;
    }

    /// <summary>Makes the folder of a new run.</summary>
    /// <param name="output">Where the user wants runs.</param>
    /// <param name="verb">What makes it.</param>
    /// <param name="name">Its name; a number is added where that is taken.</param>
    /// <param name="existOk">Whether a folder of that name is used again instead.</param>
    /// <param name="storage">What is remote; null for the local disk alone.</param>
    /// <exception cref="MlNetCifarException">The name is none for a folder (MNC9002), or runs cannot be copied to <paramref name="output"/>.</exception>
    public static RunFolder Create(string output, string verb, string name, bool existOk = false, IExperimentStorage? storage = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(output);
        ArgumentException.ThrowIfNullOrEmpty(verb);
        ArgumentNullException.ThrowIfNull(name);
        storage ??= LocalStorage.Instance;
        if (storage.IsRemote(output))
            storage.CheckOutput(output);
        if (!IsName(name))
            throw ExperimentErrors.Name("The name of the run", name);
        var parent = System.IO.Path.Combine(LocalRuns(output, storage), verb);
        var path = System.IO.Path.Combine(parent, name);
        for (var number = 2; !existOk && (Directory.Exists(path) || System.IO.File.Exists(path)); number++)
            path = System.IO.Path.Combine(parent, FormattableString.Invariant($"{name}{number}"));
        Directory.CreateDirectory(path);
        return new RunFolder(path, verb);
    }

    /// <summary>Whether a run's folder can have a name: one part of a path.</summary>
    /// <param name="name">The name.</param>
    internal static bool IsName(string name) => !string.IsNullOrEmpty(name) && name is not ("." or "..") && name.AsSpan().IndexOfAny('/', '\\') < 0;

    /// <summary>The folder of runs on the local disk: <paramref name="output"/> itself, or <c>runs</c> where that is remote.</summary>
    /// <param name="output">Where the user wants runs.</param>
    /// <param name="storage">What is remote.</param>
    public static string LocalRuns(string output, IExperimentStorage storage)
    {
        ArgumentNullException.ThrowIfNull(storage);
        return storage.IsRemote(output) ? Local : storage.Normalize(output);
    }

    /// <summary>The newest model that training left below a folder of runs; null for none.</summary>
    /// <param name="runs">The folder of runs on the local disk.</param>
    public static string? NewestModel(string runs)
    {
        return new[] { "train", "quickstart" }.SelectMany(Runs).Concat(Runs("automl").Select(folder => System.IO.Path.Combine(folder, "final")))
            .Select(folder => System.IO.Path.Combine(folder, BestWeights)).Where(System.IO.File.Exists).MaxBy(System.IO.File.GetLastWriteTimeUtc);

        IEnumerable<string> Runs(string verb) => System.IO.Path.Combine(runs, verb) is var parent && Directory.Exists(parent) ? Directory.EnumerateDirectories(parent) : [];
    }

    /// <summary>The model file of a run's folder here; any other path as it is.</summary>
    /// <param name="path">A run folder, or a .safetensors file.</param>
    /// <exception cref="MlNetCifarException">It is a folder without one (MNC9007).</exception>
    public static string ModelPath(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ModelPath(path, LocalFileStore.Instance);
    }

    static string ModelPath(string path, IFileStore store)
    {
        if (!store.FolderExists(path))
            return path;
        var inside = $"{path.TrimEnd('/')}/{BestWeights}";
        return store.FileExists(inside) ? inside : throw ExperimentErrors.NoWeights(path, RunInside(path));
    }

    // A sweep has no model of its own, but those of the trainings at its end: the best, or final, comes before what it is compared with.
    static string? RunInside(string path) => !Directory.Exists(path) ? null
        : Directory.EnumerateDirectories(path).Order(StringComparer.Ordinal).FirstOrDefault(folder => System.IO.File.Exists(System.IO.Path.Combine(folder, BestWeights)));

    /// <summary>Loads the model of a run, or a model file.</summary>
    /// <param name="path">A run folder, or a .safetensors file.</param>
    /// <param name="storage">Where it lies; null for the local disk.</param>
    /// <exception cref="MlNetCifarException">There is none (MNC9007), or it cannot be used (MNC40xx).</exception>
    public static ImageClassifier LoadModel(string path, IExperimentStorage? storage = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        storage ??= LocalStorage.Instance;
        path = storage.Normalize(path);
        var store = storage.StoreOf(path);
        return ImageClassifier.LoadFrom(ModelPath(path, store), store);
    }

    /// <summary>Writes a text file, whole or not at all.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="write">Writes the text; line ends are line feeds.</param>
    public void Write(string name, Action<TextWriter> write) => AtomicFile.WriteText(File(name), write);

    /// <summary>Writes any file, whole or not at all.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="write">Writes the bytes.</param>
    public void WriteBytes(string name, Action<Stream> write) => LocalFileStore.Instance.Write(File(name), write);
}
