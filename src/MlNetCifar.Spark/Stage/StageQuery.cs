using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace MlNetCifar.Spark.Stage;

/// <summary>The SQL of the stage; pure functions.</summary>
static partial class StageQuery
{
    const string Tabs = """ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t'""";

    /// <summary>Its plan names the cores that executors have now: Spark cuts a range into as many partitions.</summary>
    public const string Cores = "SELECT id FROM range(0, 1000000)";

    /// <summary>
    /// Of <see cref="Files"/>, which has one row a part: compiling Java for it, which driver and executors do anew for each session, takes half a second of the cores.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, string> FilesSettings = new Dictionary<string, string>
    {
        ["spark.sql.codegen.wholeStage"] = "false",
        ["spark.sql.codegen.factoryMode"] = "NO_CODEGEN",
    };

    /// <summary>Of <see cref="Rows"/>: base64 without line breaks.</summary>
    public static readonly IReadOnlyDictionary<string, string> RowsSettings = new Dictionary<string, string> { ["spark.sql.chunkBase64String.enabled"] = "false" };

    // What a lost process costs: these parts are made again.
    const int PartsPerProcess = 8;

    /// <summary>The cores in a plan of <see cref="Cores"/>; 1 where it does not name them.</summary>
    public static int ReadCores(string plan) =>
        Splits().Match(plan) is { Success: true } found ? Math.Max(1, int.Parse(found.Groups[1].ValueSpan, CultureInfo.InvariantCulture)) : 1;

