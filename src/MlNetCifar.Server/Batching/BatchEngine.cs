using System.Diagnostics;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Server.Batching;

/// <summary>
/// Scores what waits, in batches, on one thread that has the engine's workers to itself. Models take turns: in each round every model that has work may spend the
/// same number of pixels, so that neither many requests nor large pictures of one keep another waiting.
/// </summary>
internal sealed class BatchEngine : IDisposable
{
    readonly ServingOptions _options;
    readonly ServerMeter _meter;
    readonly Lock _lock = new();
    readonly List<Line> _lines = [];
    readonly SemaphoreSlim _wake = new(0);
    readonly Thread _thread;
    volatile bool _stopping;
    int _next;
    int _waiting;
    double _secondsPerPicture = 0.001;

    public BatchEngine(ServingOptions options, ServerMeter meter)
    {
        (_options, _meter) = (options, meter);
        _thread = new Thread(Loop) { IsBackground = true, Name = "mlnetcifar-batches" };
        _thread.Start();
    }

    /// <summary>Pictures that wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>How long so many pictures will take, by what the last ones took.</summary>
    public TimeSpan Estimate(int pictures) => TimeSpan.FromSeconds(pictures * Volatile.Read(ref _secondsPerPicture));

    /// <summary>Scores one picture.</summary>
    /// <param name="job">The picture.</param>
    /// <param name="cancellation">Of who waits; a picture that was not begun is then never scored.</param>
    /// <exception cref="OperationCanceledException">Cancelled. What is being scored goes on only while somebody waits for a picture of the batch.</exception>
    public async Task<Classification> ScoreAsync(PictureJob job, CancellationToken cancellation)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            LineOf(job.Model).Jobs.Enqueue(job);
            _waiting++;
        }

        _wake.Release();
        try
        {
            return await job.Answer.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!job.TryAbandon())
        {
            // It is being scored, and its memory is in use until the batch is done, or given up where everybody has gone.
            job.Leave();
            await ((Task)job.Answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _stopping = true;
        _wake.Release();
        _thread.Join();
        foreach (var job in _lines.SelectMany(line => line.Jobs))
            job.Fail(new ObjectDisposedException(nameof(BatchEngine)));
        _wake.Dispose();
    }

    void Loop()
    {
        var batch = new List<PictureJob>(_options.BatchSize);
        while (!_stopping)
        {
            if (Waiting == 0)
            {
                _wake.Wait();
                continue;
            }

            AwaitOthers();
            Take(batch);
            if (batch.Count > 0)
                Score(batch);
            batch.Clear();
        }
    }

    /// <summary>Leaves a picture that came alone some time to find company.</summary>
    void AwaitOthers()
    {
        if (_options.BatchDelay == TimeSpan.Zero)
            return;
        while (!_stopping && Oldest() is { } oldest && Waiting < _options.BatchSize)
        {
            var left = _options.BatchDelay - Stopwatch.GetElapsedTime(oldest);
            if (left <= TimeSpan.Zero)
                return;
            _wake.Wait(left);
        }
    }

    long? Oldest()
    {
        lock (_lock)
        {
            long? oldest = null;
            foreach (var line in _lines)
            {
                if (line.Jobs.TryPeek(out var job) && (oldest is null || job.Queued < oldest))
                    oldest = job.Queued;
            }

            return oldest;
        }
    }

    /// <summary>The next model's turn: what it may spend, as far as it waits.</summary>
    void Take(List<PictureJob> batch)
    {
        lock (_lock)
        {
            if (_lines.Count == 0)
                return;
            _next %= _lines.Count;
            var line = _lines[_next];

            // A round is worth a batch of the model with the smallest pictures, and one picture of any other at least; who is alone takes all.
            line.Credit += _lines.Count == 1 ? (long)_options.BatchSize * line.Model.Cost : Math.Max((long)_options.BatchSize * _lines.Min(l => l.Model.Cost), line.Model.Cost);
            while (batch.Count < _options.BatchSize && line.Credit >= line.Model.Cost && line.Jobs.TryDequeue(out var job))
            {
                _waiting--;
                if (!job.TryTake())
                    continue;
                line.Credit -= line.Model.Cost;
                batch.Add(job);
            }

            if (line.Jobs.Count == 0)
                _lines.RemoveAt(_next);
            else
            {
                // What a full batch left over is not saved up.
                line.Credit = Math.Min(line.Credit, line.Model.Cost);
                _next++;
            }
        }
    }

    void Score(List<PictureJob> batch)
    {
        var started = Stopwatch.GetTimestamp();
        var model = batch[0].Model;
        var stop = AllGone(batch);
        try
        {
            using var span = ServerMeter.Spans.StartActivity("score");
            span?.SetTag("mlnetcifar.model", model.Name).SetTag("mlnetcifar.batch_size", batch.Count);
            foreach (var job in batch)
                job.Batch = span?.Context ?? default;
            var answers = model.Batches.Classify([.. batch.Select(job => job.Pixels)], batch.Max(job => job.Top), stop);
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            Volatile.Write(ref _secondsPerPicture, (0.8 * _secondsPerPicture) + (0.2 * seconds / batch.Count));
            _meter.Scored(model.Name, batch.Count, seconds);
            for (var i = 0; i < batch.Count; i++)
            {
                _meter.Waited(model.Name, Stopwatch.GetElapsedTime(batch[i].Queued, batch[i].Started).TotalSeconds);
                batch[i].Complete(answers[i]);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            foreach (var job in batch)
                job.Cancel();
        }
        catch (Exception e)
        {
            // Whoever waits is told; the next batch may go well.
            foreach (var job in batch)
                job.Fail(new ModelFault(model.Name, e));
        }
    }

    /// <summary>Cancelled once nobody waits for any picture of a batch: the engine then stops between two layers.</summary>
    static CancellationToken AllGone(List<PictureJob> batch)
    {
        var stop = new CancellationTokenSource();
        var left = batch.Count;
        foreach (var job in batch)
        {
            job.WhenLeft(() =>
            {
                if (Interlocked.Decrement(ref left) == 0)
                    stop.Cancel();
            });
        }

        return stop.Token;
    }

    Line LineOf(LoadedModel model)
    {
        foreach (var known in _lines)
        {
            if (known.Model == model)
                return known;
        }

        var line = new Line(model);
        _lines.Add(line);
        return line;
    }

    sealed class Line(LoadedModel model)
    {
        public LoadedModel Model => model;

        public Queue<PictureJob> Jobs { get; } = [];

        public long Credit { get; set; }
    }
}
