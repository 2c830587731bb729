using System.Buffers;
using System.Diagnostics;
using MlNetCifar.Imaging;
using MlNetCifar.Server.Batching;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Server.Requests;

/// <summary>An answer, or why there is none, and what its parts took.</summary>
/// <param name="Answer">Null where there is a fault.</param>
/// <param name="Fault">Null where there is an answer.</param>
/// <param name="Decode">Seconds of decoding and resizing.</param>
/// <param name="Queue">Seconds of waiting for the engine.</param>
/// <param name="Score">Seconds in the engine.</param>
internal sealed record Scored(Classification? Answer, RequestFault? Fault, double Decode, double Queue, double Score);

/// <summary>From encoded pictures to answers: sizes checked, let in, decoded on the pool's threads, scored by the engine.</summary>
internal static class Scoring
{
    /// <summary>Answers pictures. The fault of one is told in its place.</summary>
    /// <exception cref="RequestFault">There is too much to do (429).</exception>
    /// <exception cref="OperationCanceledException">The client has gone, or the deadline is past.</exception>
    public static async Task<Scored[]> AllAsync(Serving serving, LoadedModel model, RequestScope scope, IReadOnlyList<SentPicture> pictures, int top)
    {
        PictureReader.CheckCount(pictures.Count, serving.Options);
        var pixels = new long[pictures.Count];
        var faults = new RequestFault?[pictures.Count];
        for (var i = 0; i < pictures.Count; i++)
            (pixels[i], faults[i]) = Size(pictures[i].Bytes, model);
        using var ticket = serving.Admission.PicturesOf(pictures.Count, pixels.Sum());
        if (pictures.Count == 1)
            return [faults[0] is { } fault ? new(null, fault, 0, 0, 0) : await OneAsync(serving, model, scope, pictures[0].Bytes, top, scope.Id).ConfigureAwait(false)];
        return await Task.WhenAll(pictures.Select((picture, i) => faults[i] is { } found
            ? Task.FromResult(new Scored(null, found, 0, 0, 0))
            : Task.Run(() => OneAsync(serving, model, scope, picture.Bytes, top, $"{scope.Id}/{i}"), scope.Stop))).ConfigureAwait(false);
    }

    /// <summary>Answers pictures that are decoded already.</summary>
    public static async Task<Classification[]> AllAsync(Serving serving, LoadedModel model, RequestScope scope, IReadOnlyList<RgbImage> pictures)
    {
        using var ticket = serving.Admission.PicturesOf(pictures.Count, pictures.Sum(p => (long)p.Width * p.Height));
        return await Task.WhenAll(pictures.Select(async (picture, i) =>
        {
            var scored = await ScoreAsync(serving, model, scope, 3L * picture.Width * picture.Height, (m, pixels, _) => m.Preprocessor.Apply(picture, pixels), model.Classifier.Classes.Length, $"{scope.Id}/{i}").ConfigureAwait(false);
            return scored.Answer!;
        })).ConfigureAwait(false);
    }

    /// <summary>The pixels of a picture by its header, or why it is refused.</summary>
    public static (long Pixels, RequestFault? Fault) Size(ReadOnlyMemory<byte> file, LoadedModel model)
    {
        if (file.IsEmpty)
            return (0, ServerErrors.Malformed("There is no picture: it has no bytes."));
        try
        {
            var info = ImageDecoder.ReadInfo(file.Span);
            var pixels = (long)info.Width * info.Height;
            if (Math.Max(info.Width, info.Height) > model.Limits.MaxDimension)
                return (0, ServerErrors.TooLarge("Pixels of the picture's longer side", Math.Max(info.Width, info.Height), model.Limits.MaxDimension));
            return pixels > model.Limits.MaxPixels ? (0, ServerErrors.TooLarge("Pixels of the picture", pixels, model.Limits.MaxPixels)) : (pixels, null);
        }
        catch (MlNetCifarException e)
        {
            return (0, Faults.Of(e));
        }
    }

    /// <summary>Preprocesses one picture for a model.</summary>
    /// <exception cref="RequestFault">It cannot be decoded.</exception>
    public static byte[] Preprocess(LoadedModel model, ReadOnlyMemory<byte> file, CancellationToken cancellation)
    {
        var pixels = new byte[model.Classifier.Preprocess.Length];
        try
        {
            model.Preprocessor.Apply(file.Span, pixels, cancellation);
            return pixels;
        }
        catch (MlNetCifarException e)
        {
            throw Faults.Of(e);
        }
    }

    static async Task<Scored> OneAsync(Serving serving, LoadedModel model, RequestScope scope, ReadOnlyMemory<byte> file, int top, string id)
    {
        try
        {
            var scored = await ScoreAsync(serving, model, scope, file.Length, (m, pixels, stop) => m.Preprocessor.Apply(file.Span, pixels, stop), top, id).ConfigureAwait(false);
            serving.Capture?.Offer(id, file, model.Classifier.WeightsSha256, scored.Answer!);
            return scored;
        }
        catch (MlNetCifarException e)
        {
            return new(null, Faults.Of(e), 0, 0, 0);
        }
    }

    static async Task<Scored> ScoreAsync(Serving serving, LoadedModel model, RequestScope scope, long bytes, Action<LoadedModel, byte[], CancellationToken> preprocess, int top, string id)
    {
        scope.Stop.ThrowIfCancellationRequested();
        var length = model.Classifier.Preprocess.Length;
        var rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var start = Stopwatch.GetTimestamp();
            using (ServerMeter.Spans.StartActivity("decode"))
                preprocess(model, rented, scope.Stop);
            var decoded = Stopwatch.GetElapsedTime(start);
            var job = new PictureJob(model, rented.AsMemory(0, length), Math.Min(top, model.Classifier.Classes.Length));
            var answer = await serving.Engine.ScoreAsync(job, scope.Stop).ConfigureAwait(false);
            ServerMeter.Queued(job.Queued, job.Started, job.Batch);
            if (!float.IsFinite(answer.Predictions[0].Probability))
                throw new ModelFault(model.Name);
            Watch(serving, model, answer, rented.AsSpan(0, length), id);
            serving.Candidates.Compare(model, answer.Predictions[0].Index, id, bytes, preprocess);
            if (answer.Predictions.Count > top)
                answer = answer with { Predictions = [.. answer.Predictions.Take(top)] };
            return new(answer, null, decoded.TotalSeconds, Stopwatch.GetElapsedTime(job.Queued, job.Started).TotalSeconds, Stopwatch.GetElapsedTime(job.Started).TotalSeconds);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    static void Watch(Serving serving, LoadedModel model, Classification answer, ReadOnlySpan<byte> pixels, string id)
    {
        serving.Meter.Predicted(model.Name, answer.Predictions[0].Label, answer.IsUnknown);
        serving.Feedback.Add(id, model.Feedback, answer.Predictions[0].Index);
        foreach (var reading in model.Drift.Add(answer, pixels).Where(r => r.IsAlarm))
        {
            serving.Logger.Drifted(model.Name, reading.Statistic, reading.Distance, reading.PValue);
            serving.Meter.Drifted(model.Name, reading.Statistic);
        }
    }
}
