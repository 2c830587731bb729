using System.Buffers.Binary;
using System.Text;
using MlNetCifar.Files;

namespace MlNetCifar.Onnx;

/// <summary>
/// The fields of one protobuf message, first to last. Nothing is copied and nothing allocated by what the message says; whatever is wrong is an
/// <see cref="InvalidDataException"/> in words.
/// </summary>
internal ref struct ProtoReader(ReadOnlyMemory<byte> message)
{
    static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    readonly ReadOnlySpan<byte> _bytes = message.Span;
    int _at;
    int _valueStart;

    /// <summary>Number of the field that <see cref="Next"/> went to.</summary>
    public int Field { get; private set; }

    /// <summary>Its encoding.</summary>
    public WireKind Kind { get; private set; }

    /// <summary>The value of an integer, or the bits of a fixed one.</summary>
    public ulong Value { get; private set; }

    /// <summary>The bytes of the value as they lie in the message; of texts, messages and packed fields without their length.</summary>
    public readonly ReadOnlyMemory<byte> Content => message[_valueStart.._at];

    /// <summary>Goes to the next field; false behind the last.</summary>
    public bool Next()
    {
        if (_at == _bytes.Length)
            return false;
        var tag = Varint();
        if (tag >> 3 is 0 or > int.MaxValue)
            throw new InvalidDataException($"a field at byte {_at} has the number {tag >> 3}");
        (Field, Kind, _valueStart) = ((int)(tag >> 3), (WireKind)(tag & 7), _at);
        switch (Kind)
        {
            case WireKind.Varint:
                Value = Varint();
                break;
            case WireKind.Fixed64:
                Value = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));
                break;
            case WireKind.Fixed32:
                Value = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
                break;
            case WireKind.Bytes:
                var length = Varint();
                _valueStart = _at;
                Take(length);
                break;
            default:
                throw new InvalidDataException($"field {Field} has the encoding {(int)Kind}");
        }

        return true;
    }

    /// <summary>The value as a whole number, which must be one.</summary>
    public readonly long Int() => Kind == WireKind.Varint ? (long)Value : throw Wrong("a whole number");

    /// <summary>The value as a 32-bit float, which must be one.</summary>
    public readonly float Real() => Kind == WireKind.Fixed32 ? BitConverter.UInt32BitsToSingle((uint)Value) : throw Wrong("a 32-bit number");

    /// <summary>The value as a message or as bytes.</summary>
    public readonly ReadOnlyMemory<byte> Message() => Kind == WireKind.Bytes ? Content : throw Wrong("bytes");

    /// <summary>The value as a text.</summary>
    public readonly string Text()
    {
        try
        {
            return s_strict.GetString(Message().Span);
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException($"the text of field {Field} is no UTF-8");
        }
    }

    /// <summary>Adds the value's whole numbers, packed or not.</summary>
    /// <param name="numbers">What to add to.</param>
    /// <param name="most">How many there may be at most.</param>
    public readonly void AddInts(List<long> numbers, int most)
    {
        if (Kind == WireKind.Bytes)
        {
            var packed = new ProtoReader(Content);
            while (packed._at < packed._bytes.Length)
                Add(numbers, (long)packed.Varint(), most);
        }
        else
        {
            Add(numbers, Int(), most);
        }
    }

    /// <summary>Reads the whole numbers of a packed field.</summary>
    /// <param name="packed">Its bytes.</param>
    /// <param name="numbers">As many as there are wanted; overwritten.</param>
    /// <returns>How many bytes they took.</returns>
    public static int Ints(ReadOnlyMemory<byte> packed, Span<long> numbers)
    {
        var reader = new ProtoReader(packed);
        foreach (ref var number in numbers)
            number = (long)reader.Varint();
        return reader._at;
    }

    readonly InvalidDataException Wrong(string expected) => new($"field {Field} is encoded as {Kind}; expected {expected}");

    readonly void Add(List<long> numbers, long number, int most)
    {
        if (numbers.Count == most)
            throw new InvalidDataException($"field {Field} has more than {most:N0} numbers");
        numbers.Add(number);
    }

    ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (_at == _bytes.Length)
                throw new InvalidDataException($"it ends within a number, at byte {_at}");
            ulong part = _bytes[_at++];
            value |= (part & 127) << shift;
            if (part < 128)
                return value;
        }

        throw new InvalidDataException($"a number before byte {_at} has more than 64 bits");
    }

    ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_bytes.Length - _at))
            throw new InvalidDataException($"a value at byte {_at} would have {length:N0} bytes and {_bytes.Length - _at:N0} are left");
        _at += (int)length;
        return _bytes.Slice(_at - (int)length, (int)length);
    }
}
