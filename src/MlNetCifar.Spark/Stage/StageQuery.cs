using System.Globalization;
using System.Numerics;

namespace MlNetCifar.Spark.Stage;

/// <summary>The SQL of the stage; pure functions.</summary>
static class StageQuery
{
    const string Tabs = """ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t'""";

    /// <summary>One row a part; workers read the images themselves.</summary>
    public static string Files(IReadOnlyList<int> parts, string command)
    {
        var routes = Routes(parts.Count);
        var values = string.Join(", ", parts.Select((p, i) => string.Create(CultureInfo.InvariantCulture, $"({p}, {routes[i]})")));
        return $"""
            SELECT TRANSFORM(part) {Tabs} USING '{Literal(command)}' AS (kind STRING, a STRING, b STRING) {Tabs}
            FROM (SELECT {Hint(parts.Count)} part, route FROM VALUES {values} AS t(part, route))
            """;
    }

    /// <summary>One row an image, its content in base64, sorted inside each part.</summary>
    /// <param name="images">A view of (path, content).</param>
    /// <param name="plan">A view of (path, part, row, route).</param>
    /// <param name="parts">Number of parts.</param>
    /// <param name="command">Starts the worker.</param>
    public static string Rows(string images, string plan, int parts, string command) => $"""
        SELECT TRANSFORM(part, row, c) {Tabs} USING '{Literal(command)}' AS (kind STRING, a STRING, b STRING) {Tabs}
        FROM (SELECT part, row, base64(content) c FROM (
            SELECT part, row, content FROM (
                SELECT {Hint(parts)} part, row, route, content FROM (
                    SELECT /*+ BROADCAST(p) */ p.part, p.row, p.route, i.content FROM {images} i JOIN {plan} p ON i.path = p.path))
            SORT BY part, row))
        """;

    /// <summary>
    /// Numbers that Spark's hash partitioning sends to n different partitions, the i-th to the i-th: so a part is a partition,
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

    static string Hint(int parts) => string.Create(CultureInfo.InvariantCulture, $"/*+ REPARTITION({parts}, route) */");

    static string Literal(string text) => text.Replace("\\", "\\\\").Replace("'", "\\'");
}