    /// <summary>
    /// The cores to plan for where executors come as tasks wait for them: those that are there now may be none, so as many as the job can use and the cluster would give.
    /// </summary>
    /// <param name="now">Cores of the executors there are.</param>
    /// <param name="parts">Parts to make.</param>
    /// <param name="maxExecutors">The property's value; null or a huge number for no limit.</param>
    /// <param name="executorCores">The property's value; null for 1.</param>
    public static int CoresToAskFor(int now, int parts, string? maxExecutors, string? executorCores)
    {
        var (executors, each) = (Count(maxExecutors) ?? int.MaxValue, Count(executorCores) ?? 1);
        var useful = (parts + PartsPerProcess - 1) / PartsPerProcess;
        return Math.Max(now, (int)Math.Min(useful, (long)executors * each));

        static int? Count(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 ? count : null;
    }

    /// <summary>How many processes make the parts: as many for each core, and few, as the start of one costs a fifth of a second.</summary>
    /// <param name="parts">Parts to make.</param>
    /// <param name="cores">Cores of all executors.</param>
    public static int Processes(int parts, int cores) =>
        (int)Math.Min(parts, cores * Math.Max(1, (parts + ((long)PartsPerProcess * cores) - 1) / ((long)PartsPerProcess * cores)));

    /// <summary>The process of each of some parts: large and small ones are shared out alike, there and back, and none has two parts more than another.</summary>
    /// <param name="images">How many images each part has.</param>
    /// <param name="processes">At most as many as parts.</param>
    public static int[] Deal(IReadOnlyList<int> images, int processes)
    {
        var dealt = new int[images.Count];
        foreach (var (rank, part) in Enumerable.Range(0, images.Count).OrderByDescending(p => images[p]).Index())
        {
            var place = rank % processes;
            dealt[part] = rank / processes % 2 == 0 ? place : processes - 1 - place;
        }

        return dealt;
    }

    /// <summary>One row a task; workers read the images themselves. A range's partitions are the processes, so nothing is exchanged between executors.</summary>
    /// <param name="dealt">The process of each task, as <see cref="Deal"/> gives it.</param>
    /// <param name="processes">How many processes make them.</param>
    /// <param name="command">Starts the worker.</param>
    public static string Files(IReadOnlyList<int> dealt, int processes, string command) =>
        Tasks(dealt, processes, command, "kind STRING, number STRING, a STRING, b STRING, timing STRING");

    /// <summary>As <see cref="Files"/>, for workers that give other rows.</summary>
    /// <param name="dealt">The process of each task.</param>
    /// <param name="processes">How many processes.</param>
    /// <param name="command">Starts the worker.</param>
    /// <param name="columns">Names and types of what it gives.</param>
    public static string Tasks(IReadOnlyList<int> dealt, int processes, string command, string columns)
    {
        var arrays = string.Join(", ", Enumerable.Range(0, dealt.Count).GroupBy(task => dealt[task]).OrderBy(g => g.Key)
            .Select(g => $"array({string.Join(", ", g.Select(task => task.ToString(CultureInfo.InvariantCulture)))})"));
        return string.Create(CultureInfo.InvariantCulture, $"""
            SELECT TRANSFORM(task) {Tabs} USING '{Literal(command)}' AS ({columns}) {Tabs}
            FROM (SELECT explode(element_at(array({arrays}), CAST(id AS INT) + 1)) task FROM range(0, {processes}, 1, {processes}))
            """);
    }

    /// <summary>One row, one process.</summary>
    /// <param name="line">The row, without tabs and line breaks.</param>
    /// <param name="command">Starts the worker.</param>
    public static string Line(string line, string command) => $"""
        SELECT TRANSFORM(line) {Tabs} USING '{Literal(command)}' AS (said STRING) {Tabs}
        FROM (SELECT '{Literal(line)}' line FROM range(0, 1, 1, 1))
        """;

    /// <summary>One row an image, its content in base64, sorted inside each task.</summary>
    /// <param name="images">A view of (path, content).</param>
    /// <param name="plan">A view of (path, task, row, route).</param>
    /// <param name="processes">Different routes.</param>
    /// <param name="command">Starts the worker.</param>
    public static string Rows(string images, string plan, int processes, string command) => $"""
        SELECT TRANSFORM(task, row, c) {Tabs} USING '{Literal(command)}' AS (kind STRING, number STRING, a STRING, b STRING, timing STRING) {Tabs}
        FROM (SELECT task, row, base64(content) c FROM (
            SELECT task, row, content FROM (
                SELECT {Hint(processes)} task, row, route, content FROM (
                    SELECT /*+ BROADCAST(p) */ p.task, p.row, p.route, i.content FROM {images} i JOIN {plan} p ON i.path = p.path))
            SORT BY task, row))
        """;

    /// <summary>
    /// Numbers that Spark's hash partitioning sends to n different partitions, the i-th to the i-th: so a route is a partition,
    /// whatever the version, and none waits for another.
    /// </summary>
    public static int[] Routes(int count)
    {
        var routes = new int[count];
        var found = new bool[count];
        for (int candidate = 0, left = count; left > 0; candidate++)
        {
            var partition = Hash(candidate) % count;
            partition = partition < 0 ? partition + count : partition;
            if (found[partition])
                continue;
            found[partition] = true;
            routes[partition] = candidate;
            left--;
        }

        return routes;
    }

    /// <summary>Spark's hash of an INT: Murmur3, 32 bit, seed 42.</summary>
    internal static int Hash(int value)
    {
        var k = BitOperations.RotateLeft((uint)value * 0xCC9E2D51, 15) * 0x1B873593;
        var h = (BitOperations.RotateLeft(42u ^ k, 13) * 5) + 0xE6546B64;
        h ^= 4;
        h = (h ^ (h >> 16)) * 0x85EBCA6B;
        h = (h ^ (h >> 13)) * 0xC2B2AE35;
        return (int)(h ^ (h >> 16));
    }

    static string Hint(int processes) => string.Create(CultureInfo.InvariantCulture, $"/*+ REPARTITION({processes}, route) */");

    [GeneratedRegex(@"splits=(?:Some\()?([0-9]{1,6})")]
    private static partial Regex Splits();

    static string Literal(string text) => text.Replace("\\", "\\\\").Replace("'", "\\'");
}
