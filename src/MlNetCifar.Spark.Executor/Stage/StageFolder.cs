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
    const int DeleteAttempts = 50;

    /// <summary>Spark gives a cancelled task two seconds (<c>spark.python.task.killTimeout</c>).</summary>
    const int LateLooks = 30;

    static readonly TimeSpan s_deletePause = TimeSpan.FromMilliseconds(100);

    readonly IFileStore _store;
    readonly string[] _folders;

    /// <summary>Names the folder, and removes those that an earlier, killed job left.</summary>
    /// <param name="store">Where they are.</param>
    /// <param name="target">The folder of the run.</param>
    /// <param name="splits">The folders of the splits, which are made; where there is one split, its folder is the run's.</param>
    public StageFolder(IFileStore store, string target, IEnumerable<string> splits)
    {
        _store = store;
        // Earlier versions had one in the folder of each split.
        _folders = [target, .. splits.Where(s => s != target)];
        Delete();
        Path = $"{target}/{Temporary}/{Guid.NewGuid():N}";
        Inside = InsideOf(store);
    }

    /// <summary>Makes the folders of the splits, into which commits move files; the run's own is there as soon as this one is, which lies in it.</summary>
    public void MakeSplits()
    {
        foreach (var folder in _folders.AsSpan(1))
        {
            if (_store is HdfsFileStore hdfs)
                hdfs.MakeFolder(folder);
            else
                Directory.CreateDirectory(folder);
        }
    }

    public string Path { get; }

    /// <summary>Of the job. Where it was cancelled, what its workers write until Spark has ended them is removed too.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>As <see cref="InsideOf"/>.</summary>
    public IFileStore Inside { get; }

    /// <summary>Checks what a worker says it has written and moves it to its final place.</summary>
    /// <param name="row">What it says.</param>
    /// <param name="work">The split of its task.</param>
    /// <param name="number">The part's number in it.</param>
    /// <exception cref="MlNetCifarException">The row does not fit the plan (MNC6044) or its files are not there (MNC6047).</exception>
    public ShardPartInfo Commit(WorkerRow row, ShardWork work, int number)
    {
        var part = row.Part!;
        Check(part, work.Plan, number);
        var folder = $"{Path}/{row.Attempt}";
        var present = _store.List(folder).Where(e => !e.IsFolder).ToDictionary(e => e.Path, e => e.Length, StringComparer.Ordinal);
        foreach (var file in part.Files)
            if (!present.TryGetValue(file.Name, out var length) || length != file.Length)
                throw StageErrors.MissingFile(folder, file.Name);
        work.Plan.RequireFolder();
        foreach (var file in part.Files)
            Move($"{folder}/{file.Name}", $"{work.Folder}/{file.Name}", file.Length);
        return part;
    }

    /// <exception cref="MlNetCifarException">What a worker says does not fit the plan (MNC6044).</exception>
    public static void Check(ShardPartInfo part, ShardPlan plan, int number)
    {
        var expected = plan.Parts[number].Length;
        if (part.Part != number || part.Key != plan.Keys[number] || part.Count + part.BadFiles.Count != expected)
            throw StageErrors.WrongCount(number, part.Count + part.BadFiles.Count, expected);
    }

    public void Dispose()
    {
        Delete();
        for (var look = 0; look < LateLooks && Cancellation.IsCancellationRequested; look++)
        {
            Thread.Sleep(s_deletePause);
            Delete();
        }
    }

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

    void Delete()
    {
        foreach (var folder in _folders)
            Delete(_store, $"{folder}/{Temporary}");
    }

    /// <summary>Deletes a folder with all that is in it; nothing happens where there is none.</summary>
    public static void Delete(IFileStore store, string folder)
    {
        if (store is HdfsFileStore hdfs)
        {
            hdfs.DeleteFolder(folder);
            return;
        }

        for (var attempt = 1; Directory.Exists(folder); attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (IOException) when (attempt < DeleteAttempts)
            {
                // A worker that has not noticed the end of its job writes there meanwhile.
                Thread.Sleep(s_deletePause);
            }
        }
    }
}
