namespace MlNetCifar.Spark.Hdfs;

/// <summary>How to talk to HDFS.</summary>
public sealed record WebHdfsOptions
{
    /// <summary>Web addresses of the name nodes, tried in this order; one of a highly available pair answers.</summary>
    public required IReadOnlyList<Uri> NameNodes { get; init; }

    /// <summary>
    /// RPC addresses (<c>hdfs://host:port</c>) of the same name nodes: with them whole small files are read from the data nodes directly, which costs them about
    /// a fifth of the work. Empty (the default) for WebHDFS alone, which is also what answers where this way fails.
    /// </summary>
    public IReadOnlyList<Uri> RpcNodes { get; init; } = [];

    /// <summary>Sent as <c>user.name</c>. The default is HADOOP_USER_NAME, else the system's user.</summary>
    public string User { get; init; } = DefaultUser;

    /// <summary>A delegation token, sent instead of the user; never logged. The default is none.</summary>
    public string? DelegationToken { get; init; }

    /// <summary>
    /// Whether the user is the one of a Kerberos ticket (<c>hadoop.security.authentication</c>), so that <see cref="User"/> is not sent. A ticket is shown wherever a server asks for
    /// one. The default is false.
    /// </summary>
    public bool UsesKerberos { get; init; }

    /// <summary>Longest wait for an answer's head, and for each block of a body. The default is 60 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes buffered by a writer, the unit of its retries. The default is 8 MiB.</summary>
    public int WriteBlock { get; init; } = 8 << 20;

    /// <summary>Copies of each block (<c>dfs.replication</c>); null for the cluster's default.</summary>
    public int? Replication { get; init; }

    /// <summary>Permission bits that new files and folders do not get (<c>fs.permissions.umask-mode</c>), 0 … 511; null for what the cluster gives.</summary>
    public int? Umask { get; init; }

    /// <summary>Whether data nodes are called by name instead of by address (<c>dfs.client.use.datanode.hostname</c>), as from outside their network. The default is false.</summary>
    public bool UseDataNodeNames { get; init; }

    /// <summary>The attempts of every operation.</summary>
    public RetryPolicy Retry { get; init; } = new();

    /// <summary>The parameter of a request that makes something; empty where the cluster's own rule counts.</summary>
    /// <param name="all">What it would have without a mask.</param>
    internal string PermissionOf(int all) => Umask is { } mask ? $"&permission={Convert.ToString(all & ~mask, 8)}" : "";

    /// <summary>HADOOP_USER_NAME, else the system's user.</summary>
    public static string DefaultUser =>
        Environment.GetEnvironmentVariable("HADOOP_USER_NAME") is { Length: > 0 } name ? name : Environment.UserName;

    /// <summary>Options for the file system an address belongs to, from HADOOP_CONF_DIR.</summary>
    /// <param name="uri">An hdfs, webhdfs or swebhdfs address.</param>
    /// <param name="configuration">Null to read it from the environment.</param>
    public static WebHdfsOptions For(Uri uri, HadoopConfiguration? configuration = null)
    {
        configuration ??= HadoopConfiguration.FromEnvironment();
        return HdfsClientSettings.Of(configuration).Apply(new() { NameNodes = configuration.NameNodes(uri), RpcNodes = configuration.RpcNodes(uri), UsesKerberos = configuration.WantsKerberos });
    }

    /// <summary>Without secrets.</summary>
    public override string ToString() => $"{string.Join(',', NameNodes.Select(n => Secrets.InAddress(n.ToString())))} as {(DelegationToken is not null ? "token" : UsesKerberos ? "ticket" : User)}";
}
