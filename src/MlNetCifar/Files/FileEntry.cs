using System.Runtime.InteropServices;
using System.Text;

namespace MlNetCifar.Files;

/// <summary>
/// A file among the bytes of a <see cref="FileListing"/>: the number of its folder, its length and its name's length and width as variable-length numbers, then
/// the name, one byte a character where all lie below 256, else two.
/// </summary>
internal readonly ref struct FileEntry
{
    readonly ReadOnlySpan<byte> _name;
    readonly bool _isWide;

    /// <summary>Reads the entry at the start of the bytes.</summary>
    public FileEntry(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        Folder = (int)ReadNumber(bytes, ref at);
        Length = (long)ReadNumber(bytes, ref at);
        var name = ReadNumber(bytes, ref at);
        _isWide = (name & 1) != 0;
        _name = bytes.Slice(at, (int)(name >> 1) << (_isWide ? 1 : 0));
        Size = at + _name.Length;
    }

    /// <summary>The number of the file's folder.</summary>
    public int Folder { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>Bytes of this entry.</summary>
    public int Size { get; }

    int Characters => _isWide ? _name.Length / 2 : _name.Length;

    /// <summary>Bytes that an entry takes at most.</summary>
    public static int MaxSize(int characters) => 20 + (2 * characters);

    /// <summary>Writes an entry and returns its size.</summary>
    public static int Write(Span<byte> destination, int folder, long length, ReadOnlySpan<char> name)
    {
        var isWide = name.ContainsAnyExceptInRange('\0', '\u00FF');
        var at = 0;
        WriteNumber(destination, ref at, (ulong)folder);
        WriteNumber(destination, ref at, (ulong)length);
        WriteNumber(destination, ref at, ((ulong)name.Length << 1) | (isWide ? 1u : 0u));
        if (!isWide)
            return at + Encoding.Latin1.GetBytes(name, destination[at..]);
        MemoryMarshal.AsBytes(name).CopyTo(destination[at..]);
        return at + (2 * name.Length);
    }

    /// <summary>The file's path.</summary>
    /// <param name="folder">Its folder's, with the last slash.</param>
    public string PathIn(string folder)
    {
        var length = folder.Length + Characters;
        var path = length <= 256 ? stackalloc char[length] : new char[length];
        folder.CopyTo(path);
        if (_isWide)
            _name.CopyTo(MemoryMarshal.AsBytes(path[folder.Length..]));
        else
            Encoding.Latin1.GetChars(_name, path[folder.Length..]);
        return new(path);
    }

    /// <summary>Compares the names, ordinal.</summary>
    public int CompareName(in FileEntry other)
    {
        if (!_isWide && !other._isWide)
            return _name.SequenceCompareTo(other._name);
        for (var i = 0; i < Characters && i < other.Characters; i++)
        {
            if (this[i] != other[i])
                return this[i] - other[i];
        }

        return Characters - other.Characters;
    }

    /// <summary>Compares the name with a text, ordinal.</summary>
    public int CompareName(ReadOnlySpan<char> text)
    {
        for (var i = 0; i < Characters && i < text.Length; i++)
        {
            if (this[i] != text[i])
                return this[i] - text[i];
        }

        return Characters - text.Length;
    }

    char this[int index] => _isWide ? MemoryMarshal.Read<char>(_name[(2 * index)..]) : (char)_name[index];

    static ulong ReadNumber(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = bytes[at++];
        if (value < 0x80)
            return value;
        value &= 0x7F;
        for (var shift = 7; ; shift += 7)
        {
            var next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }

    static void WriteNumber(Span<byte> bytes, ref int at, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            bytes[at++] = (byte)(value | 0x80);
        bytes[at++] = (byte)value;
    }
}
