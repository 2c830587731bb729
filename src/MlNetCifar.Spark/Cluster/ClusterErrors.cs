namespace MlNetCifar.Spark.Cluster;

/// <summary>The errors of the local cluster: codes MNC6060 to MNC6079.</summary>
static class ClusterErrors
{
    const string NotUpCode = "MNC6062";

    public static MlNetCifarException NoRuntime() =>
        new("MNC6060", ErrorKind.Usage, "No Spark runtime was found: neither SPARK_HOME and HADOOP_HOME nor an archive under MLNETCIFAR_SHARED/spark.",
            "Set SPARK_HOME (and HADOOP_HOME for HDFS and YARN) to unpacked Apache downloads.");

    public static MlNetCifarException NoJava(string tried) =>
        new("MNC6061", ErrorKind.Usage, $"No Java 17 or newer was found ({tried}).", "Install a Java 17 runtime or set JAVA_HOME.");

    public static MlNetCifarException NotUp(string daemon, string log, string tail) =>
        new(NotUpCode, ErrorKind.Failure, $"The {daemon} did not come up. Its log ends with: {tail}", "Read the log.", log);

    /// <summary>Whether a daemon did not come up because something else had got its port since it was chosen.</summary>
    public static bool IsPortTaken(MlNetCifarException error) =>
        error.Code == NotUpCode && File.Exists(error.Path) && File.ReadAllText(error.Path).Contains("java.net.BindException", StringComparison.Ordinal);

    public static MlNetCifarException Running(string folder) =>
        new("MNC6063", ErrorKind.Usage, "A cluster is running in this folder.", "Stop it first ('cluster stop') or name another folder.", folder);

    public static MlNetCifarException NotAClusterFolder(string folder) =>
        new("MNC6064", ErrorKind.Usage, "The folder has content but was not made by 'cluster start'.", "Name an empty or new folder.", folder);

    public static MlNetCifarException UnpackFailed(string archive, string message) =>
        new("MNC6065", ErrorKind.Failure, $"The runtime could not be unpacked: {message}",
            "Install tar and xz, or unpack it yourself and set SPARK_HOME and HADOOP_HOME.", archive);
}
