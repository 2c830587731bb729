using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs.Storage;
using MlNetCifar.Files;
using MlNetCifar.Reporting;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Runs;

/// <summary>The folder of one run: runs/verb/name, or name2, name3 … where that is taken.</summary>
internal sealed class RunFolder
{
    const string Local = "runs";

    public static Setting<string?> Output { get; } = Settings.Text("output", "FOLDER", "Where runs are kept; hdfs://… for a copy there of the run in runs", Local, "Run");

    public static Setting<string?> Name { get; } = Settings.Text("name", "NAME", "Name of the run; a number is added where it is taken", group: "Run");

    public static Setting<bool> ExistOk { get; } = Settings.Flag("exist-ok", "Use the folder again where it exists", "Run");

    RunFolder(string path) => Path = path;

    public static IEnumerable<Setting> All => [Output, Name, ExistOk];

    /// <summary>Relative to the working folder, unless asked for otherwise.</summary>
    public string Path { get; }

    public string Weights => System.IO.Path.Combine(Path, "weights");

    public string Best => System.IO.Path.Combine(Weights, "best.safetensors");

    public string Last => System.IO.Path.Combine(Weights, "last.safetensors");

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>The folder of runs on the local disk.</summary>
    public static string Root(Call call) =>
        RunCopy.Target(call) is null ? HdfsPath.ToLocal(call.Get(Output)!) : Local;

    /// <summary>The folder of a run to go on with.</summary>
    public static RunFolder Open(string path) => new(System.IO.Path.TrimEndingDirectorySeparator(path));

    /// <summary>Makes the folder of a call.</summary>
    /// <param name="call">Its settings decide.</param>
    /// <param name="verb">The command.</param>
    /// <param name="name">The name where none is given.</param>
    public static RunFolder Create(Call call, string verb, string name)
    {
        RunCopy.Check(call);
        var parent = System.IO.Path.Combine(Root(call), verb);
        name = call.Get(Name) ?? name;
        if (name.Length == 0 || name is "." or ".." || name.AsSpan().IndexOfAny('/', '\\') >= 0)
            throw CliErrors.Value(Name.Option, name, "the name of a folder");
        var path = System.IO.Path.Combine(parent, name);
        for (var number = 2; !call.Get(ExistOk) && (Directory.Exists(path) || System.IO.File.Exists(path)); number++)
            path = System.IO.Path.Combine(parent, $"{name}{number}");
        Directory.CreateDirectory(path);
        return new RunFolder(path);
    }

    /// <summary>Writes a text file, whole or not at all.</summary>
    public void Write(string name, Action<TextWriter> write) => AtomicFile.WriteText(File(name), write);

    /// <summary>Writes any file, whole or not at all.</summary>
    public void WriteBytes(string name, Action<Stream> write) => LocalFileStore.Instance.Write(File(name), write);
}
