using System.Text.Json;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// HDFS over its REST interface. Paths are absolute ("/a/b"). Thread-safe. Every operation is retried as <see cref="WebHdfsOptions.Retry"/> says;
/// no retry ever writes data twice.
/// </summary>
public sealed class WebHdfsClient : IDisposable
{
    readonly HttpMessageInvoker _http;
    readonly WebHdfsTransport _transport;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="options">Where HDFS is and how to talk to it.</param>
    /// <param name="handler">The seam for tests; null for a real one, which never follows a redirect by itself.</param>
    /// <param name="time">The clock for waits between attempts; null for the system's.</param>
    public WebHdfsClient(WebHdfsOptions options, HttpMessageHandler? handler = null, TimeProvider? time = null)
        : this(options, handler, time, null)
    {
    }

    /// <param name="options">Where HDFS is and how to talk to it.</param>
    /// <param name="handler">The seam for tests; null for a real one.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="tickets">Shown where a server asks for one; null for this user's.</param>
    internal WebHdfsClient(WebHdfsOptions options, HttpMessageHandler? handler, TimeProvider? time, Func<string, ITicket>? tickets)
    {
        Options = options;
        _http = new HttpMessageInvoker(new SpnegoHandler(handler ?? new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = options.Retry.ConnectTimeout,
            MaxConnectionsPerServer = 64,
        }, tickets));
        _transport = new(_http, options, time);
    }

    /// <summary>What this client was made with.</summary>
    public WebHdfsOptions Options { get; }

    internal WebHdfsTransport Transport => _transport;

    /// <summary>A file's or folder's status, or null where there is none.</summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<HdfsStatus?> GetStatusAsync(string path, CancellationToken cancellationToken = default)
    {
        try
        {
            using var json = await JsonAsync(HttpMethod.Get, path, "op=GETFILESTATUS", cancellationToken).ConfigureAwait(false);
            return HdfsStatus.Parse(json.RootElement.GetProperty("FileStatus"));
        }
        catch (MlNetCifarException e) when (e.Code == HdfsErrors.NotFoundCode)
        {
            return null;
        }
    }

    /// <summary>A folder's direct children, fetched in batches.</summary>
    /// <param name="path">A folder.</param>
    /// <param name="startAfter">The name before the first that is wanted; empty for all.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="MlNetCifarException">There is no such folder (MNC6002).</exception>
    public async IAsyncEnumerable<HdfsStatus> ListAsync(
        string path, string startAfter = "", [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var after = startAfter;
        for (string? first = null; ;)
        {
            using var json = await JsonAsync(HttpMethod.Get, path,
                // Hadoop 3.5 knows the name in lower case only, older servers lower it themselves.
                $"op=LISTSTATUS_BATCH&startafter={Uri.EscapeDataString(after)}", cancellationToken).ConfigureAwait(false);
            var listing = json.RootElement.GetProperty("DirectoryListing");
            var entries = listing.GetProperty("partialListing").GetProperty("FileStatuses").GetProperty("FileStatus").EnumerateArray().Select(HdfsStatus.Parse).ToArray();
            if (entries.Length > 0 && entries[0].Name == first)
                throw HdfsErrors.NotProtocol(path, "it lists the same files again and again.");
            foreach (var status in entries)
                yield return status;
            if (entries.Length > 0)
                (first, after) = (entries[0].Name, entries[^1].Name);
            if (listing.GetProperty("remainingEntries").GetInt64() == 0)
                yield break;
        }
    }

    /// <summary>
    /// Asks for a delegation token, with which others may act as this user for some time without a ticket; null on a cluster that is not secured. Written against the published protocol
    /// and tested with recorded exchanges.
    /// </summary>
    /// <param name="renewer">Who may prolong it; null for nobody.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="MlNetCifarException">There is no ticket (MNC6017), or the name node refuses.</exception>
    public async Task<string?> GetDelegationTokenAsync(string? renewer = null, CancellationToken cancellationToken = default)
    {
        var query = renewer is null ? "op=GETDELEGATIONTOKEN" : $"op=GETDELEGATIONTOKEN&renewer={Uri.EscapeDataString(renewer)}";
        using var json = await JsonAsync(HttpMethod.Get, "/", query, cancellationToken).ConfigureAwait(false);
        return json.RootElement.TryGetProperty("Token", out var token) && token.ValueKind == JsonValueKind.Object ? token.GetProperty("urlString").GetString() : null;
    }

    /// <summary>Ends a delegation token.</summary>
    /// <param name="token">As <see cref="GetDelegationTokenAsync"/> gave it.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task CancelDelegationTokenAsync(string token, CancellationToken cancellationToken = default)
    {
        using var response = await _transport.NameNodeAsync(HttpMethod.Put, "/", $"op=CANCELDELEGATIONTOKEN&token={Uri.EscapeDataString(token)}", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Counts and bytes of a folder tree.</summary>
    /// <param name="path">A file or folder.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<HdfsContentSummary> GetContentSummaryAsync(string path, CancellationToken cancellationToken = default)
    {
        using var json = await JsonAsync(HttpMethod.Get, path, "op=GETCONTENTSUMMARY", cancellationToken).ConfigureAwait(false);
        var summary = json.RootElement.GetProperty("ContentSummary");
        return new(summary.GetProperty("fileCount").GetInt64(), summary.GetProperty("directoryCount").GetInt64(), summary.GetProperty("length").GetInt64());
    }

    /// <summary>Creates a folder and its parents; an existing one is fine.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task MakeFolderAsync(string path, CancellationToken cancellationToken = default) =>
        BooleanAsync(HttpMethod.Put, path, $"op=MKDIRS{Options.PermissionOf(0x1FF)}", cancellationToken);

    /// <summary>Deletes a file or folder tree.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="recursive">Whether a folder may have content.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>False where there was nothing.</returns>
    public Task<bool> DeleteAsync(string path, bool recursive = false, CancellationToken cancellationToken = default) =>
        BooleanAsync(HttpMethod.Delete, path, $"op=DELETE&recursive={(recursive ? "true" : "false")}", cancellationToken);

    /// <summary>Renames a file or folder.</summary>
    /// <param name="from">What to rename.</param>
    /// <param name="to">Its new name, in an existing folder.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="MlNetCifarException">The source is missing (MNC6002) or the destination exists (MNC6003).</exception>
    public async Task RenameAsync(string from, string to, bool overwrite = false, CancellationToken cancellationToken = default)
    {
        var source = await GetStatusAsync(from, cancellationToken).ConfigureAwait(false)
            ?? throw HdfsErrors.FromRemote(from, 404, "FileNotFoundException", "");
        await RenameAsync(from, to, overwrite, source.Length, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Renames a file whose length is known. An attempt whose answer was lost may have succeeded: then the source is gone and the destination has that length.</summary>
    internal async Task RenameAsync(string from, string to, bool overwrite, long length, CancellationToken cancellationToken = default)
    {
        var query = $"op=RENAME&destination={Uri.EscapeDataString(to)}{(overwrite ? "&renameoptions=OVERWRITE" : "")}";
        try
        {
            using var response = await _transport.NameNodeAsync(HttpMethod.Put, from, query, cancellationToken).ConfigureAwait(false);
            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            if (body.AsSpan().IndexOf("false"u8) < 0)
                return;
        }
        catch (MlNetCifarException e) when (e.Code == HdfsErrors.NotFoundCode)
        {
        }

        if (await GetStatusAsync(from, cancellationToken).ConfigureAwait(false) is not null)
            throw HdfsErrors.FromRemote(to, 200, "FileAlreadyExistsException", "");
        if (await GetStatusAsync(to, cancellationToken).ConfigureAwait(false) is not { } target || target.Length != length)
            throw HdfsErrors.FromRemote(from, 404, "FileNotFoundException", "");
    }

    /// <summary>Appends whole files to a file without copying; the sources vanish.</summary>
    /// <param name="path">An existing, non-empty file.</param>
    /// <param name="sources">Files of the same folder.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task ConcatenateAsync(string path, IReadOnlyList<string> sources, CancellationToken cancellationToken = default)
    {
        var query = $"op=CONCAT&sources={Uri.EscapeDataString(string.Join(',', sources))}";
        using var response = await _transport.NameNodeAsync(HttpMethod.Post, path, query, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens a file, or a part of it. The stream goes on by itself where a connection breaks.</summary>
    /// <param name="path">A file.</param>
    /// <param name="offset">First byte wanted.</param>
    /// <param name="length">Bytes wanted; null for the rest.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task<Stream> OpenReadAsync(string path, long offset = 0, long? length = null, CancellationToken cancellationToken = default)
    {
        var stream = new HdfsReadStream(this, path, offset, length);
        await stream.ConnectAsync(cancellationToken).ConfigureAwait(false);
        return stream;
    }

    /// <summary>Creates a file and returns the stream that fills it, block by block; the file is complete when the stream is disposed.</summary>
    /// <param name="path">The file; missing folders are created.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    internal HdfsWriteStream OpenWrite(string path, bool overwrite = false) => new(this, path, overwrite);

    /// <summary>Writes a file whole.</summary>
    /// <param name="path">The file; missing folders are created.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task WriteAsync(string path, ReadOnlyMemory<byte> content, bool overwrite = false, CancellationToken cancellationToken = default)
    {
        var stream = OpenWrite(path, overwrite);
        await using (stream.ConfigureAwait(false))
        {
            await stream.WriteAsync(content, cancellationToken).ConfigureAwait(false);
            await stream.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Closes idle connections.</summary>
    public void Dispose() => _http.Dispose();

    async Task<JsonDocument> JsonAsync(HttpMethod method, string path, string query, CancellationToken cancellationToken)
    {
        using var response = await _transport.NameNodeAsync(method, path, query, cancellationToken).ConfigureAwait(false);
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await JsonDocument.ParseAsync(body, default, cancellationToken).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            throw HdfsErrors.NotProtocol(path, e.Message);
        }
    }

    async Task<bool> BooleanAsync(HttpMethod method, string path, string query, CancellationToken cancellationToken)
    {
        using var json = await JsonAsync(method, path, query, cancellationToken).ConfigureAwait(false);
        return json.RootElement.GetProperty("boolean").GetBoolean();
    }
}
