namespace MlNetCifar.Spark.Hdfs;

/// <summary>A file's bytes from an offset on; reconnects at the present position where a connection breaks.</summary>
sealed class HdfsReadStream(WebHdfsClient client, string path, long offset, long? length) : Stream
{
    readonly long _start = offset;
    readonly RetryState _retry = new(client.Options.Retry, null);
    HttpResponseMessage? _response;
    Stream? _body;
    long _position;
    long _length = length ?? -1;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => _length;

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            if (value != _position)
                Disconnect();
            _position = value;
        }
    }

    /// <summary>Connects, and learns the length where it was not given.</summary>
    public async Task ConnectAsync(CancellationToken cancellationToken)
    {
        if (_body is not null || (_length >= 0 && _position >= _length))
            return;
        _response = await client.Transport.RetryAsync(path, OpenAsync, cancellationToken).ConfigureAwait(false);
        _body = await _response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        if (_length < 0)
            _length = _response.Content.Headers.ContentLength is { } known ? _position + known : await FileLengthAsync(cancellationToken).ConfigureAwait(false);
    }

    async Task<long> FileLengthAsync(CancellationToken cancellationToken)
    {
        var status = await client.GetStatusAsync(path, cancellationToken).ConfigureAwait(false);
        return (status?.Length ?? 0) - _start;
    }

    async Task<HttpResponseMessage> OpenAsync(CancellationToken cancellationToken)
    {
        var part = _length < 0 ? "" : $"&length={_length - _position}";
        var query = _start + _position == 0 && _length < 0 ? "op=OPEN" : $"op=OPEN&offset={_start + _position}{part}";
        var location = await client.Transport.LocateAsync(HttpMethod.Get, path, query, cancellationToken).ConfigureAwait(false);
        return await client.Transport.DataNodeAsync(HttpMethod.Get, location, null, path, cancellationToken).ConfigureAwait(false);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty || (_length >= 0 && _position >= _length))
            return 0;
        while (true)
        {
            Exception? fault = null;
            try
            {
                await ConnectAsync(cancellationToken).ConfigureAwait(false);
                var n = await ReadBodyAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (n > 0 || _position >= _length)
                {
                    _position += n;
                    if (n > 0)
                        _retry.Reset();
                    return n;
                }
            }
            catch (Exception e) when (WebHdfsTransport.IsTransient(e, cancellationToken))
            {
                fault = e;
            }

            Disconnect();
            if (!await _retry.WaitAsync(fault ?? new EndOfStreamException("The answer ended early."), client.Transport.Contact.HasAnswered, cancellationToken).ConfigureAwait(false))
                throw HdfsErrors.Interrupted(path, _position, _length, fault);
        }
    }

    async ValueTask<int> ReadBodyAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(client.Options.Timeout);
        try
        {
            return await _body!.ReadAsync(buffer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"No data within {client.Options.Timeout.TotalSeconds:0} s.");
        }
    }

    void Disconnect()
    {
        _body?.Dispose();
        _response?.Dispose();
        (_body, _response) = (null, null);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => _length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        Disconnect();
        base.Dispose(disposing);
    }
}
