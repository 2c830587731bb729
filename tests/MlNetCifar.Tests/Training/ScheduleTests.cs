namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class ScheduleTests
{
    [TestMethod]
    [DataRow(ScheduleKind.Constant, 0.0, 1.0)]
    [DataRow(ScheduleKind.Constant, 1.0, 1.0)]
    [DataRow(ScheduleKind.Step, 0.0, 1.0)]
    [DataRow(ScheduleKind.Step, 0.33, 1.0)]
    [DataRow(ScheduleKind.Step, 0.34, 0.1)]
    [DataRow(ScheduleKind.Step, 0.66, 0.1)]
    [DataRow(ScheduleKind.Step, 0.67, 0.01)]
    [DataRow(ScheduleKind.Step, 1.0, 0.01)]
    [DataRow(ScheduleKind.Cosine, 0.0, 1.0)]
    [DataRow(ScheduleKind.Cosine, 0.25, 0.8535533905932737)]
    [DataRow(ScheduleKind.Cosine, 0.5, 0.5)]
    [DataRow(ScheduleKind.Cosine, 1.0, 0.0)]
    [DataRow(ScheduleKind.Linear, 0.0, 1.0)]
    [DataRow(ScheduleKind.Linear, 0.75, 0.25)]
    [DataRow(ScheduleKind.Linear, 1.0, 0.0)]
    [DataRow(ScheduleKind.OneCycle, 0.0, 0.04)]
    [DataRow(ScheduleKind.OneCycle, 0.15, 0.52)]
    [DataRow(ScheduleKind.OneCycle, 0.3, 1.0)]
    [DataRow(ScheduleKind.OneCycle, 0.65, 0.500002)]
    [DataRow(ScheduleKind.OneCycle, 1.0, 0.000004)]
    public void Schedules_HaveTheirValuesAtKeyPoints(ScheduleKind kind, double progress, double expected) =>
        Assert.AreEqual(expected, Schedules.Create(new TrainingOptions { Schedule = kind })(progress), 1e-7);

    [TestMethod]
    [DataRow(ScheduleKind.Constant)]
    [DataRow(ScheduleKind.Step)]
    [DataRow(ScheduleKind.Cosine)]
    [DataRow(ScheduleKind.Linear)]
    public void Warmup_RisesInAStraightLineThenRunsTheWholeSchedule(ScheduleKind kind)
    {
        var plain = Schedules.Create(new TrainingOptions { Schedule = kind });
        var warm = Schedules.Create(new TrainingOptions { Schedule = kind, Warmup = 0.2f });
        Assert.AreEqual(0.5, warm(0.1), 1e-6);
        foreach (var progress in new[] { 0.0, 0.1, 0.4, 0.7, 1.0 })
            Assert.AreEqual(plain(progress), warm(0.2 + (0.8 * progress)), 1e-6, $"{progress}");
    }

    [TestMethod]
    public void SwaLearningRate_IsTheRateWhileWeightsAreAveraged()
    {
        var options = new TrainingOptions { LearningRate = 0.2f, Schedule = ScheduleKind.Cosine };
        var (plain, averaging) = (Schedules.Create(options), Schedules.Create(options with { SwaStart = 0.75f, SwaLearningRate = 0.05f }));
        foreach (var progress in new[] { 0, 0.3, 0.7 })
            Assert.AreEqual(plain(progress), averaging(progress), $"{progress}");
        foreach (var progress in new[] { 0.75, 0.9, 1 })
            Assert.AreEqual(0.25, averaging(progress), 1e-7, $"{progress}");
        Assert.AreEqual(plain(0.9), Schedules.Create(options with { SwaStart = 0.75f })(0.9), "without a rate of its own the schedule goes on");
    }

    [TestMethod]
    public void OneCycle_TakesTheWarmupForItsRise()
    {
        var schedule = Schedules.Create(new TrainingOptions { Schedule = ScheduleKind.OneCycle, Warmup = 0.5f });
        Assert.AreEqual(1, schedule(0.5), 1e-9);
        Assert.AreEqual(0.52, schedule(0.25), 1e-9);
    }

    [TestMethod]
    [DataRow(0f)]
    [DataRow(1f)]
    public void Warmup_AtItsLimits_StaysWithinTheRange(float warmup)
    {
        foreach (var kind in Enum.GetValues<ScheduleKind>())
        {
            var schedule = Schedules.Create(new TrainingOptions { Schedule = kind, Warmup = warmup });
            for (var p = 0.0; p <= 1; p += 0.01)
                Assert.IsTrue(schedule(p) is >= 0 and <= 1, $"{kind} at {p}");
            Assert.IsTrue(schedule(1) is >= 0 and <= 1, $"{kind} at 1");
        }
    }
}
