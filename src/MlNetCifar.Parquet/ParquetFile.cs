using System.Globalization;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using Parquet;
using Parquet.Schema;

namespace MlNetCifar.Parquet;

/// <summary>A Parquet file of pictures. Not thread-safe.</summary>
sealed class ParquetFile : IDisposable
{
    const long MostBytes = 1L << 31;

    /// <summary>Parquet.Net 6.1.0 never comes back from some damaged files: whoever reads nothing for so long is given up.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(200);
    static readonly string[] s_splits = ["train", "validation", "valid", "val", "test"];

    readonly string _path;
    readonly string _stem;
    readonly bool _isOneOfMany;
    readonly WatchedStream _stream;
    readonly ParquetReader _reader;
    readonly DataField _content;
    readonly DataField? _name;
    readonly DataField? _label;
    readonly DataField? _length;

    /// <summary>Opens a file and finds its columns.</summary>
    /// <param name="store">Where it lies.</param>
    /// <param name="path">The file.</param>
    /// <param name="isOneOfMany">Whether pictures without a path are named after the file too.</param>
    /// <exception cref="MlNetCifarException">It is damaged (MNC1050), or lacks a column (MNC1051, MNC1052, MNC1054).</exception>
    public ParquetFile(IFileStore store, string path, bool isOneOfMany)
    {
        (_path, _stem, _isOneOfMany) = (path, Path.GetFileNameWithoutExtension(path), isOneOfMany);
        _stream = new WatchedStream(Seekable(store.OpenRead(path)));
        try
        {
            _reader = Guard(() => ParquetReader.CreateAsync(_stream, leaveStreamOpen: true));
            var fields = Guard(() => Task.FromResult(_reader.Schema.DataFields));
            _content = Find(fields, "content", "image.bytes") ?? throw ParquetErrors.NoColumn(path, fields.Select(Name));
            Require(_content, "bytes", typeof(byte[]), typeof(ReadOnlyMemory<byte>));
            _name = Find(fields, "path", "image.path");
            _label = Find(fields, "label");
            _length = Find(fields, "length");
            if (_name is null && _label is null)
                throw ParquetErrors.NoLabels(path);
            if (_name is not null)
                Require(_name, "text", typeof(string), typeof(ReadOnlyMemory<char>));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>All pictures: where they are, under which path, and how long.</summary>
    public IEnumerable<(int Group, int Row, string Path, long Length)> List(CancellationToken cancellation)
    {
        var first = 0L;
        for (var group = 0; group < _reader.RowGroupCount; group++)
        {
            cancellation.ThrowIfCancellationRequested();
            var rows = Rows(group);
            var names = _name is null ? null : Texts(group, _name, rows);
            var labels = _label is null ? null : Texts(group, _label, rows);
            var lengths = _length is null || names is null ? null : Texts(group, _length, rows);
            var contents = lengths is null ? Contents(group) : null;
            for (var row = 0; row < rows; row++)
            {
                var length = contents is not null ? contents[row].Length
                    : long.TryParse(lengths![row], NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : throw Wrong(_length!, first + row, "is no length");
                yield return (group, row, PathOf(first + row, names?[row], labels?[row], contents?[row]), length);
            }

            first += rows;
        }
    }

    /// <summary>The contents of a row group.</summary>
    /// <exception cref="MlNetCifarException">It is damaged, too large, or a content is missing (MNC105x).</exception>
    public byte[][] Contents(int group)
    {
        var rows = Rows(group);
        using var reader = _reader.OpenRowGroupReader(group);
        var size = Guard(() => Task.FromResult(reader.GetMetadata(_content)?.MetaData?.TotalUncompressedSize ?? 0));
        if (size is < 0 or > MostBytes)
            throw ParquetErrors.TooLarge(_path, size, MostBytes);
        byte[]?[] contents = new byte[rows][];
        Guard(async () =>
        {
            await reader.ReadAsync(_content, contents.AsMemory()).ConfigureAwait(false);
            return true;
        });
        return Array.IndexOf(contents, null) is >= 0 and var missing ? throw Wrong(_content, FirstRow(group) + missing, "is empty") : [.. contents!];
    }

    public void Dispose()
    {
        _reader?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _stream.Dispose();
    }

    // Pictures take some bytes each, so that there are no more rows than bytes.
    int Rows(int group)
    {
        using var reader = _reader.OpenRowGroupReader(group);
        return reader.RowCount is >= 0 and var rows && rows <= Math.Min(_stream.Length, Array.MaxLength) ? (int)rows : throw ParquetErrors.Damaged(_path, new InvalidDataException($"a row group of {reader.RowCount} rows"));
    }

    long FirstRow(int group) => Enumerable.Range(0, group).Sum(g => (long)Rows(g));

    string PathOf(long row, string? name, string? label, byte[]? content)
    {
        if (_label is null && string.IsNullOrEmpty(name))
            throw Wrong(_name!, row, "is empty");
        if (_label is not null && (string.IsNullOrEmpty(label) || label.Contains('/')))
            throw Wrong(_label, row, string.IsNullOrEmpty(label) ? "is empty" : $"is '{label}', and a class has no '/' in its name");
        if (string.IsNullOrEmpty(name))
            name = string.Create(CultureInfo.InvariantCulture, $"{(_isOneOfMany ? _stem + "-" : "")}{row:D8}{Extension(content)}");
        if (_label is null)
            return name;
        var split = s_splits.FirstOrDefault(s => _stem == s || _stem.StartsWith(s + "-", StringComparison.Ordinal));
        return split is null ? $"{label}/{name}" : $"{split}/{label}/{name}";
    }

    static string Extension(byte[]? content) => ImageDecoder.Identify(content) switch
    {
        ImageFormat.Png => ".png",
        ImageFormat.Gif => ".gif",
        ImageFormat.Bmp => ".bmp",
        ImageFormat.Pnm => ".ppm",
        ImageFormat.WebP => ".webp",
        ImageFormat.Tiff => ".tif",
        _ => ".jpg",
    };

    string?[] Texts(int group, DataField field, int rows)
    {
        using var reader = _reader.OpenRowGroupReader(group);
        var type = Nullable.GetUnderlyingType(field.ClrType) ?? field.ClrType;
        if (type == typeof(string) || type == typeof(ReadOnlyMemory<char>))
        {
            var texts = new string?[rows];
            Guard(async () =>
            {
                await reader.ReadAsync(field, texts.AsMemory()!).ConfigureAwait(false);
                return true;
            });
            return texts;
        }

        return type == typeof(long) ? Numbers<long>(reader, field, rows)
            : type == typeof(int) ? Numbers<int>(reader, field, rows)
            : type == typeof(short) ? Numbers<short>(reader, field, rows)
            : type == typeof(sbyte) ? Numbers<sbyte>(reader, field, rows)
            : type == typeof(byte) ? Numbers<byte>(reader, field, rows)
            : throw ParquetErrors.WrongColumn(_path, Name(field), type.Name, "text or whole numbers");
    }

    string?[] Numbers<T>(ParquetRowGroupReader reader, DataField field, int rows)
        where T : struct, IFormattable
    {
        var numbers = new T?[rows];
        Guard(async () =>
        {
            await reader.ReadAsync<T>(field, numbers.AsMemory()).ConfigureAwait(false);
            return true;
        });
        return Array.ConvertAll(numbers, n => n?.ToString(null, CultureInfo.InvariantCulture));
    }

    static DataField? Find(DataField[] fields, params string[] names) => names.Select(name => fields.FirstOrDefault(f => Name(f) == name)).FirstOrDefault(f => f is not null);

    static string Name(DataField field) => string.Join('.', field.Path.ToList());

    void Require(DataField field, string expected, params Type[] types)
    {
        if (field.MaxRepetitionLevel > 0 || !types.Contains(field.ClrType))
            throw ParquetErrors.WrongColumn(_path, Name(field), field.MaxRepetitionLevel > 0 ? "lists" : field.ClrType.Name, expected);
    }

    MlNetCifarException Wrong(DataField field, long row, string found) => ParquetErrors.WrongValue(_path, Name(field), row, found);

    // What the library throws at damaged bytes is not of one kind.
    T Guard<T>(Func<Task<T>> read)
    {
        _stream.Touch();
        var work = Task.Factory.StartNew(() => read().GetAwaiter().GetResult(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (Task.WaitAny([work], s_look) < 0)
        {
            if (_stream.Idle > s_patience)
                throw ParquetErrors.Damaged(_path, new InvalidDataException("its reader does not come back"));
        }

        try
        {
            return work.GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is not (MlNetCifarException or OutOfMemoryException or OperationCanceledException))
        {
            throw ParquetErrors.Damaged(_path, e);
        }
    }

    static Stream Seekable(Stream stream)
    {
        if (stream.CanSeek)
            return stream;
        using (stream)
        {
            var copy = new FileStream(Path.Combine(Path.GetTempPath(), $"mlnetcifar-{Guid.NewGuid():N}.parquet"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, 1 << 16, FileOptions.DeleteOnClose);
            stream.CopyTo(copy);
            copy.Position = 0;
            return copy;
        }
    }
}
