using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MlNetCifar.Evaluation.Report;

/// <summary>Identifies a set of test images, so that only runs on the same data are compared.</summary>
public static class DataFingerprint
{
    /// <summary>SHA-256 over the class names and, in order, each image's label and name. Where images lie on disk matters only through the names.</summary>
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
        for (var i = 0; i < labels.Length; i++)
        {
            Append(hash, labels[i]);
            if (names is not null)
                Append(hash, names[i].Replace('\\', '/'));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
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
