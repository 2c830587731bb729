using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>The properties of core-site.xml and hdfs-site.xml: where the name nodes are.</summary>
public sealed partial class HadoopConfiguration
{
    /// <summary>The port of a name node's web address where nothing else is said.</summary>
    public const int DefaultHttpPort = 9870;

    readonly IReadOnlyDictionary<string, string> _properties;
    readonly string? _folder;

    /// <summary>Wraps properties.</summary>
    /// <param name="properties">Names and values as in Hadoop's files.</param>
    public HadoopConfiguration(IReadOnlyDictionary<string, string> properties) => _properties = properties;

    HadoopConfiguration(IReadOnlyDictionary<string, string> properties, string folder)
        : this(properties) => _folder = folder;

    /// <summary>No property at all.</summary>
    public static HadoopConfiguration Empty { get; } = new(new Dictionary<string, string>());

    /// <summary>Reads the folder that HADOOP_CONF_DIR names, or HADOOP_HOME/etc/hadoop; <see cref="Empty"/> where there is neither.</summary>
    /// <exception cref="MlNetCifarException">A file is no valid configuration (MNC6012).</exception>
    public static HadoopConfiguration FromEnvironment()
    {
        var folder = Environment.GetEnvironmentVariable("HADOOP_CONF_DIR");
        if (string.IsNullOrEmpty(folder) && Environment.GetEnvironmentVariable("HADOOP_HOME") is { Length: > 0 } home)
            folder = Path.Combine(home, "etc", "hadoop");
        return string.IsNullOrEmpty(folder) ? Empty : Load(folder);
    }

    /// <summary>Reads core-site.xml and hdfs-site.xml of a folder; a missing file counts as empty.</summary>
    /// <param name="folder">The configuration folder.</param>
    /// <exception cref="MlNetCifarException">A file is no valid configuration (MNC6012).</exception>
    public static HadoopConfiguration Load(string folder)
    {
        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in new[] { "core-site.xml", "hdfs-site.xml" })
            ReadFile(Path.Combine(folder, name), properties);
        return new(properties, folder);
    }

    /// <summary>A property's value with its <c>${…}</c> references resolved, or null.</summary>
    /// <param name="name">The property.</param>
    public string? Get(string name) => _properties.TryGetValue(name, out var value) ? Expand(value, 0) : null;

    /// <summary>The default file system (<c>fs.defaultFS</c>), if it is an HDFS one.</summary>
    public Uri? DefaultFileSystem =>
        Get("fs.defaultFS") is { } text && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == "hdfs" ? uri : null;

    /// <summary>The web addresses of the name nodes behind an authority, in the order to be tried.</summary>
    /// <param name="uri"><c>hdfs://nameservice</c>, <c>hdfs://host:port</c>, <c>webhdfs://host:port</c> or <c>swebhdfs://host:port</c>.</param>
    public IReadOnlyList<Uri> NameNodes(Uri uri)
    {
        if (uri.Scheme is "webhdfs" or "swebhdfs")
            return [new Uri($"{(uri.Scheme == "webhdfs" ? "http" : "https")}://{uri.Host}:{(uri.Port > 0 ? uri.Port : DefaultHttpPort)}")];
        var authority = uri.Authority.Length > 0 ? uri : DefaultFileSystem ?? throw HdfsErrors.NoDefault(uri.OriginalString, _folder);
        var suffixes = Suffixes(authority.Host);
        var secure = Get("dfs.http.policy") == "HTTPS_ONLY";
        var property = secure ? "dfs.namenode.https-address" : "dfs.namenode.http-address";
        var scheme = secure ? "https" : "http";
        var found = suffixes.Select(s => Get(property + s)).OfType<string>().Select(a => new Uri($"{scheme}://{a}")).ToList();
        if (found.Count > 0 && suffixes[0].Length > 0)
            return found;
        var isConfigured = found.Count > 0 && (Get("dfs.namenode.rpc-address") ?? DefaultFileSystem?.Authority) == authority.Authority;
        return isConfigured ? Reachable(found, authority.Host) : [new Uri($"{scheme}://{authority.Host}:{DefaultHttpPort}")];
    }

    /// <summary>The RPC addresses of the name nodes behind an authority; none for a webhdfs address, and none on a secured cluster, whose RPC wants Kerberos.</summary>
    /// <param name="uri">As for <see cref="NameNodes"/>.</param>
    public IReadOnlyList<Uri> RpcNodes(Uri uri)
    {
        var isSecured = WantsKerberos || Get("dfs.encrypt.data.transfer") == "true" || Get("dfs.data.transfer.protection") is { Length: > 0 };
        if (uri.Scheme != "hdfs" || isSecured || (uri.Authority.Length > 0 ? uri : DefaultFileSystem) is not { } authority)
            return [];
        var suffixes = Suffixes(authority.Host);
        return suffixes[0].Length == 0
            ? [new Uri($"hdfs://{authority.Authority}")]
            : [.. suffixes.Select(s => Get("dfs.namenode.rpc-address" + s)).OfType<string>().Select(a => new Uri($"hdfs://{a}"))];
    }

    /// <summary>Whether name nodes take tickets only.</summary>
    internal bool WantsKerberos => !string.Equals(Get("hadoop.security.authentication") ?? "simple", "simple", StringComparison.OrdinalIgnoreCase);

    // An address of 0.0.0.0 is what the name node binds to, not where it is.
    static IReadOnlyList<Uri> Reachable(List<Uri> addresses, string host) =>
        [.. addresses.Select(a => a.Host == "0.0.0.0" ? new UriBuilder(a) { Host = host }.Uri : a)];

    string[] Suffixes(string service)
    {
        var services = List("dfs.nameservices");
        if (!services.Contains(service))
            return [""];
        var nodes = List($"dfs.ha.namenodes.{service}");
        return nodes.Length == 0 ? [$".{service}"] : [.. nodes.Select(n => $".{service}.{n}")];
    }

    string[] List(string name) => Get(name)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    string Expand(string value, int depth) =>
        depth > 8 ? value : Reference().Replace(value, m => _properties.TryGetValue(m.Groups[1].Value, out var v) ? Expand(v, depth + 1) : m.Value);

    [GeneratedRegex(@"\$\{([^}]+)\}")]
    private static partial Regex Reference();

    static void ReadFile(string path, Dictionary<string, string> properties)
    {
        if (!File.Exists(path))
            return;
        try
        {
            var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null };
            using var reader = XmlReader.Create(path, settings);
            foreach (var property in XDocument.Load(reader).Root?.Elements("property") ?? [])
                if (property.Element("name")?.Value.Trim() is { Length: > 0 } name)
                    properties[name] = property.Element("value")?.Value.Trim() ?? "";
        }
        catch (Exception e) when (e is XmlException or IOException or UnauthorizedAccessException)
        {
            throw HdfsErrors.BadConfiguration(path, $"The file could not be read: {e.Message}", e);
        }
    }
}
