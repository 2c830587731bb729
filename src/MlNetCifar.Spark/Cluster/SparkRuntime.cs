using System.Diagnostics;

namespace MlNetCifar.Spark.Cluster;

/// <summary>Where Spark, Hadoop and Java lie.</summary>
/// <param name="SparkHome">An unpacked Spark with the Connect server.</param>
/// <param name="HadoopHome">An unpacked Hadoop; null where there is none.</param>
/// <param name="JavaHome">A Java 17 or newer.</param>
public sealed record SparkRuntime(string SparkHome, string? HadoopHome, string JavaHome)
{
    /// <summary>
    /// Finds the runtime: <paramref name="sparkHome"/> and <paramref name="hadoopHome"/>, else SPARK_HOME and HADOOP_HOME, else the archive
    /// in the folder MLNETCIFAR_SHARED/spark, which is unpacked once into the user's cache.
    /// </summary>
    /// <param name="sparkHome">Preferred over SPARK_HOME.</param>
    /// <param name="hadoopHome">Preferred over HADOOP_HOME.</param>
    /// <param name="unpacking">Told how much of an archive is unpacked, 0 … 1; not told where nothing is.</param>
    /// <exception cref="MlNetCifarException">There is no runtime (MNC6060), no Java (MNC6061), or unpacking failed (MNC6065).</exception>
    public static SparkRuntime Find(string? sparkHome = null, string? hadoopHome = null, IProgress<double>? unpacking = null)
    {
        sparkHome ??= Variable("SPARK_HOME");
        hadoopHome ??= Variable("HADOOP_HOME");
        if (sparkHome is null)
        {
            var root = Unpacked(unpacking) ?? throw ClusterErrors.NoRuntime();
            sparkHome = Path.Combine(root, "spark");
            hadoopHome ??= Path.Combine(root, "hadoop");
        }

        if (!File.Exists(Path.Combine(sparkHome, "bin", "spark-class")))
            throw ClusterErrors.NoRuntime();
        return new(sparkHome, hadoopHome, FindJava());
    }

    /// <summary>Spark's version as its core jar names it, or null.</summary>
    public string? SparkVersion =>
        Directory.EnumerateFiles(Path.Combine(SparkHome, "jars"), "spark-core_*.jar").Select(Path.GetFileNameWithoutExtension).FirstOrDefault() is { } name
            ? name[(name.IndexOf('-', "spark-core".Length) + 1)..] : null;

    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    internal static string FindJava()
    {
        if (Variable("JAVA_HOME") is { } home)
            return File.Exists(Path.Combine(home, "bin", "java")) ? home : throw ClusterErrors.NoJava($"JAVA_HOME={home}");
        foreach (var folder in (Variable("PATH") ?? "").Split(Path.PathSeparator))
        {
            var java = Path.Combine(folder, "java");
            if (File.Exists(java))
                return Path.GetDirectoryName(Path.GetDirectoryName(Resolve(java)))!;
        }

        throw ClusterErrors.NoJava("JAVA_HOME is not set, and there is no java in PATH");
    }

    static string Resolve(string path) => File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;

    static string? Unpacked(IProgress<double>? progress)
    {
        if (Variable("MLNETCIFAR_SHARED") is not { } shared || !Directory.Exists(Path.Combine(shared, "spark")))
            return null;
        var archive = Directory.EnumerateFiles(Path.Combine(shared, "spark"), "spark-*.tar.xz").Order(StringComparer.Ordinal).LastOrDefault();
        if (archive is null)
            return null;
        var name = Path.GetFileName(archive)[..^".tar.xz".Length];
        var target = Path.Combine(CacheFolder, name);
        return Directory.Exists(target) ? target : Unpack(archive, target, progress);
    }

    static string CacheFolder => Path.Combine(
        Variable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "mlnetcifar");

    // Unpacked beside and renamed, so that another process never sees half a runtime.
    static string Unpack(string archive, string target, IProgress<double>? progress)
    {
        var temporary = $"{target}.{Guid.NewGuid():N}";
        Directory.CreateDirectory(temporary);
        try
        {
            // Fed, not named: so it is known how far it has come.
            var start = new ProcessStartInfo("tar", ["xJ", "-C", temporary, "--strip-components=1"]) { RedirectStandardInput = true, RedirectStandardError = true };
            using var tar = Process.Start(start)!;
            var error = tar.StandardError.ReadToEndAsync();
            Feed(archive, tar.StandardInput.BaseStream, progress);
            tar.WaitForExit();
            if (tar.ExitCode != 0)
                throw ClusterErrors.UnpackFailed(archive, error.GetAwaiter().GetResult().Trim());
            Directory.Move(temporary, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            // Another process was faster.
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw ClusterErrors.UnpackFailed(archive, e.Message);
        }
        finally
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
        }

        return target;
    }

    static void Feed(string archive, Stream tar, IProgress<double>? progress)
    {
        using var source = File.OpenRead(archive);
        try
        {
            using (tar)
            {
                var block = new byte[1 << 18];
                for (int n; (n = source.Read(block)) > 0;)
                {
                    progress?.Report((double)source.Position / source.Length);
                    tar.Write(block, 0, n);
                }
            }
        }
        catch (IOException)
        {
            // It has ended early, and says why.
        }
    }
}
