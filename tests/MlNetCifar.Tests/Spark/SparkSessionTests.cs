using MlNetCifar.Spark.Connect;

namespace MlNetCifar.Tests.Spark;

/// <summary>The Spark Connect client against a real server.</summary>
[TestClass]
[TestCategory("Spark")]
[DoNotParallelize]
public sealed class SparkSessionTests
{
    static SparkSession s_session = null!;

    [ClassInitialize]
    public static async Task StartAsync(TestContext context)
    {
        var cluster = await SparkFixture.ClusterAsync();
        s_session = await SparkSession.ConnectAsync(cluster.Connect!);
    }

    [ClassCleanup]
    public static async Task CloseAsync()
    {
        if (s_session is not null)
            await s_session.DisposeAsync();
    }

    [TestMethod]
    public async Task Explain_NamesTheCoresOfARange()
    {
        var plan = await s_session.Sql(MlNetCifar.Spark.Stage.StageQuery.Cores).ExplainAsync();
        StringAssert.Contains(plan, "Physical Plan");
        // The fixture's cluster has two executors of one core; before they are there, Spark counts two as well.
        Assert.AreEqual(2, MlNetCifar.Spark.Stage.StageQuery.ReadCores(plan), plan);
    }

    [TestMethod]
    public async Task Collect_GivesEveryTypeTheReaderKnows()
    {
        var rows = await s_session.Sql("""
            SELECT cast(1 AS tinyint), cast(-2 AS smallint), 3, -4L, cast(1.5 AS float), cast(-2.25 AS double), true, 'für', cast('ab' AS binary), cast(null AS string), null
            UNION ALL SELECT null, null, null, null, null, null, null, null, null, '', null
            """).CollectAsync();
        var first = rows.Single(r => r[0] is not null);
        CollectionAssert.AreEqual(new object?[] { 1L, -2L, 3L, -4L, 1.5, -2.25, true, "für" }, Enumerable.Range(0, 8).Select(i => first[i]).ToArray());
        CollectionAssert.AreEqual("ab"u8.ToArray(), (byte[])first[8]!);
        Assert.IsNull(first[9]);
        var second = rows.Single(r => r[0] is null);
        Assert.AreEqual("", second[9]);
        Assert.IsTrue(Enumerable.Range(0, 9).All(i => second[i] is null));
        StringAssert.StartsWith(s_session.Version, "4.");
    }

    [TestMethod]
    public async Task Collect_GivesNestedValues()
    {
        var row = (await s_session.Sql("SELECT array(1, null), map('a', 2L), named_struct('x', 1.5D, 'y', 'z'), cast(12.34 AS decimal(10, 2)), cast(7 AS decimal(38, 0))").CollectAsync()).Single();
        CollectionAssert.AreEqual(new object?[] { 1L, null }, (object?[])row[0]!);
        Assert.AreEqual(2L, ((IReadOnlyDictionary<object, object?>)row[1]!)["a"]);
        var fields = (IReadOnlyDictionary<string, object?>)row[2]!;
        Assert.AreEqual(1.5, fields["x"]);
        Assert.AreEqual("z", fields["y"]);
        Assert.AreEqual(12.34m, row[3]);
        Assert.AreEqual("7", row[4]);
    }

    [TestMethod]
    public async Task Stream_GivesEveryRowOnceOverManyBatches()
    {
        await s_session.SetAsync(new Dictionary<string, string> { ["spark.sql.execution.arrow.maxRecordsPerBatch"] = "1000" });
        Assert.AreEqual("1000", await s_session.GetAsync("spark.sql.execution.arrow.maxRecordsPerBatch"));
        long sum = 0, count = 0;
        await foreach (var row in s_session.Sql("SELECT id FROM range(50000)").StreamAsync())
        {
            sum += row.Number(0);
            count++;
        }

        Assert.AreEqual(50_000, count);
        Assert.AreEqual(50_000L * 49_999 / 2, sum);
    }

