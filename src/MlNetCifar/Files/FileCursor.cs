namespace MlNetCifar.Files;

/// <summary>Deals out files, each once, to any number of threads.</summary>
public abstract class FileCursor : IDisposable
{
    private protected FileCursor()
    {
    }

    /// <summary>Takes the next file.</summary>
    /// <param name="buffer">The caller's own; replaced by a larger one where needed.</param>
    /// <param name="file">Its index in the tree.</param>
    /// <param name="length">Its bytes in <paramref name="buffer"/>.</param>
    /// <param name="fault">Why it could not be read; null where it could.</param>
    /// <returns>False when no file is left.</returns>
    public abstract bool TryRead(ref byte[] buffer, out int file, out int length, out Exception? fault);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected virtual void Dispose(bool disposing)
    {
    }
}
