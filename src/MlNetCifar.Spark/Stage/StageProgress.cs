using System.Diagnostics;
using MlNetCifar.Data;
using MlNetCifar.Spark.Connect;

namespace MlNetCifar.Spark.Stage;

/// <summary>Collects what is known of a run and tells it. Thread-safe.</summary>
sealed class StageProgress(IProgress<SparkPrepareProgress>? listener)
{
    readonly Lock _gate = new();
    readonly Stopwatch _watch = Stopwatch.StartNew();
    string _phase = "list";
    int _images;
    int _total;
    int _bad;
    int _restarted;
    SparkProgress _spark;

    public void Phase(string name) => Change(() => _phase = name);

    /// <summary>Worker processes that were started in the place of others, in all jobs of the run.</summary>
    public int Restarts => _restarted;

    public void Restarted(int more) => Change(() => _restarted += Math.Max(0, more));

    public void Total(int images) => Change(() => _total = images);

    public void Local(int images, int total, int bad) => Change(() => (_phase, _images, _total, _bad) = ("run", images, total, bad));

    public void Spark(SparkProgress progress) => Change(() => _spark = progress);

    public void Committed(ShardPartInfo part) => Change(() =>
    {
        _images += part.Count + part.BadFiles.Count;
        _bad += part.BadFiles.Count;
    });

    void Change(Action change)
    {
        SparkPrepareProgress state;
        lock (_gate)
        {
            change();
            state = new(_phase, _images, _total, _bad, _spark.Tasks, _spark.DoneTasks, _watch.Elapsed) { Restarts = _restarted };
        }

        listener?.Report(state);
    }
}