    [TestMethod]
    public async Task Parquet_ComesBackAsWritten()
    {
        var cluster = await SparkFixture.ClusterAsync();
        var folder = $"{cluster.FileSystem}/session/parquet";
        await s_session.Sql("SELECT id, cast(id AS string) text FROM range(100)").Repartition(2).WriteParquetAsync(folder, SaveMode.Overwrite);
        await s_session.Read("parquet", [folder]).CreateTempViewAsync("back");
        var rows = await s_session.Sql("SELECT count(*), sum(id), max(text) FROM back").CollectAsync();
        Assert.AreEqual(100L, rows[0].Number(0));
        Assert.AreEqual(4950L, rows[0].Number(1));
        Assert.AreEqual("99", rows[0].Text(2));
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => s_session.Table("back").WriteParquetAsync(folder));
        StringAssert.Contains(error.Message, "PATH_ALREADY_EXISTS");
    }

    [TestMethod]
    public async Task BinaryFiles_ComeAsPathAndContent()
    {
        var cluster = await SparkFixture.ClusterAsync();
        using var client = SparkFixture.Client(cluster);
        await client.WriteAsync("/session/files/a.bin", new byte[] { 1, 2, 3 }, overwrite: true);
        var rows = await s_session.Read("binaryFile", [$"{cluster.FileSystem}/session/files"]).CollectAsync();
        StringAssert.EndsWith(rows[0].Text(0), "/session/files/a.bin");
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, (byte[])rows[0]["content"]!);
    }

    [TestMethod]
    public async Task Artifact_ArrivesExecutable()
    {
        var file = Path.GetTempFileName();
        var name = $"hello-{Guid.NewGuid():N}.sh";
        try
        {
            await File.WriteAllTextAsync(file, "#!/bin/bash\n# " + new string('x', 100_000) + "\nwhile read -r line; do echo \"$line!\"; done\n");
            await s_session.AddFileAsync(name, file);
            var rows = await s_session.Sql($"""
                SELECT TRANSFORM(id) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' USING './*/{name}'
                AS (a STRING) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' FROM (SELECT id FROM range(5))
                """).CollectAsync();
            CollectionAssert.AreEquivalent(new[] { "0!", "1!", "2!", "3!", "4!" }, rows.Select(r => r.Text(0)).ToArray());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestMethod]
    public async Task Errors_CarryTheClassAndTheCause()
    {
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => s_session.Sql("SELECT nothing FROM nowhere").CollectAsync());
        Assert.AreEqual("MNC6023", error.Code);
        StringAssert.Contains(error.Message, "TABLE_OR_VIEW_NOT_FOUND");
        error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => s_session.Sql("SELECT raise_error('the reason')").CollectAsync());
        StringAssert.Contains(error.Message, "the reason");
        Assert.IsFalse(error.Message.Contains("\tat ", StringComparison.Ordinal), error.Message);
    }

    [TestMethod]
    public async Task Cancel_StopsTheQueryOnTheServer()
    {
        using var source = new CancellationTokenSource();
        var started = new TaskCompletionSource();
        var progress = new CallBack<SparkProgress>(p =>
        {
            if (p.RunningTasks > 0)
                started.TrySetResult();
        });
        var query = s_session.Sql("SELECT count(*) FROM range(1000000000000) WHERE hash(id) = 7").CollectAsync(progress, source.Token);
        await started.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await source.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => query);
        // Its tasks are gone, so another query gets the cores at once.
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await s_session.Sql("SELECT sum(id) FROM range(10)").CollectAsync();
        Assert.IsLessThan(20, watch.Elapsed.TotalSeconds);
        Assert.AreEqual(0, await s_session.InterruptAllAsync());
    }

    sealed class CallBack<T>(Action<T> action) : IProgress<T>
    {
        public void Report(T value) => action(value);
    }
}
