using System.Diagnostics;
using System.Globalization;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark;

/// <summary>One thing that <see cref="SparkDoctor"/> looked at.</summary>
/// <param name="Name">What, for example <c>java</c>.</param>
/// <param name="IsHealthy">Whether it is as it should be; null where it was not looked at.</param>
/// <param name="Finding">What was found.</param>
/// <param name="Cure">What to do; null where nothing is to be done.</param>
public sealed record SparkCheck(string Name, bool? IsHealthy, string Finding, string? Cure = null);

/// <summary>What <see cref="SparkDoctor"/> is to look at.</summary>
public sealed record SparkDoctorOptions
{
    /// <summary>The Connect server (<c>sc://…</c>); null to leave Spark out.</summary>
    public string? Master { get; init; }

    /// <summary>A folder on HDFS that may be written; null to leave HDFS out.</summary>
    public string? HdfsFolder { get; init; }

    /// <summary>The worker program; null to look for it.</summary>
    public string? WorkerPath { get; init; }

    /// <summary>Longest time for each check. The default is 30 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest time for a row's trip through an executor, which may have to start first: the longer of this and <see cref="Timeout"/>. The default is 3 minutes.</summary>
    public TimeSpan ExecutorTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Where name nodes are found; null for HADOOP_CONF_DIR.</summary>
    public HadoopConfiguration? Hadoop { get; init; }

    /// <summary>Without secrets.</summary>
    public override string ToString() => $"{StageMaster.WithoutSecrets(Master)} {HdfsFolder}";
}

/// <summary><c>doctor spark</c>: Java, runtime, worker, HDFS, the server's version, and a row's trip through an executor and a program in it.</summary>
public static class SparkDoctor
{
    const int OldestMajor = 4;

    /// <summary>Looks at everything; no check throws.</summary>
    /// <param name="options">What to look at.</param>
    /// <param name="cancellationToken">Ends the checks.</param>
    public static async Task<IReadOnlyList<SparkCheck>> RunAsync(SparkDoctorOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var checks = new List<SparkCheck>
        {
            await CheckAsync("runtime", _ => Task.FromResult(Runtime())).ConfigureAwait(false),
            await CheckAsync("java", JavaAsync).ConfigureAwait(false),
            await CheckAsync("worker", _ => Task.FromResult(Worker(options))).ConfigureAwait(false),
            options.HdfsFolder is null ? new("hdfs", null, "no folder named") : await CheckAsync("hdfs", ct => HdfsAsync(options, ct)).ConfigureAwait(false),
        };
        if (options.Master is null)
            return [.. checks, new("spark", null, "no master named")];
        checks.Add(await CheckAsync("spark", ct => SparkAsync(options.Master, ct)).ConfigureAwait(false));
        if (checks[^1].IsHealthy == true)
        {
            checks.Add(await CheckAsync("executor", ct => RowAsync(options.Master, ct), ForExecutors(options)).ConfigureAwait(false));
            checks.Add(await CheckAsync("program", ct => ProgramAsync(options.Master, ct), ForExecutors(options)).ConfigureAwait(false));
        }

        return checks;

        async Task<SparkCheck> CheckAsync(string name, Func<CancellationToken, Task<SparkCheck>> check, TimeSpan? most = null)
        {
            var longest = most ?? options.Timeout;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(longest);
            try
            {
                return await check(limit.Token).ConfigureAwait(false) with { Name = name };
            }
            catch (MlNetCifarException e)
            {
                return new(name, false, $"{e.Code}: {e.Reason}", e.Action);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return new(name, false, string.Create(CultureInfo.InvariantCulture, $"no answer within {longest.TotalSeconds:0} s"),
                    "Look whether the cluster has free cores and whether its logs show errors.");
            }
        }
    }

    /// <summary>A cold cluster starts its executors with the first query: half a minute and more.</summary>
    static TimeSpan ForExecutors(SparkDoctorOptions options) => options.ExecutorTimeout > options.Timeout ? options.ExecutorTimeout : options.Timeout;

    static SparkCheck Runtime()
    {
        var runtime = SparkRuntime.Find();
        return new("", true, $"Spark {runtime.SparkVersion} in {runtime.SparkHome}{(runtime.HadoopHome is null ? ", no Hadoop" : $", Hadoop in {runtime.HadoopHome}")}");
    }

