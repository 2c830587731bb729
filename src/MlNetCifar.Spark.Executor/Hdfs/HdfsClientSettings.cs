using System.Globalization;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>What Hadoop's files say to clients beside addresses; the driver's count for the workers too.</summary>
/// <param name="Replication">Copies of each block; null for the cluster's default.</param>
/// <param name="Umask">Permission bits that new files do not get; null for what the cluster gives.</param>
/// <param name="UseDataNodeNames">Whether data nodes are called by name.</param>
/// <param name="UsesKerberos">Whether a ticket says who the user is; of the driver alone, as workers have tokens.</param>
sealed record HdfsClientSettings(int? Replication, int? Umask, bool UseDataNodeNames, bool UsesKerberos = false)
{
    const string ReplicationName = "dfs.replication";
    const string UmaskName = "fs.permissions.umask-mode";
    const int AllBits = 0x1FF;

    public static HdfsClientSettings None { get; } = new(null, null, false);

    /// <exception cref="MlNetCifarException">A value is none (MNC6016).</exception>
    public static HdfsClientSettings Of(HadoopConfiguration configuration)
    {
        var (replication, umask) = (configuration.Get(ReplicationName), configuration.Get(UmaskName));
        return new(
            replication is null ? null : int.TryParse(replication, NumberStyles.None, CultureInfo.InvariantCulture, out var copies) && copies > 0
                ? copies : throw HdfsErrors.BadProperty(ReplicationName, replication, "a whole number above 0"),
            umask is null ? null : ReadUmask(umask) ?? throw HdfsErrors.BadProperty(UmaskName, umask, "three octal digits, for example 027, or u=rwx,g=rx,o="),
            string.Equals(configuration.Get("dfs.client.use.datanode.hostname"), "true", StringComparison.OrdinalIgnoreCase),
            configuration.WantsKerberos);
    }

    public WebHdfsOptions Apply(WebHdfsOptions options) => options with { Replication = Replication, Umask = Umask, UseDataNodeNames = UseDataNodeNames, UsesKerberos = UsesKerberos };

    /// <summary>Octal digits, or what is allowed to user, group and others.</summary>
    static int? ReadUmask(string text)
    {
        if (text.Length is >= 3 and <= 4 && text.All(c => c is >= '0' and <= '7'))
            return Convert.ToInt32(text, 8) & AllBits;
        var mask = AllBits;
        foreach (var clause in text.Split(','))
        {
            if (clause.Length < 2 || clause[1] != '=' || "ugo".IndexOf(clause[0]) is not (>= 0 and var who) || clause[2..].Any(c => !"rwx".Contains(c)))
                return null;
            foreach (var right in clause.AsSpan(2))
                mask &= ~((right == 'r' ? 4 : right == 'w' ? 2 : 1) << (3 * (2 - who)));
        }

        return mask;
    }
}
