using System.Globalization;
using System.Xml.Linq;

namespace MlNetCifar.Spark.Cluster;

/// <summary>The addresses of a local cluster; 0 where there is no such daemon.</summary>
sealed record ClusterPorts
{
    public int NameNodeRpc { get; init; }

    public int NameNodeHttp { get; init; }

    public int[] DataNode { get; init; } = [];

    public int Master { get; init; }

    public int MasterUi { get; init; }

    public int[] ResourceManager { get; init; } = [];

    public int[] NodeManager { get; init; } = [];

    public int Connect { get; init; }

    public static ClusterPorts Choose()
    {
        var p = LocalPorts.Take(16);
        return new()
        {
            NameNodeRpc = p[0],
            NameNodeHttp = p[1],
            DataNode = p[2..5],
            Master = p[5],
            MasterUi = p[6],
            ResourceManager = p[7..12],
            NodeManager = p[12..15],
            Connect = p[15],
        };
    }
}

/// <summary>Writes the configuration files of a local cluster: everything on loopback, nothing outside its folder.</summary>
sealed class ClusterConfiguration(LocalClusterOptions options, SparkRuntime runtime, ClusterPorts ports)
{
    const string Host = "127.0.0.1";
    const string QuickJava = "-XX:TieredStopAtLevel=1";

    readonly string _root = Path.GetFullPath(options.Folder);

    public string HadoopFolder => Path.Combine(_root, "hadoop-conf");

    public string SparkFolder => Path.Combine(_root, "spark-conf");

    public string LogFolder => Path.Combine(_root, "logs");

    public string Folder(string name) => Path.Combine(_root, name);

    public void Write()
    {
        foreach (var folder in new[] { HadoopFolder, SparkFolder, LogFolder, Folder("work"), Folder("local"), Folder("tmp") })
            Directory.CreateDirectory(folder);
        WriteXml("core-site.xml", new() { ["fs.defaultFS"] = $"hdfs://{Host}:{ports.NameNodeRpc}", ["hadoop.tmp.dir"] = Folder("tmp") });
        WriteXml("hdfs-site.xml", Hdfs());
        if (options.Manager == ClusterManager.Yarn)
        {
            WriteXml("yarn-site.xml", Yarn());
            WriteXml("capacity-scheduler.xml", new()
            {
                ["yarn.scheduler.capacity.root.queues"] = "default",
                ["yarn.scheduler.capacity.root.default.capacity"] = "100",
                ["yarn.scheduler.capacity.maximum-am-resource-percent"] = "0.5",
            });
        }

        File.WriteAllLines(Path.Combine(SparkFolder, "spark-defaults.conf"), Spark().Select(p => $"{p.Key} {p.Value}"));
        var logging = Path.Combine(runtime.SparkHome, "conf", "log4j2.properties");
        if (File.Exists(logging))
            File.Copy(logging, Path.Combine(SparkFolder, "log4j2.properties"), overwrite: true);
    }

    public Dictionary<string, string?> Environment(int heap)
    {
        var java = $"-XX:+UseSerialGC {QuickJava}";
        var environment = new Dictionary<string, string?>
        {
            ["JAVA_HOME"] = runtime.JavaHome,
            ["SPARK_HOME"] = runtime.SparkHome,
            ["HADOOP_HOME"] = runtime.HadoopHome,
            ["HADOOP_CONF_DIR"] = options.Hdfs ? HadoopFolder : null,
            ["YARN_CONF_DIR"] = null,
            ["HADOOP_LOG_DIR"] = LogFolder,
            ["HADOOP_PID_DIR"] = Folder("tmp"),
            ["HADOOP_HEAPSIZE_MAX"] = Megabytes(heap),
            ["HADOOP_OPTS"] = java,
            ["SPARK_CONF_DIR"] = SparkFolder,
            ["SPARK_LOG_DIR"] = LogFolder,
            ["SPARK_PID_DIR"] = Folder("tmp"),
            ["SPARK_WORKER_DIR"] = Folder("work"),
            ["SPARK_LOCAL_DIRS"] = Folder("local"),
            ["SPARK_LOCAL_IP"] = Host,
            ["SPARK_DAEMON_MEMORY"] = Megabytes(heap),
            ["SPARK_DAEMON_JAVA_OPTS"] = java,
            // A master whose port is taken would listen on the next, where nobody looks for it. Its REST server has one fixed port, which only the first of two clusters could have.
            ["SPARK_MASTER_OPTS"] = "-Dspark.port.maxRetries=0 -Dspark.master.rest.enabled=false",
        };
        foreach (var (key, value) in options.Environment)
            environment[key] = value;
        return environment;
    }

    static string Megabytes(int count) => string.Create(CultureInfo.InvariantCulture, $"{count}m");

    static string At(int port) => string.Create(CultureInfo.InvariantCulture, $"{Host}:{port}");

