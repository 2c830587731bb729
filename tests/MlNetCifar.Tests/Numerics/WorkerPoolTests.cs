using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class WorkerPoolTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(8)]
    public void Run_ExecutesEachBlockOnce(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (var turn = 0; turn < 2000; turn++)
        {
            var blocks = turn % 23;
            var job = new CountJob { Counts = new int[blocks], Workers = new int[blocks] };
            pool.Run(ref job, blocks);
            CollectionAssert.AreEqual(Enumerable.Repeat(1, blocks).ToArray(), job.Counts);
            Assert.IsTrue(job.Workers.All(w => w >= 0 && w < threads));
        }
    }

    [TestMethod]
    public void Run_AfterPauses_WakesSleepingWorkers()
    {
        using var pool = new WorkerPool(4);
        for (var turn = 0; turn < 30; turn++)
        {
            var job = new CountJob { Counts = new int[16], Workers = new int[16] };
            pool.Run(ref job, 16);
            Assert.AreEqual(16, job.Counts.Sum());
            Thread.Sleep(turn % 3);
        }
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(4)]
    public void Run_WhereAWorkerIsHeldBack_HasItsOtherBlocksDoneByTheRest(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (var turn = 0; turn < 20; turn++)
        {
            // The first block waits for all others, which one thread's fixed share of them would never let happen.
            using var rest = new CountdownEvent(15);
            var job = new HeldJob { Rest = rest };
            pool.Run(ref job, 16);
            Assert.IsTrue(rest.IsSet);
        }
    }

    [TestMethod]
    public void Run_AllocatesNothing()
    {
        using var pool = new WorkerPool(2);
        var job = new CountJob { Counts = new int[64], Workers = new int[64] };
        for (var turn = 0; turn < 200; turn++)
            pool.Run(ref job, 64);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var turn = 0; turn < 200; turn++)
            pool.Run(ref job, 64);
        Assert.AreEqual(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [TestMethod]
    public void DefaultThreads_AreTheProcessorsGranted() => Assert.AreEqual(Environment.ProcessorCount, WorkerPool.DefaultThreads);

    [TestMethod]
    [DataRow(0)]
    [DataRow(-1)]
    public void Constructor_RefusesFewerThanOneThread(int threads) =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new WorkerPool(threads));

    [TestMethod]
    [DataRow(1, 0)]
    [DataRow(1, 7)]
    [DataRow(2, 0)]
    [DataRow(2, 7)]
    [DataRow(8, 3)]
    public void Run_ThrowsWhatABlockThrew_AndWorksAfterwards(int threads, int failing)
    {
        using var pool = new WorkerPool(threads);
        var thrown = new InvalidDataException("block");
        var error = Assert.ThrowsExactly<InvalidDataException>(() =>
        {
            var bad = new FailingJob { Failing = failing, Fault = thrown };
            pool.Run(ref bad, 8);
        });
        Assert.AreSame(thrown, error);
        StringAssert.Contains(error.StackTrace, nameof(FailingJob));
        var job = new CountJob { Counts = new int[8], Workers = new int[8] };
        pool.Run(ref job, 8);
        Assert.AreEqual(8, job.Counts.Sum());
    }

    struct CountJob : IParallelJob
    {
        public int[] Counts;
        public int[] Workers;

        public readonly void Execute(int block, int worker)
        {
            Interlocked.Increment(ref Counts[block]);
            Workers[block] = worker;
        }
    }

    struct HeldJob : IParallelJob
    {
        public CountdownEvent Rest;

        public readonly void Execute(int block, int worker)
        {
            if (block > 0)
                Rest.Signal();
            else if (!Rest.Wait(TimeSpan.FromSeconds(60)))
                throw new TimeoutException("blocks left to a thread that is busy");
        }
    }

    struct FailingJob : IParallelJob
    {
        public int Failing;
        public Exception Fault;

        public readonly void Execute(int block, int worker)
        {
            if (block == Failing)
                throw Fault;
        }
    }
}
