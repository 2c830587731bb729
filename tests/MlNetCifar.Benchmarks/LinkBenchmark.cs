using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using MlNetCifar.Distributed;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// The time of a synchronous step on links of a known bandwidth, beside what <see cref="WorkerSimulation"/> predicts. links.sh makes the links: network namespaces mnc0 (the run) to mncN on one bridge, each with a
/// limit of its own in both directions.
/// </summary>
internal static class LinkBenchmark
{
    const int Pictures = 640;
    const int BatchSize = 64;
    const int Slices = 8;

    /// <summary>One large matrix: what is sent takes most of the time. It is the first layer with parameters, so that nothing can be sent before the backward pass is over.</summary>
    static readonly NetworkSpec s_network = Of(new Flatten(), new Linear(1024), new Activation(ActivationKind.Relu), new Linear(10));

    /// <summary>As much, behind convolutions, as most networks have it: what is sent is known before what takes most of the backward pass.</summary>
    static readonly NetworkSpec s_convolutions = Of(
        new Conv2d(32, 3), new Activation(ActivationKind.Relu), new Conv2d(32, 3), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2),
        new Conv2d(48, 3), new Activation(ActivationKind.Relu), new Pool2d(PoolKind.Max, 2), new Flatten(), new Linear(1024), new Activation(ActivationKind.Relu), new Linear(10));

    /// <summary>Arguments: <c>worker</c>; or <c>run ADDRESS WORKERS on|off f32|bf16|f16 STEPS MBIT SECONDS [convolutions]</c>, the last two numbers the limit (0 for none) and the compute of a batch by one worker (0 where that is what is measured).</summary>
    public static int Run(string[] args)
    {
        if (args is ["worker"])
        {
            var words = Console.ReadLine()!.Split(' ', 2);
            WorkerProgram.Run(IPEndPoint.Parse(words[0]), words[1], _ => new WorkerImages(Synthetic.Images(Pictures)));
            return 0;
        }

        var (address, workers, isLinked) = (IPAddress.Parse(args[1]), int.Parse(args[2], CultureInfo.InvariantCulture), args[3] == "on");
        var (format, steps) = (Enum.Parse<GradientFormat>(args[4], ignoreCase: true), int.Parse(args[5], CultureInfo.InvariantCulture));
        var (megabits, compute) = (double.Parse(args[6], CultureInfo.InvariantCulture), double.Parse(args[7], CultureInfo.InvariantCulture));
        var network = args is [.., "convolutions"] ? s_convolutions : s_network;
        var clock = new StepClock(steps);
        using var group = new WorkerGroup(new NamespaceWorkers(), new()
        {
            Workers = workers, Listen = new(address, 0), PeerPorts = isLinked ? PortRange.Any : null, Timeout = TimeSpan.FromMinutes(5),
        });
        var trainer = new Trainer(network, new TrainingOptions { BatchSize = BatchSize, Slices = Slices, Epochs = 1, Threads = 2, GradientFormat = format }) { Workers = group };
        trainer.Observers.Add(clock);
        using var result = trainer.Fit(Synthetic.Images(Pictures), null, cancellation: clock.Token);
        if (group.IsPeering != isLinked)
            Console.Error.WriteLine(string.Join('\n', result.Warnings));
        var measured = clock.Median;
        if (compute == 0)
        {
            Console.WriteLine(FormattableString.Invariant($"{measured:0.0000}"));
            return 0;
        }

        // Two cores compute for all of them.
        using var weights = new NetworkWeights(network);
        var half = format == GradientFormat.F32 ? 1 : 0.5;
        var costs = new WorkerCosts(
            Pictures, BatchSize, Slices, compute / BatchSize * Math.Max(1, workers / (double)Environment.ProcessorCount), 0, weights.Parameters.Length * (double)sizeof(float), megabits * 1e6 / 8, 0.0002)
        {
            GradientShare = half,
        };
        var predicted = (isLinked ? WorkerSimulation.Linked(costs, workers) : WorkerSimulation.Synchronous(costs, workers)) / costs.Steps;
        var ahead = group.Figures.Sum(f => f.BytesAhead) / (double)group.Figures.Sum(f => isLinked ? f.BytesPassed : f.BytesReceived);
        Console.WriteLine(FormattableString.Invariant($"| {workers} | {(isLinked ? "among workers" : "by way of the run")} | {OptionName(format)} | {megabits:0} Mbit/s | {predicted:0.00} s | {measured:0.00} s | {ahead:P0} |"));
        return 0;
    }

    static NetworkSpec Of(params ImmutableArray<LayerSpec> layers) =>
        new() { Name = "links", Height = 32, Width = 32, Channels = 3, Classes = 10, Loss = LossKind.SoftmaxCrossEntropy, Layers = layers };

    static string OptionName(GradientFormat format) => format.ToString().ToLowerInvariant();

    /// <summary>Times steps but the first, and ends the run after some of them.</summary>
    sealed class StepClock(int steps) : ITrainingObserver
    {
        readonly CancellationTokenSource _stop = new();
        readonly List<double> _seconds = [];
        long _last;

        public CancellationToken Token => _stop.Token;

        public double Median => _seconds.Order().ElementAt(_seconds.Count / 2);

        public void OnStep(TrainingRun run)
        {
            if (_last != 0)
                _seconds.Add(Stopwatch.GetElapsedTime(_last).TotalSeconds);
            _last = Stopwatch.GetTimestamp();
            if (_seconds.Count == steps)
                _stop.Cancel();
        }
    }

    /// <summary>Workers in the namespaces mnc1, mnc2, ….</summary>
    sealed class NamespaceWorkers : IWorkerLauncher
    {
        readonly Dictionary<int, Process> _processes = [];

        public void Start(int worker, IPEndPoint address, string token)
        {
            var process = Process.Start(new ProcessStartInfo("ip", ["netns", "exec", FormattableString.Invariant($"mnc{worker + 1}"), Environment.ProcessPath!, "links", "worker"])
            {
                RedirectStandardInput = true,
            })!;
            _processes[worker] = process;
            process.StandardInput.WriteLine($"{address} {token}");
            process.StandardInput.Close();
        }

        public Exception? Ended(int worker) => _processes[worker].HasExited ? new InvalidOperationException("its process ended") : null;

        public void End(int worker)
        {
            if (!_processes[worker].HasExited)
                _processes[worker].Kill();
        }

        public void Dispose()
        {
            foreach (var process in _processes.Values)
            {
                if (!process.WaitForExit(2000))
                    process.Kill();
                process.Dispose();
            }
        }
    }
}