    Dictionary<string, string> Hdfs() => new()
    {
        ["dfs.replication"] = "1",
        ["dfs.namenode.name.dir"] = $"file://{Folder("nn")}",
        ["dfs.datanode.data.dir"] = $"file://{Folder("dn")}",
        ["dfs.namenode.rpc-address"] = At(ports.NameNodeRpc),
        ["dfs.namenode.http-address"] = At(ports.NameNodeHttp),
        ["dfs.datanode.address"] = At(ports.DataNode[0]),
        ["dfs.datanode.http.address"] = At(ports.DataNode[1]),
        ["dfs.datanode.ipc.address"] = At(ports.DataNode[2]),
        ["dfs.datanode.hostname"] = Host,
        ["dfs.permissions.enabled"] = "false",
        ["dfs.namenode.fs-limits.min-block-size"] = "65536",
        // Otherwise closing a small file waits 400 ms for the data node's report.
        ["dfs.client.block.write.locateFollowingBlock.initial.delay.ms"] = "10",
    };

    Dictionary<string, string> Yarn() => new()
    {
        ["yarn.resourcemanager.hostname"] = Host,
        ["yarn.resourcemanager.address"] = At(ports.ResourceManager[0]),
        ["yarn.resourcemanager.scheduler.address"] = At(ports.ResourceManager[1]),
        ["yarn.resourcemanager.resource-tracker.address"] = At(ports.ResourceManager[2]),
        ["yarn.resourcemanager.admin.address"] = At(ports.ResourceManager[3]),
        ["yarn.resourcemanager.webapp.address"] = At(ports.ResourceManager[4]),
        ["yarn.nodemanager.hostname"] = Host,
        ["yarn.nodemanager.address"] = At(ports.NodeManager[0]),
        ["yarn.nodemanager.localizer.address"] = At(ports.NodeManager[1]),
        ["yarn.nodemanager.webapp.address"] = At(ports.NodeManager[2]),
        ["yarn.nodemanager.local-dirs"] = Folder("nm-local"),
        ["yarn.nodemanager.log-dirs"] = Path.Combine(LogFolder, "containers"),
        ["yarn.nodemanager.resource.memory-mb"] = Number(1024 + (options.Executors * (options.ExecutorMemory + 512))),
        ["yarn.nodemanager.resource.cpu-vcores"] = Number(1 + (options.Executors * options.ExecutorCores)),
        ["yarn.scheduler.minimum-allocation-mb"] = "256",
        ["yarn.nodemanager.vmem-check-enabled"] = "false",
        ["yarn.nodemanager.pmem-check-enabled"] = "false",
        ["yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage"] = "99.5",
    };

    Dictionary<string, string> Spark()
    {
        var properties = new Dictionary<string, string>
        {
            ["spark.connect.grpc.binding.address"] = Host,
            ["spark.connect.grpc.binding.port"] = Number(ports.Connect),
            ["spark.driver.host"] = Host,
            ["spark.driver.bindAddress"] = Host,
            ["spark.driver.memory"] = Megabytes(options.DriverMemory),
            // A driver plans queries of a second: the optimising compiler would take more of these cores than it saves.
            ["spark.driver.extraJavaOptions"] = QuickJava,
            // Likewise; but work that lasts shall be optimised, so the compiler is only to wait longer.
            ["spark.executor.extraJavaOptions"] = "-XX:CompileThresholdScaling=10",
            ["spark.executor.memory"] = Megabytes(options.ExecutorMemory),
            ["spark.executor.cores"] = Number(options.ExecutorCores),
            ["spark.cores.max"] = Number(options.Executors * options.ExecutorCores),
            ["spark.executor.instances"] = Number(options.Executors),
            ["spark.ui.enabled"] = "false",
            ["spark.sql.shuffle.partitions"] = "4",
            ["spark.sql.warehouse.dir"] = Folder("warehouse"),
            ["spark.sql.connect.serverStacktrace.enabled"] = "false",
            // A cancelled task that waits for a hanging program cannot be interrupted: without this it would keep its core.
            ["spark.task.reaper.enabled"] = "true",
            ["spark.task.reaper.killTimeout"] = "10s",
        };
        if (options.Manager == ClusterManager.Yarn)
        {
            properties["spark.yarn.jars"] = $"local:{runtime.SparkHome}/jars/*";
            properties["spark.yarn.am.memory"] = "512m";
        }

        foreach (var (key, value) in options.SparkProperties)
            properties[key] = value;
        return properties;
    }

    static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    void WriteXml(string name, Dictionary<string, string> properties)
    {
        foreach (var (key, value) in options.HadoopProperties.Where(property => FileOf(property.Key) == name))
            properties[key] = value;
        Save(name, properties);
    }

    static string FileOf(string property) =>
        property.StartsWith("dfs.", StringComparison.Ordinal) ? "hdfs-site.xml" : property.StartsWith("yarn.", StringComparison.Ordinal) ? "yarn-site.xml" : "core-site.xml";

    void Save(string name, Dictionary<string, string> properties) =>
        new XDocument(new XElement("configuration", properties.Select(p =>
            new XElement("property", new XElement("name", p.Key), new XElement("value", p.Value))))).Save(Path.Combine(HadoopFolder, name));
}
