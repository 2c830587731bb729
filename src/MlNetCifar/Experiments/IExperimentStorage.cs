using MlNetCifar.Files;

namespace MlNetCifar.Experiments;

/// <summary>Where an experiment finds data and models, and where its run is copied to. By itself this is the local disk; other file systems are added by implementing it.</summary>
public interface IExperimentStorage
{
    /// <summary>A path as <see cref="StoreOf"/> and its store take it.</summary>
    /// <param name="path">As the user gave it.</param>
    string Normalize(string path) => path;

    /// <summary>The file system that holds a path. It stays open as long as the program runs.</summary>
    /// <param name="path">A normalised path.</param>
    IFileStore StoreOf(string path) => LocalFileStore.Instance;

    /// <summary>
    /// Whether a path is on another file system than the local disk. Runs are made on the local disk all the same, so that a store that is away costs no work, and then
    /// copied.
    /// </summary>
    /// <param name="path">As the user gave it.</param>
    bool IsRemote(string path) => false;

    /// <summary>Finds out early whether runs can be copied, so that a long one does not end without its copy.</summary>
    /// <param name="output">Where the user wants runs: a remote folder.</param>
    /// <exception cref="MlNetCifarException">They cannot.</exception>
    void CheckOutput(string output)
    {
    }

    /// <summary>Copies a finished run to where the user wants it.</summary>
    /// <param name="run">The run on the local disk.</param>
    /// <param name="output">Where the user wants runs: a remote folder.</param>
    /// <param name="replace">Whether a copy of that name is replaced; otherwise this one gets the next free name.</param>
    /// <param name="progress">Told the share that is done and what is being done.</param>
    /// <returns>Where the copy lies.</returns>
    string Publish(RunFolder run, string output, bool replace, Action<double, string> progress) => throw new NotSupportedException();
}

/// <summary>The local disk alone.</summary>
internal sealed class LocalStorage : IExperimentStorage
{
    public static LocalStorage Instance { get; } = new();
}
