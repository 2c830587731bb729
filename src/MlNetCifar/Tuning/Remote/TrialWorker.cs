using System.Net.Sockets;
using MlNetCifar.Distributed;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>A worker's part of a sweep: one trial, whose epochs it tells over its connection, and whose end it gives as a line.</summary>
internal static class TrialWorker
{
    /// <summary>Works for the sweep that the first line of <paramref name="input"/> names.</summary>
    /// <exception cref="MlNetCifarException">There is no such sweep (MNC3312, MNC3313), or it refused the worker.</exception>
    public static string Work(TextReader input, IExperimentStorage storage)
    {
        var (address, token) = ExperimentWorkers.Invitation(input);
        using var stream = new NetworkStream(WorkerProgram.Dial(address), ownsSocket: true);
        TrialDoor.KeptAlive(stream.Socket);
        Frame.Write(stream, FrameKind.Hello, Hello.Own(token).ToJson());
        var reader = new FrameReader(stream) { Most = Welcome.MostBytes };
        var kind = reader.Next();
        if (kind is not (FrameKind.Welcome or FrameKind.Refuse))
            throw new InvalidDataException(FormattableString.Invariant($"the sweep answers with {kind}"));
        var message = reader.Rest();
        if (kind == FrameKind.Refuse)
            throw Refusal.Read(message).ToException();
        using var lines = new StreamReader(stream, leaveOpen: true);
        using var words = new StreamWriter(stream, leaveOpen: true);
        using var result = new StringWriter();
        using var child = new TrialChild(lines, words, CancellationToken.None) { Results = result };
        child.Run(end => new Runner(TrialJob.Read(message), storage));
        return result.ToString().TrimEnd();
    }

    sealed class Runner(TrialJob job, IExperimentStorage storage) : ITrialRunner
    {
        public Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation)
        {
            using var opened = ExperimentWorkers.Open(job.Arguments, storage, cancellation);
            var dataset = opened.Open();
            if (TrialJob.Describe(dataset) is var found && found != job.Data)
                throw DistributedErrors.OtherData(found, job.Data);
            return Task.FromResult(new TrialTraining(job.Network, job.Options, null).Run(settings, dataset, null, null, cancellation));
        }
    }
}
