using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MlNetCifar.Reporting;

/// <summary>Identifies a set of test images, so that only runs on the same data are compared.</summary>
internal static class DataFingerprint
{
    /// <summary>
    /// SHA-256 over the class names and, in order, each image's label and name, the names being taken relative to the deepest folder that holds them all:
    /// the same images elsewhere, or in an archive, are the same data.
    /// </summary>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="labels">True classes, [N].</param>
    /// <param name="names">Names of the images, [N]; null to use the labels alone.</param>
    /// <returns>64 hexadecimal digits.</returns>
    /// <exception cref="ArgumentException">There are as many names as labels, or none.</exception>
    public static string Compute(IReadOnlyList<string> classes, ReadOnlySpan<int> labels, IReadOnlyList<string>? names)
    {
        if (names is not null && names.Count != labels.Length)
            throw new ArgumentException($"There are {names.Count} names for {labels.Length} labels.", nameof(names));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, classes.Count);
        foreach (var name in classes)
            Append(hash, name);
        Append(hash, labels.Length);
        var root = names is null ? 0 : RootLength(names);
        for (var i = 0; i < labels.Length; i++)
        {
            Append(hash, labels[i]);
            if (names is not null)
                Append(hash, names[i][root..].Replace('\\', '/'));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Length of what all names begin with, up to and including its last slash.</summary>
    static int RootLength(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
            return 0;
        var first = names[0].Replace('\\', '/');
        var length = first.LastIndexOf('/') + 1;
        foreach (var name in names)
        {
            while (length > 0 && !name.Replace('\\', '/').AsSpan().StartsWith(first.AsSpan(0, length), StringComparison.Ordinal))
                length = length == 1 ? 0 : first.LastIndexOf('/', length - 2) + 1;
        }

        return length;
    }

    static void Append(IncrementalHash hash, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        hash.AppendData(bytes);
    }

    static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Append(hash, bytes.Length);
        hash.AppendData(bytes);
    }
}