    static async Task<SparkCheck> JavaAsync(CancellationToken cancellationToken)
    {
        var home = SparkRuntime.FindJava();
        using var java = Process.Start(new ProcessStartInfo(Path.Combine(home, "bin", "java"), "-version") { RedirectStandardError = true })!;
        var text = (await java.StandardError.ReadToEndAsync(cancellationToken).ConfigureAwait(false)).Split('\n')[0].Trim();
        var quote = text.IndexOf('"');
        var version = quote < 0 ? text : text[(quote + 1)..].Split('"')[0];
        return int.TryParse(version.Split('.', '-')[0], out var major) && major >= 17
            ? new("", true, $"Java {version} in {home}")
            : new("", false, $"Java {version} in {home}", "Install Java 17 or newer and set JAVA_HOME.");
    }

    static SparkCheck Worker(SparkDoctorOptions options)
    {
        var (path, other) = (WorkerProgram.Find(options.WorkerPath, native: true), WorkerProgram.Find(options.WorkerPath, native: false));
        return File.Exists(path)
            ? new("", true, path == other ? path : $"{path}; to train and to score {other}")
            : new("", false, $"there is no {path} on this machine", "Publish the worker, or be sure that it is installed on the executors.");
    }

    static async Task<SparkCheck> HdfsAsync(SparkDoctorOptions options, CancellationToken cancellationToken)
    {
        var (fileSystem, path) = HdfsPath.Split(options.HdfsFolder!);
        using var client = new WebHdfsClient(WebHdfsOptions.For(fileSystem, options.Hadoop) with { Retry = new() { MaxAttempts = 3 } });
        var file = $"{path.TrimEnd('/')}/.doctor-{Guid.NewGuid():N}";
        var watch = Stopwatch.StartNew();
        try
        {
            await client.WriteAsync(file, "row"u8.ToArray(), cancellationToken: cancellationToken).ConfigureAwait(false);
            using var stream = await client.OpenReadAsync(file, cancellationToken: cancellationToken).ConfigureAwait(false);
            var back = new byte[3];
            await stream.ReadExactlyAsync(back, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await client.DeleteAsync(file, cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        return new("", true, string.Create(CultureInfo.InvariantCulture, $"{client.Options}: a file written, read and deleted in {watch.ElapsedMilliseconds} ms"));
    }

    static async Task<SparkCheck> SparkAsync(string master, CancellationToken cancellationToken)
    {
        var session = await SparkSession.ConnectAsync(SparkConnection.Parse(master) with { Retry = new() { MaxAttempts = 3 } }, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            // Vendors append to the version: 3.5.1.5.3.7180.12-5.
            return int.TryParse(session.Version.Split('.')[0], out var major) && major >= OldestMajor
                ? new("", true, $"Spark {session.Version} at {session.Connection}")
                : new("", false, $"Spark {session.Version} at {session.Connection}", $"Use Spark {OldestMajor}.0 or newer; older ones were not tried.");
        }
    }

    static Task<SparkCheck> RowAsync(string master, CancellationToken cancellationToken) =>
        TripAsync(master, "SELECT cast(sum(id) AS string) FROM range(0, 4, 1, 1)", "6", "The server has no executor: look at the master's page.", cancellationToken);

    static Task<SparkCheck> ProgramAsync(string master, CancellationToken cancellationToken) => TripAsync(master, """
        SELECT TRANSFORM(id) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' USING 'cat'
        AS (a STRING) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' FROM (SELECT id FROM range(6, 7, 1, 1))
        """, "6", "The executors cannot start programs: they need /bin/bash.", cancellationToken);

    static async Task<SparkCheck> TripAsync(string master, string query, string expected, string cure, CancellationToken cancellationToken)
    {
        var session = await SparkSession.ConnectAsync(master, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            var watch = Stopwatch.StartNew();
            var rows = await session.Sql(query).CollectAsync(null, cancellationToken).ConfigureAwait(false);
            var found = rows.Count == 1 ? rows[0].Text(0) : null;
            return found == expected
                ? new("", true, string.Create(CultureInfo.InvariantCulture, $"one row in {watch.ElapsedMilliseconds} ms"))
                : new("", false, $"'{found}' came back, expected '{expected}'", cure);
        }
    }
}
