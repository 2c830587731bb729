using System.Buffers;
using MlNetCifar.Server.Batching;
using MlNetCifar.Server.Models;

namespace MlNetCifar.Server.Candidates;

/// <summary>Scores pictures that nobody waits for. What the engine has no room for is skipped and counted, so that requests never wait for it.</summary>
internal sealed class SecondOpinions(ServingOptions options, BatchEngine engine) : IDisposable
{
    readonly CancellationTokenSource _stop = new();
    readonly Lock _lock = new();
    int _pending;
    long _bytes;
    long _skipped;

    /// <summary>Pictures that were skipped.</summary>
    public long Skipped => Volatile.Read(ref _skipped);

    /// <summary>Lets a model answer a picture, unless there is too much to do.</summary>
    /// <param name="model">Held meanwhile.</param>
    /// <param name="bytes">What the picture keeps meanwhile.</param>
    /// <param name="preprocess">Makes the picture what the model takes.</param>
    /// <param name="answered">Gets the class.</param>
    /// <param name="failed">Gets a failure of the model.</param>
    public void Ask(LoadedModel model, long bytes, Action<LoadedModel, byte[], CancellationToken> preprocess, Action<int> answered, Action<ModelFault> failed)
    {
        if (!TryEnter(bytes))
            return;
        if (model.TryHold())
            _ = Task.Run(() => AnswerAsync(model, bytes, preprocess, answered, failed));
        else
            Leave(bytes);
    }

    public void Dispose() => _stop.Cancel();

    async Task AnswerAsync(LoadedModel model, long bytes, Action<LoadedModel, byte[], CancellationToken> preprocess, Action<int> answered, Action<ModelFault> failed)
    {
        var length = model.Classifier.Preprocess.Length;
        var pixels = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            preprocess(model, pixels, _stop.Token);
            var answer = await engine.ScoreAsync(new PictureJob(model, pixels.AsMemory(0, length), 1), _stop.Token).ConfigureAwait(false);
            if (float.IsFinite(answer.Predictions[0].Probability))
                answered(answer.Predictions[0].Index);
            else
                failed(new ModelFault(model.Name));
        }
        catch (ModelFault fault)
        {
            failed(fault);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or MlNetCifarException)
        {
            // The server ends; or the picture is one that this model's settings cannot prepare, which says nothing about its answers.
            Interlocked.Increment(ref _skipped);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(pixels);
            model.Release();
            Leave(bytes);
        }
    }

    bool TryEnter(long bytes)
    {
        lock (_lock)
        {
            if (_pending >= options.BatchSize || (_bytes > 0 && _bytes + bytes > options.MaxBytesAtOnce / 4) || engine.Waiting >= options.BatchSize || _stop.IsCancellationRequested)
            {
                _skipped++;
                return false;
            }

            _pending++;
            _bytes += bytes;
            return true;
        }
    }

    void Leave(long bytes)
    {
        lock (_lock)
        {
            _pending--;
            _bytes -= bytes;
        }
    }
}
