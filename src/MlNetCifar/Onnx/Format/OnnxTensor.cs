using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MlNetCifar.Onnx;

/// <summary>A constant of a graph. Its elements stay bytes of the file until they are asked for.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Of its elements.</param>
/// <param name="Dimensions">Its shape, slowest first; none for a single number.</param>
internal sealed record OnnxTensor(string Name, ElementType Type, IReadOnlyList<long> Dimensions)
{
    /// <summary>The elements as little-endian bytes; empty where they are in <see cref="Parts"/>.</summary>
    public ReadOnlyMemory<byte> Raw { get; init; }

    /// <summary>The elements as a repeated field of the message, packed or one by one; empty where they are in <see cref="Raw"/>.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Parts { get; init; } = [];

    /// <summary>Texts, for a tensor of these.</summary>
    public IReadOnlyList<string> Texts { get; init; } = [];

    /// <summary>Whether its elements are in another file.</summary>
    public bool IsExternal { get; init; }

    public static OnnxTensor Of(string name, IReadOnlyList<long> dimensions, ReadOnlySpan<float> values) =>
        new(name, ElementType.Float, dimensions) { Raw = MemoryMarshal.AsBytes(values).ToArray() };

    public static OnnxTensor Of(string name, IReadOnlyList<long> dimensions, ReadOnlySpan<long> values) =>
        new(name, ElementType.Int64, dimensions) { Raw = MemoryMarshal.AsBytes(values).ToArray() };

    /// <summary>Number of elements.</summary>
    /// <exception cref="InvalidDataException">A side is negative, or there are more than memory holds.</exception>
    public int Count()
    {
        long count = 1;
        foreach (var size in Dimensions)
        {
            if (size < 0)
                throw new InvalidDataException($"the tensor '{Name}' has a side of {size}");
            count = size == 0 || count == 0 ? 0 : size > Array.MaxLength / count ? throw TooMany() : count * size;
        }

        return (int)count;
    }

    /// <summary>The elements as 32-bit floats. Their number is compared with the bytes that are there before memory is taken.</summary>
    /// <exception cref="InvalidDataException">They are no numbers, or not as many as the shape says.</exception>
    public float[] ToFloats() => Type switch
    {
        ElementType.Float => Convert(sizeof(float), b => BinaryPrimitives.ReadSingleLittleEndian(b), packedWidth: 4),
        ElementType.Double => Convert(sizeof(double), b => (float)BinaryPrimitives.ReadDoubleLittleEndian(b), packedWidth: 8),
        ElementType.Float16 => Convert(sizeof(short), b => (float)BinaryPrimitives.ReadHalfLittleEndian(b), packedWidth: 0),
        ElementType.BFloat16 => Convert(sizeof(short), b => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(b) << 16), packedWidth: 0),
        _ => [.. ToInts().Select(value => (float)value)],
    };

    /// <summary>The elements as whole numbers.</summary>
    /// <exception cref="InvalidDataException">They are no whole numbers, or not as many as the shape says.</exception>
    public long[] ToInts() => Type switch
    {
        ElementType.Int64 => Convert(sizeof(long), b => BinaryPrimitives.ReadInt64LittleEndian(b), packedWidth: 0),
        ElementType.Int32 => Convert(sizeof(int), b => (long)BinaryPrimitives.ReadInt32LittleEndian(b), packedWidth: 0),
        ElementType.Int8 => Convert(1, b => (long)(sbyte)b[0], packedWidth: 0),
        ElementType.UInt8 or ElementType.Bool => Convert(1, b => (long)b[0], packedWidth: 0),
        _ => throw new InvalidDataException($"the tensor '{Name}' has elements of the type {Type}"),
    };

    delegate T Reader<T>(ReadOnlySpan<byte> bytes);

    /// <param name="width">Bytes of a raw element.</param>
    /// <param name="read">Reads one.</param>
    /// <param name="packedWidth">Bytes of an element of a repeated field; 0 for numbers of varying length.</param>
    T[] Convert<T>(int width, Reader<T> read, int packedWidth)
    {
        if (IsExternal)
            throw new InvalidDataException($"the elements of the tensor '{Name}' are in another file");
        var count = Count();
        if (Parts.Count == 0)
        {
            if ((long)count * width != Raw.Length)
                throw WrongLength(Raw.Length);
            var values = new T[count];
            var raw = Raw.Span;
            for (var i = 0; i < count; i++)
                values[i] = read(raw.Slice(i * width, width));
            return values;
        }

        return packedWidth > 0 ? Fixed(count, read, packedWidth) : Varying(count, width, read);
    }

    T[] Fixed<T>(int count, Reader<T> read, int width)
    {
        var length = Parts.Sum(part => (long)part.Length);
        if ((long)count * width != length || Parts.Any(part => part.Length % width != 0))
            throw WrongLength(length);
        var values = new T[count];
        var at = 0;
        foreach (var part in Parts)
        {
            var bytes = part.Span;
            for (var i = 0; i < bytes.Length; i += width)
                values[at++] = read(bytes.Slice(i, width));
        }

        return values;
    }

    T[] Varying<T>(int count, int width, Reader<T> read)
    {
        var length = Parts.Sum(part => (long)part.Length);
        if (count > length)
            throw WrongLength(length);
        var values = new T[count];
        var at = 0;
        Span<long> number = stackalloc long[1];
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        foreach (var part in Parts)
        {
            for (var rest = part; rest.Length > 0;)
            {
                rest = rest[ProtoReader.Ints(rest, number)..];
                if (at == count)
                    throw WrongLength(length);
                BinaryPrimitives.WriteInt64LittleEndian(bytes, number[0]);
                values[at++] = read(bytes[..width]);
            }
        }

        return at == count ? values : throw WrongLength(length);
    }

    InvalidDataException WrongLength(long bytes) =>
        new($"the tensor '{Name}' of {Type} of shape [{string.Join(", ", Dimensions)}] has {bytes:N0} bytes");

    InvalidDataException TooMany() => new($"the tensor '{Name}' of shape [{string.Join(", ", Dimensions)}] has more than {Array.MaxLength:N0} elements");
}
