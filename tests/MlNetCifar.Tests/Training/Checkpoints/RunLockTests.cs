using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Checkpoints;

[TestClass]
public sealed class RunLockTests
{
    [TestMethod]
    public void Take_OfATakenFolder_IsRefused_UntilItIsLetGo()
    {
        using var folder = new TestFolder();
        var path = Path.Combine(folder.Root, "new", "run");
        using (RunLock.Take(path))
            Assert.AreEqual("MNC3014", Assert.ThrowsExactly<MlNetCifarException>(() => RunLock.Take(path)).Code);
        RunLock.Take(path).Dispose();

        // A name that were taken away and given to a new file could be locked twice: the old file by who opened it before, the new one by who made it.
        Assert.IsTrue(File.Exists(Path.Combine(path, "run.lock")));
    }

    [TestMethod]
    public void Take_WhereAFileIsInTheWay_SaysThatItCannotBeWritten()
    {
        using var folder = new TestFolder();
        var path = Path.Combine(folder.Root, "file");
        File.WriteAllText(path, "");
        Assert.AreEqual("MNC3013", Assert.ThrowsExactly<MlNetCifarException>(() => RunLock.Take(path)).Code);
        var taken = Path.Combine(folder.Root, "run");
        Directory.CreateDirectory(Path.Combine(taken, "run.lock"));
        Assert.AreEqual("MNC3013", Assert.ThrowsExactly<MlNetCifarException>(() => RunLock.Take(taken)).Code);
    }

    [TestMethod]
    public void Take_ByMany_IsGivenToOneAtATime()
    {
        using var folder = new TestFolder();
        var (holders, most, taken) = (0, 0, 0);
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var turn = 0; turn < 500; turn++)
            {
                try
                {
                    using (RunLock.Take(folder.Root))
                    {
                        var now = Interlocked.Increment(ref holders);
                        InterlockedMax(ref most, now);
                        Interlocked.Increment(ref taken);
                        Thread.Yield();
                        Interlocked.Decrement(ref holders);
                    }
                }
                catch (MlNetCifarException e) when (e.Code == "MNC3014")
                {
                    // Another one has it.
                }
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        Assert.AreEqual(1, most);
        Assert.IsGreaterThan(1, taken);
    }

    static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); value > seen;)
            seen = Interlocked.CompareExchange(ref target, value, seen) is var found && found == seen ? value : found;
    }
}
