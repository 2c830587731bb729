using System.Globalization;

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

    public static MlNetCifarException NotUp(ClusterDaemon daemon, TimeSpan waited) =>
        new(NotUpCode, ErrorKind.Failure, string.Create(CultureInfo.InvariantCulture,
            $"The {daemon.Name} did not come up: it {(daemon.IsAlive ? "runs, but was not of use after" : "ended within")} {waited.TotalSeconds:0} s. Its log ends with: {daemon.LogTail()}"),
            "Read the log, and those beside it.", daemon.Log);

    /// <summary>Whether a daemon, not always the one that did not come up, had no port because something else had got it since it was chosen.</summary>
    public static bool IsPortTaken(MlNetCifarException error, string logs) =>
        error.Code == NotUpCode && Directory.EnumerateFiles(logs).Any(log => File.ReadAllText(log).Contains("java.net.BindException", StringComparison.Ordinal));

    public static MlNetCifarException Running(string folder) =>
        new("MNC6063", ErrorKind.Usage, "A cluster is running in this folder.", "Stop it first ('cluster stop') or name another folder.", folder);

    public static MlNetCifarException NotAClusterFolder(string folder) =>
        new("MNC6064", ErrorKind.Usage, "The folder has content but was not made by 'cluster start'.", "Name an empty or new folder.", folder);

    public static MlNetCifarException UnpackFailed(string archive, string message) =>
        new("MNC6065", ErrorKind.Failure, $"The runtime could not be unpacked: {message}",
            "Install tar and xz, or unpack it yourself and set SPARK_HOME and HADOOP_HOME.", archive);
}
