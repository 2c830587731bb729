using System.Buffers;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// Fills a new file in blocks: the first by CREATE, the others by APPEND. A block is kept until its write is known to have succeeded,
/// and before a retry the file's length tells how much of it has arrived, so nothing is ever written twice.
/// </summary>
internal sealed class HdfsWriteStream : Stream
{
    readonly WebHdfsClient _client;
    readonly string _path;
    readonly bool _overwrite;
    byte[] _block = [];
    int _filled;
    long _written;
    bool _created;
    int _unanswered;
    bool _closed;

    internal HdfsWriteStream(WebHdfsClient client, string path, bool overwrite)
    {
        _client = client;
        _path = path;
        _overwrite = overwrite;
    }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => !_closed;

    /// <summary>Bytes taken so far.</summary>
    public override long Length => _written + _filled;

    /// <summary>Bytes taken so far.</summary>
    public override long Position { get => Length; set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        while (!buffer.IsEmpty)
        {
            var n = Math.Min(buffer.Length, _client.Options.WriteBlock - _filled);
            Reserve(n);
            buffer[..n].CopyTo(_block.AsMemory(_filled));
            _filled += n;
            buffer = buffer[n..];
            if (_filled == _client.Options.WriteBlock)
                await SendAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    void Reserve(int more)
    {
        if (_block.Length >= _filled + more)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Min(_client.Options.WriteBlock, Math.Max(_filled + more, _block.Length * 2)));
        _block.AsSpan(0, _filled).CopyTo(larger);
        Release();
        _block = larger;
    }

    /// <summary>Sends what is buffered; the file is then complete.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    public async Task CompleteAsync(CancellationToken cancellationToken = default)
    {
        if (_closed)
            return;
        if (_filled > 0 || !_created)
            await SendAsync(cancellationToken).ConfigureAwait(false);
        _closed = true;
        Release();
    }

    /// <summary>Completes a file of which nothing has been sent yet in another way.</summary>
    /// <param name="write">Gets the file's bytes; says whether it has written them.</param>
    internal bool TryComplete(Func<ReadOnlySpan<byte>, bool> write)
    {
        if (_closed || _created || !write(_block.AsSpan(0, _filled)))
            return false;
        _closed = true;
        _written = _filled;
        _filled = 0;
        Release();
        return true;
    }

    void Release()
    {
        // A request that was given up may be sending yet.
        if (_unanswered == 0)
            ArrayPool<byte>.Shared.Return(_block);
        _block = [];
    }

    async Task SendAsync(CancellationToken cancellationToken)
    {
        if (_created)
            await AppendAsync(cancellationToken).ConfigureAwait(false);
        else
            await CreateAsync(cancellationToken).ConfigureAwait(false);
        _written += _filled;
        _filled = 0;
    }

    async Task CreateAsync(CancellationToken cancellationToken)
    {
        // Overwriting makes an attempt repeatable, but only what this stream itself created may be overwritten unasked.
        var replication = _client.Options.Replication is { } r ? $"&replication={r}" : "";
        var attempts = 0;
        await _client.Transport.RetryAsync(_path, async ct =>
        {
            var mine = attempts++ > 0 && await IsOwnAttemptAsync(ct).ConfigureAwait(false);
            var query = $"op=CREATE&overwrite={(_overwrite || mine ? "true" : "false")}{replication}{_client.Options.PermissionOf(0x1B6)}";
            await PutAsync(HttpMethod.Put, query, 0, ct).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);
        _created = true;
    }

    // A first attempt that had found a file there would have failed for good, so a file of at most this block's length is its remainder.
    async Task<bool> IsOwnAttemptAsync(CancellationToken cancellationToken) =>
        await _client.GetStatusAsync(_path, cancellationToken).ConfigureAwait(false) is { IsFolder: false } status && status.Length <= _filled;

    Task AppendAsync(CancellationToken cancellationToken)
    {
        var attempts = 0;
        return _client.Transport.RetryAsync(_path, async ct =>
        {
            var arrived = 0;
            if (attempts++ > 0)
            {
                var length = (await _client.GetStatusAsync(_path, ct).ConfigureAwait(false))?.Length ?? -1;
                if (length < _written || length > _written + _filled)
                    throw HdfsErrors.AppendUnclear(_path, length, _written);
                arrived = (int)(length - _written);
            }

            if (arrived < _filled)
                await PutAsync(HttpMethod.Post, "op=APPEND", arrived, ct).ConfigureAwait(false);
            return true;
        }, cancellationToken);
    }

    async Task PutAsync(HttpMethod method, string query, int from, CancellationToken cancellationToken)
    {
        var location = await _client.Transport.LocateAsync(method, _path, query, cancellationToken).ConfigureAwait(false);
        _unanswered++;
        using var content = new ByteArrayContent(_block, from, _filled - from);
        content.Headers.ContentType = new("application/octet-stream");
        using var response = await _client.Transport.DataNodeAsync(method, location, content, _path, cancellationToken).ConfigureAwait(false);
        _unanswered--;
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <summary>Nothing: a block is sent when it is full and when the file is complete.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Gives up what is still buffered unless <see cref="CompleteAsync"/> was called.</summary>
    /// <param name="disposing">Always true.</param>
    protected override void Dispose(bool disposing)
    {
        _closed = true;
        base.Dispose(disposing);
    }
}
