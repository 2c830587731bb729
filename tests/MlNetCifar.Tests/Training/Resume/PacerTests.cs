using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Resume;

[TestClass]
public sealed class PacerTests
{
    /// <summary>Seconds a step and a validation take, the latter also after the machine slowed to a third half-way.</summary>
    [TestMethod]
    [DataRow(600, 1.0, 10.0, false)]
    [DataRow(600, 1.0, 10.0, true)]
    [DataRow(60, 0.02, 3.0, false)]
    [DataRow(60, 0.02, 3.0, true)]
    [DataRow(20, 0.5, 0.9, false)]
    [DataRow(900, 12.0, 20.0, true)]
    public void Run_UnderATimeBudget_EndsWithinThreePercent(int budget, double step, double validation, bool slows)
    {
        var clock = new ManualClock();
        var options = new TrainingOptions { TimeBudget = TimeSpan.FromSeconds(budget) };
        const int batch = 64;
        var images = (int)(validation / (step / batch / 3));
        var pacer = new Pacer(options, clock, 0, new LoopState(), 40, images);
        var progress = 0.0;
        for (var steps = 1; !pacer.IsTimeUp; steps++)
        {
            var slow = slows && clock.Seconds > budget / 2.0 ? 3 : 1;
            Assert.IsTrue(pacer.Progress(steps) >= progress - 0.03, "the schedule runs backwards");
            progress = pacer.Progress(steps);
            clock.Seconds += step * slow;
            pacer.Stepped(step * slow, batch);
            if (steps % 40 != 0 || pacer.IsTimeUp || !pacer.HasTimeToValidate)
                continue;
            clock.Seconds += validation * slow;
            pacer.Validated(validation * slow, images);
        }

        Assert.IsTrue(progress > 0.9, $"the schedule ended at {progress:P0}");
        clock.Seconds += validation * (slows ? 3 : 1);
        var slack = Math.Max(0.03 * budget, 0.55 * step * (slows ? 3 : 1));
        Assert.AreEqual(budget, clock.Seconds, slack);
    }

    [TestMethod]
    public void IsTimeUp_WithWorkAroundTheTraining_LeavesTimeForIt()
    {
        var clock = new ManualClock();
        var options = new TrainingOptions { TimeBudget = TimeSpan.FromSeconds(100) };
        var pacer = new Pacer(options, clock, 0, new LoopState(), 1000, 0, new BudgetReserve(TimeSpan.FromSeconds(20), ImagesAfter: 1000, TimeSpan.FromSeconds(5)));
        while (!pacer.IsTimeUp)
        {
            clock.Seconds += 0.25;
            pacer.Stepped(0.25, 10);
        }

        // 20 before, 5 after, and 1,000 images at 0.4 of the 25 ms each that training takes.
        Assert.AreEqual(100 - 20 - 5 - 10, clock.Seconds, 0.25);
    }

    /// <summary>Before an average begins an epoch ends without the images of its statistics; what is kept for the end counts them.</summary>
    [TestMethod]
    public void IsTimeUp_AfterAShorterEnd_LeavesTimeForTheWholeOne()
    {
        var clock = new ManualClock();
        var pacer = new Pacer(new() { TimeBudget = TimeSpan.FromSeconds(100) }, clock, 0, new LoopState(), 1000, 1000);
        pacer.Validated(seconds: 3, images: 250);
        while (!pacer.IsTimeUp)
        {
            clock.Seconds += 0.25;
            pacer.Stepped(0.25, 10);
        }

        Assert.AreEqual(100 - 12, clock.Seconds, 0.25);
    }

    [TestMethod]
    public void Progress_BySteps_DoesNotLookAtTheClock()
    {
        var clock = new ManualClock();
        var pacer = new Pacer(new TrainingOptions { Epochs = 4 }, clock, 0, new LoopState(), 10, 0);
        Assert.AreEqual(0.25, pacer.Progress(10));
        clock.Seconds = 1e6;
        Assert.AreEqual(0.25, pacer.Progress(10));
        Assert.IsFalse(pacer.IsTimeUp);
        Assert.AreEqual(1.0, pacer.Progress(41));
    }

    sealed class ManualClock : TimeProvider
    {
        public double Seconds { get; set; }

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => (long)(Seconds * 1e6);
    }
}
