using System.Globalization;
using System.Text.Json;
using MlNetCifar.Experiments;
using MlNetCifar.Files;
using MlNetCifar.Training;

namespace MlNetCifar.Tuning;

/// <summary>
/// A sweep at an MLflow server: one run for it, and below that one for each trial, with the trial's values, options and curve. A server that is away costs runs there, never a trial; what it has not
/// taken by a trial's end is left in the folder.
/// </summary>
/// <param name="options">Name and address of the server.</param>
/// <param name="folder">Of the sweep.</param>
internal sealed class SweepTracking(ExperimentOptions options, RunFolder folder)
{
    const string Parent = "mlflow.parentRunId";

    string ParentFile => Path.Combine(folder.File("mlflow"), "sweep.txt");

    /// <summary>Of the sweep at the server; null where it is not known there.</summary>
    string? RunId => File.Exists(ParentFile) ? File.ReadAllText(ParentFile).Trim() : null;

    /// <summary>Null where none is wanted.</summary>
    public static SweepTracking? Of(ExperimentOptions options, RunFolder folder) => options.Mlflow is null ? null : new(options, folder);

    /// <summary>Makes the sweep's run, unless an earlier process has.</summary>
    public void Begin(SearchSpace space, SweepOptions sweep, ExperimentLog log, CancellationToken cancellation) => Try(log, client =>
    {
        if (RunId is not null)
            return;
        var run = client.CreateRun(client.ExperimentId(options.NetworkName, cancellation), folder.Name, Now, cancellation);
        Directory.CreateDirectory(folder.File("mlflow"));
        AtomicFile.WriteText(ParentFile, writer => writer.WriteLine(run));
        Send(client, "runs/log-batch", run, json =>
        {
            json.WriteStartArray("params");
            foreach (var (key, value) in new[] { ("tuner", OptionText.Of(sweep.Tuner)), ("pruning", OptionText.Of(sweep.Pruning)) }.Concat(space.Parameters.Select(p => ($"space.{p.Name}", p.ToString()))))
                Pair(json, key, value);
            json.WriteEndArray();
        }, cancellation);
    });

    /// <summary>Follows a trial; to be disposed.</summary>
    public MlflowObserver Follow(TrialSettings settings)
    {
        var id = settings.TrialId.ToString(CultureInfo.InvariantCulture);
        var tags = new Dictionary<string, string> { ["sweep"] = folder.Name, ["trial"] = id };
        foreach (var (name, value) in settings.Parameters)
            tags[$"searched.{name}"] = value;
        if (RunId is { } parent)
            tags[Parent] = parent;
        return new(new() { Server = options.Mlflow!, Experiment = options.NetworkName, RunName = $"{folder.Name}-{id}", Folder = Path.Combine(folder.File("mlflow"), $"{settings.TrialId:00000}"), Tags = tags });
    }

    /// <summary>Ends the sweep's run.</summary>
    public void End(TrialResult best, int trials, bool isCancelled, ExperimentLog log) => Try(log, client =>
    {
        if (RunId is not { } run)
            return;
        Send(client, "runs/log-batch", run, json =>
        {
            json.WriteStartArray("metrics");
            Metric(json, "best_accuracy", best.Metric);
            Metric(json, "trials", trials);
            json.WriteEndArray();
        }, CancellationToken.None);
        Send(client, "runs/set-tag", run, json =>
        {
            json.WriteString("key", "best_trial");
            json.WriteString("value", best.TrialSettings.TrialId.ToString(CultureInfo.InvariantCulture));
        }, CancellationToken.None);
        Send(client, "runs/update", run, json =>
        {
            json.WriteString("status", isCancelled ? "KILLED" : "FINISHED");
            json.WriteNumber("end_time", Now);
        }, CancellationToken.None);
    });

    static long Now => TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

    void Try(ExperimentLog log, Action<MlflowClient> work)
    {
        try
        {
            using var client = new MlflowClient(new() { Server = options.Mlflow!, Experiment = options.NetworkName, RunName = folder.Name, Folder = folder.File("mlflow") });
            work(client);
        }
        catch (MlflowFault e)
        {
            log.Warn($"The MLflow server {Secrets.InAddress(options.Mlflow!.OriginalString)} has no run of the sweep itself: {e.Message}. Trials go on, and are logged there while it answers.");
        }
    }

    static void Send(MlflowClient client, string call, string run, Action<Utf8JsonWriter> members, CancellationToken cancellation)
    {
        using var body = JsonDocument.Parse(JsonText.Bytes(members));
        client.Send(call, run, body.RootElement, cancellation);
    }

    static void Pair(Utf8JsonWriter json, string key, string value)
    {
        json.WriteStartObject();
        json.WriteString("key", key);
        json.WriteString("value", value);
        json.WriteEndObject();
    }

    static void Metric(Utf8JsonWriter json, string key, double value)
    {
        json.WriteStartObject();
        json.WriteString("key", key);
        json.WriteNumber("value", value);
        json.WriteNumber("timestamp", Now);
        json.WriteNumber("step", 0);
        json.WriteEndObject();
    }
}
