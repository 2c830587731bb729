using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using MlNetCifar.Files;

namespace MlNetCifar.Data;

/// <summary>How far a download has come.</summary>
/// <param name="Bytes">Bytes on disk.</param>
/// <param name="Total">Bytes of the whole file; null where the server does not say.</param>
public readonly record struct DownloadProgress(long Bytes, long? Total);

/// <summary>Downloads archives: what an interrupted download left is continued, and only a file with the right checksum gets its name.</summary>
/// <param name="client">Carries the requests; not disposed.</param>
/// <param name="time">For the waits between attempts; null for the system's.</param>
internal sealed class DatasetDownloader(HttpClient client, TimeProvider? time = null)
{
    const int Attempts = 4;

    // A connection that says nothing for this long is given up and continued by the next attempt.
    static readonly TimeSpan s_silence = TimeSpan.FromSeconds(60);

    readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Downloads a data set, or finds it already there.</summary>
    /// <param name="dataset">Which.</param>
    /// <param name="folder">Where the archive goes.</param>
    /// <param name="progress">Told about ten times a second.</param>
    /// <param name="cancellation">Ends the download; what came is kept for the next time.</param>
    /// <returns>The archive's path.</returns>
    /// <exception cref="MlNetCifarException">The server refuses or cannot be reached (MNC1041), the checksum is wrong (MNC1042), or the disk is full (MNC1024).</exception>
    public async Task<string> DownloadAsync(
        KnownDataset dataset, string folder, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var path = Path.Combine(folder, dataset.FileName);
        var partial = path + ".part";
        try
        {
            FileTarget.RequireFile(path);
            FileTarget.RequireFile(partial);
            if (LocalFileStore.Instance.FileExists(path) && await Md5Async(path, cancellation).ConfigureAwait(false) == dataset.Md5)
                return path;
            Directory.CreateDirectory(folder);
            await FetchAsync(dataset.Address, partial, progress, cancellation).ConfigureAwait(false);
            var md5 = await Md5Async(partial, cancellation).ConfigureAwait(false);
            if (md5 != dataset.Md5)
            {
                File.Delete(partial);
                throw DataErrors.WrongChecksum(dataset.Address.ToString(), md5, dataset.Md5);
            }

            LocalFileStore.Instance.Move(partial, path);
            return path;
        }
        catch (Exception e) when (e is (IOException and not HttpIOException) or UnauthorizedAccessException)
        {
            throw FileErrors.Unwritable(path, e);
        }
    }

    static async Task<string> Md5Async(string path, CancellationToken cancellation)
    {
        // The authors publish MD5; it guards against accidents here, not against attackers.
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, useAsync: true);
        return Convert.ToHexStringLower(await MD5.HashDataAsync(stream, cancellation).ConfigureAwait(false));
    }

    async Task FetchAsync(Uri address, string partial, IProgress<DownloadProgress>? progress, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var before = LocalFileStore.Instance.FindLength(partial) ?? 0;
            try
            {
                await FetchOnceAsync(address, partial, progress, cancellation).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (IsTransient(e) && !cancellation.IsCancellationRequested)
            {
                // An attempt that brought something does not count: slow lines finish too.
                if (LocalFileStore.Instance.FindLength(partial) > before)
                    attempt = 1;
                if (attempt >= Attempts)
                    throw DataErrors.DownloadFailed(address.ToString(), e.Message, e);
            }

            await Task.Delay(TimeSpan.FromSeconds(1 << (attempt - 1)), _time, cancellation).ConfigureAwait(false);
        }
    }

    static bool IsTransient(Exception e) => e switch
    {
        HttpRequestException { StatusCode: { } status } => (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests,
        HttpRequestException or HttpIOException or TaskCanceledException => true,
        _ => false,
    };

    async Task FetchOnceAsync(Uri address, string partial, IProgress<DownloadProgress>? progress, CancellationToken cancellation)
    {
        using var file = new FileStream(partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1 << 16, useAsync: true);
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (file.Length > 0)
            request.Headers.Range = new RangeHeaderValue(file.Length, null);
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            return;
        if (!response.IsSuccessStatusCode)
            throw Refused(address, response.StatusCode);

        // A server without ranges, or one whose file has changed, answers with the whole.
        var resumes = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == file.Length;
        if (!resumes)
            file.SetLength(0);
        file.Seek(0, SeekOrigin.End);
        var total = response.Content.Headers.ContentLength + file.Length;
        await CopyAsync(response, file, total, progress, cancellation).ConfigureAwait(false);
        if (total is { } expected && file.Length < expected)
            throw new HttpIOException(HttpRequestError.ResponseEnded, $"The connection ended after {file.Length:N0} of {expected:N0} bytes.");
    }

    static Exception Refused(Uri address, HttpStatusCode status)
    {
        var message = $"The server answered {(int)status}";
        var refused = new HttpRequestException(message, null, status);
        return IsTransient(refused) ? refused : DataErrors.DownloadFailed(address.ToString(), message, refused);
    }

    static async Task CopyAsync(HttpResponseMessage response, FileStream file, long? total, IProgress<DownloadProgress>? progress, CancellationToken cancellation)
    {
        using var content = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        var block = new byte[1 << 16];
        var next = Environment.TickCount64;
        try
        {
            for (int n; (n = await ReadAsync(content, block, cancellation).ConfigureAwait(false)) > 0;)
            {
                await file.WriteAsync(block.AsMemory(0, n), cancellation).ConfigureAwait(false);
                if (progress is not null && Environment.TickCount64 >= next)
                {
                    progress.Report(new(file.Position, total));
                    next = Environment.TickCount64 + 100;
                }
            }
        }
        finally
        {
            // What came before a broken connection is what the next attempt starts from.
            await file.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }

        progress?.Report(new(file.Position, total));
    }

    static async Task<int> ReadAsync(Stream content, byte[] block, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(s_silence);
        try
        {
            return await content.ReadAsync(block, patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new HttpIOException(HttpRequestError.Unknown, $"The server sent nothing for {s_silence.TotalSeconds:F0} seconds", e);
        }
        catch (IOException e) when (e is not HttpIOException)
        {
            // The network's I/O errors must not pass for the disk's.
            throw new HttpIOException(HttpRequestError.ResponseEnded, e.Message, e);
        }
    }
}
