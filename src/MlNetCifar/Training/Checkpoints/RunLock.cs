namespace MlNetCifar.Training;

/// <summary>
/// Keeps a second run out of a folder. The system lets go of it when the process ends, however it ends. The file stays: were it deleted, a run that had opened it
/// before could lock what no name leads to any more, and a third one the file of the same name that it makes.
/// </summary>
internal sealed class RunLock : IDisposable
{
    const string Name = "run.lock";

    readonly FileStream _file;

    RunLock(FileStream file) => _file = file;

    /// <summary>Takes the lock, and makes the folder where it is missing.</summary>
    /// <exception cref="MlNetCifarException">The folder cannot be written (MNC3013) or another run holds it (MNC3014).</exception>
    public static RunLock Take(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return new RunLock(new FileStream(Path.Combine(folder, Name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1));
        }
        catch (IOException e) when (IsTaken(e))
        {
            throw TrainingErrors.FolderInUse(folder, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw TrainingErrors.CheckpointUnwritable(folder, e);
        }
    }

    public void Dispose() => _file.Dispose();

    // Sharing and lock violation of Windows; EWOULDBLOCK of Linux and of macOS.
    static bool IsTaken(IOException e) => (uint)e.HResult is 0x80070020 or 0x80070021 or 11 or 35;
}
