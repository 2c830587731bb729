using MlNetCifar.Tests.Training;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning.Auto;

[TestClass]
public sealed class AutoPlanTests
{
    static readonly AutoCandidate s_usual = new("usual", EpochSeconds: 2, Epochs: 10);

    [TestMethod]
    public void Plan_SharesOutWhatIsLeft()
    {
        var plan = AutoPlan.Of(TimeSpan.FromSeconds(1000), [s_usual, new("good", 5, 10), new("dear", 40, 10), new("too dear", 41, 10)])!;
        Assert.AreEqual(600, plan.SearchSeconds, 1e-9);
        Assert.AreEqual(400, plan.FinalSeconds, 1e-9);

        // The dearest fits the end; five trials, of 157 s on average, have three quarters of their epochs.
        CollectionAssert.AreEqual(new[] { "usual", "good", "dear" }, plan.Candidates.Select(c => c.Name).ToArray());
        Assert.AreEqual(600 / (5 * (20 + 50 + 400) / 3.0), plan.TrialShare, 1e-9);
        Assert.AreEqual(1, plan.Longer.Single());
    }

    [TestMethod]
    public void Plan_LeavesOutWhatMakesTrialsTooShort()
    {
        // With both others six trials of 210 s on average would have a third of their epochs.
        var plan = AutoPlan.Of(TimeSpan.FromSeconds(1000), [s_usual, new("as dear", 39.9, 10), new("dear", 40, 10)])!;
        Assert.IsGreaterThanOrEqualTo(0.5, plan.TrialShare);
        CollectionAssert.AreEqual(new[] { "usual", "as dear" }, plan.Candidates.Select(c => c.Name).ToArray());
    }

    [TestMethod]
    public void Plan_WithTimeToSpare_TriesLongerTrainings()
    {
        CollectionAssert.AreEqual(new[] { 1, 2, 4 }, AutoPlan.Of(TimeSpan.FromHours(2), [s_usual])!.Longer.ToArray());
        var plan = AutoPlan.Of(TimeSpan.FromSeconds(200), [s_usual])!;
        Assert.AreEqual(1, plan.TrialShare);
        CollectionAssert.AreEqual(new[] { 1, 2 }, plan.Longer.ToArray());
    }

    [TestMethod]
    public void Plan_MeasuresNothingThatIsTooDear()
    {
        var measured = new List<string>();
        AutoPlan.Of(TimeSpan.FromSeconds(100), new[] { s_usual, new("too dear", 5, 10), new("dearer", 6, 10) }.Select(candidate =>
        {
            measured.Add(candidate.Name);
            return candidate;
        }));
        CollectionAssert.AreEqual(new[] { "usual", "too dear" }, measured);
    }

    [TestMethod]
    public void Plan_WithoutTimeForOneWholeTraining_IsNone()
    {
        Assert.IsNull(AutoPlan.Of(TimeSpan.FromSeconds(49), [s_usual]));
        Assert.IsNotNull(AutoPlan.Of(TimeSpan.FromSeconds(51), [s_usual]));
        Assert.IsNull(AutoPlan.Of(TimeSpan.FromSeconds(-1), [s_usual]));
    }

    /// <summary>Whatever the costs: the end has room for what is trained there, and the search for half of each candidate and two more.</summary>
    [TestMethod]
    public void Plan_KeepsTheBudget()
    {
        var random = new Random(3);
        for (var i = 0; i < 1000; i++)
        {
            var candidates = Enumerable.Range(0, 5).Select(k => new AutoCandidate($"{k}", Math.Exp(random.NextDouble() * 6), 1 + random.Next(40))).ToArray();
            var left = TimeSpan.FromSeconds(Math.Exp(4 + (random.NextDouble() * 6)));
            if (AutoPlan.Of(left, candidates) is not { } plan)
            {
                Assert.IsGreaterThan(0.4 * left.TotalSeconds, candidates[0].Seconds);
                continue;
            }

            Assert.AreEqual(left.TotalSeconds, plan.SearchSeconds + plan.FinalSeconds, 1e-6);
            Assert.AreEqual("0", plan.Candidates[0].Name);
            var trials = plan.Candidates.Length + 2;
            Assert.IsLessThanOrEqualTo(plan.SearchSeconds * (1 + 1e-9), trials * plan.TrialShare * plan.Candidates.Average(c => c.Seconds));
            foreach (var candidate in plan.Candidates)
            {
                foreach (var longer in plan.Longer)
                {
                    var epochs = plan.Epochs(candidate.Name, longer, 1);
                    Assert.IsLessThanOrEqualTo(plan.FinalSeconds, epochs * candidate.EpochSeconds);
                    Assert.IsGreaterThanOrEqualTo(candidate.Epochs, epochs);
                    Assert.IsLessThanOrEqualTo(epochs, plan.TrialEpochs(epochs));
                    Assert.IsGreaterThanOrEqualTo(1, plan.TrialEpochs(epochs));
                }
            }
        }
    }

    [TestMethod]
    public void Epochs_OfLargerPictures_AreFewer()
    {
        var plan = AutoPlan.Of(TimeSpan.FromSeconds(100), [s_usual])!;
        Assert.AreEqual(10, plan.Epochs("usual", 1, 1));
        Assert.AreEqual(5, plan.Epochs("usual", 1, 4));
        Assert.AreEqual(1, plan.Epochs("usual", 1, 100));
        Assert.AreEqual(3, AutoPlan.Fitting(8, 2.5, 9));
        Assert.AreEqual(1, AutoPlan.Fitting(8, 2.5, -3));
    }

    [TestMethod]
    public void Clock_CountsWhatEarlierProcessesSpent()
    {
        var time = new FakeTime();
        time.Advance(TimeSpan.FromHours(1));
        var clock = new AutoClock(TimeSpan.FromMinutes(30), TimeSpan.FromMinutes(10), time);
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.AreEqual(TimeSpan.FromMinutes(15), clock.Spent);
        Assert.AreEqual(TimeSpan.FromMinutes(15), clock.Left);
        time.Advance(TimeSpan.FromMinutes(20));
        Assert.AreEqual(TimeSpan.FromSeconds(1), clock.Left);
    }
}
