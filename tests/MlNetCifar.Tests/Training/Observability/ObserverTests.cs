using System.Diagnostics.Metrics;
using System.Text.Json;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Observability;

[TestClass]
public sealed class ObserverTests
{
    [TestMethod]
    public void ResultsCsv_OfAResumedRun_HasEveryEpochOnce()
    {
        using var folder = new TestFolder();
        var csv = Path.Combine(folder.Root, "out", "results.csv");
        var run = Path.Combine(folder.Root, "run");
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, run, observers: new ResultsCsvObserver(csv))).Weights.Dispose();
        Assert.AreEqual(4, File.ReadAllLines(csv).Length);
        var more = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Epochs = 5 }, run, resume: true, observers: new ResultsCsvObserver(csv)));
        var rows = File.ReadAllLines(csv).Skip(1).Select(l => l.Split(',')).ToArray();
        CollectionAssert.AreEqual(new[] { "1", "2", "3", "4", "5" }, rows.Select(r => r[0]).ToArray());
        Assert.AreEqual(more.History[4].TrainLoss.ToString("R", System.Globalization.CultureInfo.InvariantCulture), rows[4][1]);
    }

    [TestMethod]
    public void ResultsCsv_ThatCannotBeWritten_IsAWarning()
    {
        using var folder = new TestFolder();
        var file = Path.Combine(folder.Root, "file");
        File.WriteAllText(file, "in the way");
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: new ResultsCsvObserver(Path.Combine(file, "results.csv"))));
        Assert.AreEqual(3, result.History.Count);
        Assert.AreEqual(4, result.Warnings.Count);
        StringAssert.Contains(result.Warnings[0], "results.csv");
    }

    [TestMethod]
    public void Meter_CountsStepsAndImages()
    {
        using var observer = new MeterObserver();
        using var listener = new MeterListener();
        var sums = new Dictionary<string, double>();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == MeterObserver.MeterName)
                l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Add(instrument, value));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Add(instrument, value));
        listener.Start();
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: observer));
        listener.RecordObservableInstruments();
        Assert.AreEqual(15, sums["mlnetcifar.training.steps"]);
        Assert.AreEqual(225, sums["mlnetcifar.training.images"]);
        Assert.AreEqual(3, sums["mlnetcifar.training.epochs"]);
        Assert.AreEqual(result.History[2].ValidationAccuracy, sums["mlnetcifar.training.validation.accuracy"]);
        Assert.AreEqual(1, sums["mlnetcifar.training.progress"]);

        void Add(Instrument instrument, double value) => sums[instrument.Name] = sums.GetValueOrDefault(instrument.Name) + value;
    }

    [TestMethod]
    public void JsonLog_IsOneObjectALine()
    {
        var text = new StringWriter();
        var result = SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, observers: new JsonLogObserver(text)));
        var lines = text.ToString().TrimEnd('\n').Split('\n').Select(l => JsonDocument.Parse(l).RootElement).ToArray();
        CollectionAssert.AreEqual(new[] { "fit_start", "epoch_end", "epoch_end", "epoch_end", "fit_end" }, lines.Select(l => l.GetProperty("event").GetString()).ToArray());
        Assert.AreEqual(64, lines[0].GetProperty("options").GetProperty("batch_size").GetInt32() * 4);
        Assert.AreEqual(result.History[1].TrainLoss, lines[2].GetProperty("train_loss").GetDouble());
        Assert.AreEqual(result.WeightsSha256, lines[4].GetProperty("weights_sha256").GetString());
    }
}
