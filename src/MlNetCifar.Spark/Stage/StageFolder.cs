using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>
/// The folder in which a job's attempts write, and the commit: what a returned row names is moved to its final name, everything else vanishes with the folder.
/// </summary>
sealed class StageFolder : IDisposable
{
    /// <summary>Not the name that Hadoop's own jobs use: what lies there is theirs.</summary>
    const string Temporary = "_mlnetcifar_temporary";

    readonly IFileStore _store;
    readonly string _target;

    /// <summary>Makes the folder, and removes those that an earlier, killed job left.</summary>
    public StageFolder(IFileStore store, string target)
    {
        _store = store;
        _target = target;
        Delete();
        Path = $"{target}/{Temporary}/{Guid.NewGuid():N}";
        Inside = InsideOf(store);
    }

    public string Path { get; }

    /// <summary>As <see cref="InsideOf"/>.</summary>
    public IFileStore Inside { get; }

    /// <summary>Checks what a worker says it has written and moves it to its final place.</summary>
    /// <exception cref="MlNetCifarException">The row does not fit the plan (MNC6044) or its files are not there (MNC6047).</exception>
    public ShardPartInfo Commit(WorkerRow row, ShardPlan plan)
    {
        var part = row.Part!;
        Check(part, plan);
        var folder = $"{Path}/{row.Attempt}";
        var present = _store.List(folder).Where(e => !e.IsFolder).ToDictionary(e => e.Path, e => e.Length, StringComparer.Ordinal);
        foreach (var file in part.Files)
            if (!present.TryGetValue(file.Name, out var length) || length != file.Length)
                throw StageErrors.MissingFile(folder, file.Name);
        plan.RequireFolder();
        foreach (var file in part.Files)
            Move($"{folder}/{file.Name}", $"{_target}/{file.Name}", file.Length);
        return part;
    }

    /// <exception cref="MlNetCifarException">What a worker says does not fit the plan (MNC6044).</exception>
    public static void Check(ShardPartInfo part, ShardPlan plan)
    {
        var expected = plan.Parts[part.Part].Length;
        if (part.Key != plan.Keys[part.Part] || part.Count + part.BadFiles.Count != expected)
            throw StageErrors.WrongCount(part.Part, part.Count + part.BadFiles.Count, expected);
    }

    public void Dispose() => Delete();

    // The target folder is there, as this one lies in it.
    void Move(string from, string to, long length)
    {
        if (_store is HdfsFileStore hdfs)
            hdfs.Rename(from, to, length);
        else
            _store.Move(from, to);
    }

    /// <summary>
    /// The store for what is written in a job folder: there a name says nothing of its file, as tasks are read when all are written, and an attempt's files when its row has come.
    /// </summary>
    public static IFileStore InsideOf(IFileStore store) => store is HdfsFileStore hdfs ? hdfs.InPlace() : store;

    /// <summary>Removes what an attempt wrote for a job that was gone by then.</summary>
    /// <param name="store">Where the job folder was.</param>
    /// <param name="jobFolder">As <see cref="Path"/> names it.</param>
    public static void Sweep(IFileStore store, string jobFolder)
    {
        Delete(store, jobFolder);
        var parent = jobFolder[..jobFolder.LastIndexOf('/')];
        // Another job may have begun in it.
        if (store.FolderExists(parent) && !store.List(parent).Any())
            Delete(store, parent);
    }

    void Delete() => Delete(_store, $"{_target}/{Temporary}");

    static void Delete(IFileStore store, string folder)
    {
        if (store is HdfsFileStore hdfs)
            hdfs.DeleteFolder(folder);
        else if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }
}
