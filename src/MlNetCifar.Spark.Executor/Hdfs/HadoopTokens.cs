using System.Buffers.Binary;
using System.Text;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// Hadoop's files of delegation tokens (<c>HADOOP_TOKEN_FILE_LOCATION</c>), in which YARN hands a container those of its application. Written against the published format and
/// tested with files made after it, not on a secured cluster.
/// </summary>
static class HadoopTokens
{
    /// <summary>The variable that names the file.</summary>
    public const string Variable = "HADOOP_TOKEN_FILE_LOCATION";

    const string HdfsKind = "HDFS_DELEGATION_TOKEN";
    const int MostTokens = 10_000;

    /// <summary>The token for a file system among those of this process; null where there is none.</summary>
    /// <exception cref="MlNetCifarException">The file cannot be read or is something else (MNC6018).</exception>
    public static string? Of(Uri fileSystem)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } path)
            return null;
        try
        {
            return Of(File.ReadAllBytes(path), fileSystem);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException)
        {
            throw HdfsErrors.BadTokens(path, e);
        }
    }

    /// <summary>The token for a file system, as <c>delegation=</c> takes it: the one whose service it is, else the only one for HDFS.</summary>
    public static string? Of(ReadOnlySpan<byte> file, Uri fileSystem)
    {
        var tokens = Read(file).Where(t => t.Kind == HdfsKind || t.Kind.EndsWith("WEBHDFS delegation", StringComparison.Ordinal)).ToArray();
        string[] services = [fileSystem.Authority, $"ha-hdfs:{fileSystem.Host}"];
        return (tokens.FirstOrDefault(t => services.Contains(t.Service)) ?? (tokens.Length == 1 ? tokens[0] : null))?.Text;
    }

    /// <summary>A file of tokens, each under the file system that it is for.</summary>
    public static byte[] Write(IEnumerable<(Uri FileSystem, string Token)> tokens)
    {
        var all = tokens.ToArray();
        using var file = new MemoryStream();
        file.Write("HDTS\0"u8);
        WriteNumber(file, all.Length);
        foreach (var (fileSystem, token) in all)
        {
            var bytes = FromText(token);
            var at = 0;
            var (identifier, password) = (Bytes(bytes, ref at).ToArray(), Bytes(bytes, ref at).ToArray());
            foreach (var field in new[] { Encoding.UTF8.GetBytes(fileSystem.Authority), identifier, password, Encoding.UTF8.GetBytes(HdfsKind), Encoding.UTF8.GetBytes(fileSystem.Authority) })
            {
                WriteNumber(file, field.Length);
                file.Write(field);
            }
        }

        WriteNumber(file, 0);
        return file.ToArray();
    }

    static List<HadoopToken> Read(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith("HDTS"u8) || file.Length < 6)
            throw new InvalidDataException("it does not start with HDTS");
        if (file[4] != 0)
            throw new InvalidDataException($"its format is {file[4]}, expected 0");
        var at = 5;
        var count = Number(file, ref at);
        if (count is < 0 or > MostTokens)
            throw new InvalidDataException($"it counts {count} tokens");
        var tokens = new List<HadoopToken>();
        for (var i = 0L; i < count; i++)
        {
            Bytes(file, ref at);
            var start = at;
            Bytes(file, ref at);
            Bytes(file, ref at);
            var kind = Encoding.UTF8.GetString(Bytes(file, ref at));
            var service = Encoding.UTF8.GetString(Bytes(file, ref at));
            tokens.Add(new(kind, service, ToText(file[start..at])));
        }

        return tokens;
    }

    static string ToText(ReadOnlySpan<byte> token) => System.Buffers.Text.Base64Url.EncodeToString(token);

    static byte[] FromText(string token) => System.Buffers.Text.Base64Url.DecodeFromChars(token);

    static ReadOnlySpan<byte> Bytes(ReadOnlySpan<byte> file, ref int at)
    {
        var length = Number(file, ref at);
        if (length < 0 || length > file.Length - at)
            throw new InvalidDataException("it is cut off");
        at += (int)length;
        return file.Slice(at - (int)length, (int)length);
    }

    // Hadoop's numbers: from -112 to 127 in one byte, else the count of bytes first.
    static long Number(ReadOnlySpan<byte> file, ref int at)
    {
        if (at >= file.Length)
            throw new InvalidDataException("it is cut off");
        var first = (sbyte)file[at++];
        if (first >= -112)
            return first;
        var (count, isNegative) = first >= -120 ? (-112 - first, false) : (-120 - first, true);
        if (count > file.Length - at)
            throw new InvalidDataException("it is cut off");
        var value = 0L;
        for (var i = 0; i < count; i++)
            value = (value << 8) | file[at++];
        return isNegative ? ~value : value;
    }

    static void WriteNumber(Stream file, long value)
    {
        if (value <= 127)
        {
            file.WriteByte((byte)value);
            return;
        }

        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        var used = bytes.TrimStart((byte)0);
        file.WriteByte((byte)(sbyte)(-112 - used.Length));
        file.Write(used);
    }

    /// <summary>A token of a file.</summary>
    /// <param name="Kind">What it is for.</param>
    /// <param name="Service">Whom it is for.</param>
    /// <param name="Text">As it is sent.</param>
    sealed record HadoopToken(string Kind, string Service, string Text);
}
