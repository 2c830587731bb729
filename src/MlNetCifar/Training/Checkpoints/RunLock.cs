namespace MlNetCifar.Training;

/// <summary>Keeps a second run out of a folder. The system lets go of it when the process ends, however it ends.</summary>
internal sealed class RunLock : IDisposable
{
    const string Name = "run.lock";

    readonly FileStream _file;

    RunLock(FileStream file) => _file = file;

    /// <summary>Takes the lock, and makes the folder where it is missing.</summary>
    /// <exception cref="MlNetCifarException">The folder cannot be written (MNC3013) or another run holds it (MNC3014).</exception>
    public static RunLock Take(string folder)
    {
        var path = Path.Combine(folder, Name);
        try
        {
            Directory.CreateDirectory(folder);
            return new RunLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose));
        }
        catch (UnauthorizedAccessException e)
        {
            throw TrainingErrors.CheckpointUnwritable(folder, e);
        }
        catch (IOException e) when (File.Exists(path) && !IsReadOnly(e))
        {
            throw TrainingErrors.FolderInUse(folder, e);
        }
        catch (IOException e)
        {
            throw TrainingErrors.CheckpointUnwritable(folder, e);
        }
    }

    public void Dispose() => _file.Dispose();

    // EROFS, as .NET gives it on Unix.
    static bool IsReadOnly(IOException e) => e.HResult == 30;
}
