namespace MlNetCifar.Spark.Hdfs;

/// <summary>The errors of HDFS access: codes MNC6001 to MNC6019.</summary>
static class HdfsErrors
{
    public const string NotFoundCode = "MNC6002";
    public const string ExistsCode = "MNC6003";
    public const string SafeModeCode = "MNC6005";
    const string UnreachableCode = "MNC6001";

    public static MlNetCifarException Unreachable(IReadOnlyList<Uri> nameNodes, Exception? cause) =>
        new(UnreachableCode, ErrorKind.Failure,
            $"No name node answered: {string.Join(", ", nameNodes.Select(n => n.GetLeftPart(UriPartial.Authority)))}"
            + (cause is null ? "." : $" ({Innermost(cause).Message})."),
            "Check the address and that WebHDFS is enabled (dfs.namenode.http-address), or set HADOOP_CONF_DIR.", inner: cause);

    public static MlNetCifarException FromRemote(string path, int status, string exception, string message)
    {
        var firstLine = message.Split('\n')[0].Trim();
        return exception switch
        {
            "FileNotFoundException" => new(NotFoundCode, ErrorKind.Data, "The file or folder does not exist on HDFS.", "Check the path.", path),
            "FileAlreadyExistsException" => new(ExistsCode, ErrorKind.Failure, "The file exists already on HDFS.", "Choose another name or allow overwriting.", path),
            // Whoever may not look at a file is told so by an AccessControlException.
            _ when firstLine.EndsWith("(is not a directory)", StringComparison.Ordinal) => new("MNC6019", ErrorKind.Usage, $"A part of the path is a file and no folder: {Sentence(firstLine)}", "Give another path.", path),
            "AccessControlException" or "SecurityException" => new("MNC6004", ErrorKind.Failure, $"HDFS refused access: {Sentence(firstLine)}",
                "Set the user (HADOOP_USER_NAME or user.name) or change the permissions.", path),
            _ when IsSafeMode(exception, message) => new(SafeModeCode, ErrorKind.Failure, "The name node is in safe mode, so nothing can be written.",
                "Wait until its data nodes have reported, or run 'hdfs dfsadmin -safemode leave'.", path),
            "DSQuotaExceededException" or "NSQuotaExceededException" or "QuotaExceededException" => new("MNC6006", ErrorKind.Failure,
                $"An HDFS quota is exceeded: {Sentence(firstLine)}", "Free space or raise the quota.", path),
            _ when IsFull(message) => new("MNC6007", ErrorKind.Failure, $"HDFS has no room for the data: {Sentence(firstLine)}",
                "Free disk space on the data nodes or add one.", path),
            _ => new("MNC6008", ErrorKind.Failure, $"HDFS answered {status} {exception}: {Sentence(firstLine)}", "Look into the name node's log.", path),
        };
    }

    static string Sentence(string text) => $"{text.TrimEnd('.')}.";

    // A highly available name node wraps it in a RetriableException.
    static bool IsSafeMode(string exception, string message) => exception == "SafeModeException" || message.Contains("Name node is in safe mode", StringComparison.Ordinal);

    static bool IsFull(string message) =>
        message.Contains("could only be written to 0 of the", StringComparison.Ordinal)
        || message.Contains("No space left on device", StringComparison.Ordinal)
        || message.Contains("Out of space", StringComparison.Ordinal);

    public static MlNetCifarException Interrupted(string path, long position, long length, Exception? cause) =>
        new("MNC6009", ErrorKind.Failure, $"Reading stopped at byte {position} of {length} and could not be continued.",
            "Check the data nodes.", path, cause);

    public static MlNetCifarException AppendUnclear(string path, long length, long expected) =>
        new("MNC6010", ErrorKind.Failure, $"After a failed write the file has {length} bytes where {expected} were expected; another writer is at work.",
            "Write to another name.", path);

    public static MlNetCifarException WriteFailed(string path, Exception cause) =>
        new("MNC6011", ErrorKind.Failure, $"Writing to HDFS failed: {Sentence(Innermost(cause).Message)}", "Check the data nodes and their disks.", path, cause);

    public static MlNetCifarException BadConfiguration(string path, string reason, Exception? cause = null) =>
        new("MNC6012", ErrorKind.Usage, reason, "Mend the Hadoop configuration or unset HADOOP_CONF_DIR.", path, cause);

    public static MlNetCifarException NoDefault(string text, string? folder) =>
        new("MNC6015", ErrorKind.Usage, $"'{text}' names no name node, and {(folder is null ? "no configuration" : $"no core-site.xml in '{folder}'")} says which one is meant.",
            "Set HADOOP_CONF_DIR to the folder of core-site.xml (its fs.defaultFS counts), or write hdfs://host:port/path.");

    public static MlNetCifarException WantsKerberos(string? path, string? reason = null) =>
        new("MNC6017", ErrorKind.Failure, $"HDFS asks for a Kerberos ticket{(reason is null ? ", and this user's does not do" : $", and none could be shown: {reason}")}.",
            "Get one with kinit (klist shows it), or read with a delegation token (WebHdfsOptions.DelegationToken).", path);

    public static MlNetCifarException BadTokens(string path, Exception cause) =>
        new("MNC6018", ErrorKind.Failure, $"The file of delegation tokens cannot be read: {cause.Message.TrimEnd('.')}.", $"Check {HadoopTokens.Variable}, or unset it.", path, cause);

    public static MlNetCifarException BadProperty(string name, string value, string expected) =>
        new("MNC6016", ErrorKind.Usage, $"Hadoop's property {name} is '{value}', expected {expected}.", "Mend core-site.xml or hdfs-site.xml in HADOOP_CONF_DIR.");

    public static MlNetCifarException BadAddress(string text) =>
        new("MNC6013", ErrorKind.Usage, $"'{text}' is no HDFS address.", "Write hdfs://host:port/path, webhdfs://host:port/path or hdfs://nameservice/path.");

    public static MlNetCifarException NotProtocol(string path, string reason) =>
        new("MNC6014", ErrorKind.Failure, $"The server does not speak WebHDFS: {reason}", "Check that the port is the name node's HTTP port.", path);

    /// <summary>Whether the file system failed or refused, rather than the file being missing: that says nothing of the file.</summary>
    public static bool IsOutage(MlNetCifarException e) => e.Code != NotFoundCode && e.Code.StartsWith("MNC60", StringComparison.Ordinal);

    /// <summary>Whether nothing can have been written, so that there is nothing to remove either.</summary>
    public static bool IsOutOfReach(Exception e) => e is MlNetCifarException { Code: UnreachableCode or SafeModeCode };

    static Exception Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e;
    }
}
