using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.Server.Monitoring;

/// <summary>
/// Writes a share of the pictures that came, each with its answer, to <c>yyyyMMdd/HHmmssfff-ID.EXTENSION</c> and <c>….json</c>, and deletes the oldest of them again once they are too old or too
/// many. Requests never wait for it: what comes faster than it can be written is left out and counted.
/// </summary>
internal sealed class PictureCapture : IDisposable
{
    const int MostWaiting = 16;
    const string DayFormat = "yyyyMMdd";
    static readonly TimeSpan s_lookEvery = TimeSpan.FromMinutes(1);

    readonly string _folder;
    readonly ServingOptions _options;
    readonly ILogger _logger;
    readonly TimeProvider _clock;
    readonly Channel<Captured?> _queue = Channel.CreateBounded<Captured?>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
    readonly Queue<Kept> _kept;
    readonly ITimer _timer;
    readonly Task _writing;
    long _bytes, _written, _skipped;
    bool _isFailing;

    /// <summary>Opens the folder, and takes over what an earlier server left in it.</summary>
    /// <exception cref="MlNetCifarException">The folder cannot be used (MNC8024).</exception>
    public PictureCapture(ServingOptions options, ILogger logger, TimeProvider? clock = null)
    {
        (_folder, _options, _logger, _clock) = (options.CaptureFolder!, options, logger, clock ?? TimeProvider.System);
        try
        {
            // Pictures are nobody's but those who run the server.
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(_folder);
            else
                Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            _kept = new(Left());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ServerErrors.NoCapture(_folder, e);
        }

        _bytes = _kept.Sum(k => k.Bytes);
        Retain();
        logger.Captures(_folder, options.CaptureShare);
        _writing = Task.Run(WriteAllAsync);

        // What is too old goes even while nothing comes.
        _timer = _clock.CreateTimer(_ => _queue.Writer.TryWrite(null), null, s_lookEvery, s_lookEvery);
    }

    /// <summary>Pictures written.</summary>
    public long Written => Volatile.Read(ref _written);

    /// <summary>Pictures that were to be written and were not.</summary>
    public long Skipped => Volatile.Read(ref _skipped);

    /// <summary>Bytes of what is kept.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Writes a picture now and then.</summary>
    /// <param name="id">Of the answer.</param>
    /// <param name="file">As it was sent; not to be changed.</param>
    /// <param name="model">The weights' hash.</param>
    /// <param name="answer">What it was answered.</param>
    public void Offer(string id, ReadOnlyMemory<byte> file, string model, Classification answer)
    {
        if (Random.Shared.NextDouble() < _options.CaptureShare && !_queue.Writer.TryWrite(new(_clock.GetUtcNow(), id, file, model, answer)))
            Interlocked.Increment(ref _skipped);
    }

    /// <summary>Writes what waits, and ends.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        _queue.Writer.TryComplete();
        _writing.Wait();
    }

    async Task WriteAllAsync()
    {
        await foreach (var captured in _queue.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                if (captured is not null)
                    Write(captured);
                Retain();
                Interlocked.Add(ref _written, captured is null ? 0 : 1);
                _isFailing = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Interlocked.Add(ref _skipped, captured is null ? 0 : 1);
                if (!_isFailing)
                    _logger.NotCaptured(_folder, e.Message);
                _isFailing = true;
            }
        }
    }

    void Write(Captured captured)
    {
        var day = Path.Combine(_folder, captured.Time.ToString(DayFormat, CultureInfo.InvariantCulture));
        Directory.CreateDirectory(day);
        var name = Path.Combine(day, $"{captured.Time.ToString("HHmmssfff", CultureInfo.InvariantCulture)}-{captured.Id.Replace('/', '-')}");
        var json = Json(captured);
        foreach (var (path, bytes) in new[] { ($"{name}.{Extension(captured.File.Span)}", captured.File), ($"{name}.json", json) })
        {
            LocalFileStore.Instance.Write(path, stream => stream.Write(bytes.Span));
            _kept.Enqueue(new(path, captured.Time, bytes.Length));
            Interlocked.Add(ref _bytes, bytes.Length);
        }
    }

    static ReadOnlyMemory<byte> Json(Captured captured)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("request_id", captured.Id);
            json.WriteString("time", captured.Time);
            json.WriteString("sha256", captured.Model);
            json.WriteString("label", captured.Answer.Predictions[0].Label);
            json.WriteNumber("probability", captured.Answer.Predictions[0].Probability);
            json.WriteBoolean("unknown", captured.Answer.IsUnknown);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    static string Extension(ReadOnlySpan<byte> file) => ImageDecoder.Identify(file) switch
    {
        ImageFormat.Jpeg => "jpg",
        ImageFormat.Png => "png",
        ImageFormat.Bmp => "bmp",
        ImageFormat.Pnm => "pnm",
        ImageFormat.Gif => "gif",
        _ => "bin",
    };

    /// <summary>Deletes the oldest until the rest is neither too old nor too much.</summary>
    void Retain()
    {
        while (_kept.TryPeek(out var oldest) && (_bytes > _options.CaptureMaxBytes || _clock.GetUtcNow() - oldest.Time > _options.CaptureFor))
        {
            _kept.Dequeue();
            Interlocked.Add(ref _bytes, -oldest.Bytes);
            File.Delete(oldest.Path);

            // The day's last file takes its folder along, unless somebody else keeps something there.
            var day = Path.GetDirectoryName(oldest.Path)!;
            if ((!_kept.TryPeek(out var next) || Path.GetDirectoryName(next.Path) != day) && !Directory.EnumerateFileSystemEntries(day).Any())
                Directory.Delete(day);
        }
    }

    /// <summary>What an earlier server wrote, the oldest first. Files of other names are not touched.</summary>
    IEnumerable<Kept> Left() =>
        from day in Directory.EnumerateDirectories(_folder).Order(StringComparer.Ordinal)
        where DateTimeOffset.TryParseExact(Path.GetFileName(day), DayFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _)
        from path in Directory.EnumerateFiles(day).Order(StringComparer.Ordinal)
        let name = Path.GetFileName(path)
        where name.Length > 10 && name[9] == '-'
        let time = Time(Path.GetFileName(day) + name[..9])
        where time is not null
        select new Kept(path, time.Value, new FileInfo(path).Length);

    static DateTimeOffset? Time(string text) =>
        DateTimeOffset.TryParseExact(text, DayFormat + "HHmmssfff", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    sealed record Captured(DateTimeOffset Time, string Id, ReadOnlyMemory<byte> File, string Model, Classification Answer);

    readonly record struct Kept(string Path, DateTimeOffset Time, long Bytes);
}
