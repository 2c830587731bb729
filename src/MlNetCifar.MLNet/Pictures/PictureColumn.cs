using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>How the pictures of a column are meant.</summary>
/// <param name="Name">The column.</param>
/// <param name="Folder">Paths are relative to it; null for the current folder.</param>
/// <param name="Scale">What pixels of a tensor are multiplied by to lie between 0 and 255.</param>
internal sealed record PictureInput(string Name, string? Folder, float Scale)
{
    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static PictureInput Read(JsonElement json) =>
        new(json.GetProperty("image").GetString()!, json.GetProperty("imageFolder").GetString(), json.GetProperty("pixelScale").GetSingle());

    /// <summary>Writes properties of an object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("image", Name);
        json.WriteString("imageFolder", Folder);
        json.WriteNumber("pixelScale", Scale);
    }
}

/// <summary>A column of pictures: paths, encoded files, pictures of ML.NET, or tensors.</summary>
internal sealed class PictureColumn
{
    const string Expected = "a path (text), an encoded file (variable vector of bytes), an image, or pixels (vector of bytes or singles with three dimensions, 1 or 3 of them channels)";

    readonly PictureInput _input;
    readonly (int Height, int Width, int Channels, bool Planar) _tensor;

    PictureColumn(PictureInput input, DataViewSchema.Column column)
    {
        (_input, Column) = (input, column);
        var isPicture = column.Type switch
        {
            TextDataViewType => true,
            VectorDataViewType { IsKnownSize: true } vector => Shape(vector) is not null,
            VectorDataViewType vector => vector.ItemType == NumberDataViewType.Byte,
            var type => IsImage(type),
        };
        if (!isPicture)
            throw Mismatch(input.Name, column.Type.ToString()!);
        _tensor = column.Type is VectorDataViewType { IsKnownSize: true } tensor ? Shape(tensor)!.Value : default;
    }

    /// <summary>The column.</summary>
    public DataViewSchema.Column Column { get; }

    /// <summary>Finds the column in a schema.</summary>
    /// <param name="schema">Of the input.</param>
    /// <param name="input">Which.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not there, or holds no pictures.</exception>
    public static PictureColumn Find(DataViewSchema schema, PictureInput input) =>
        new(input, schema.GetColumnOrNull(input.Name) ?? throw MLNetErrors.NoColumn("image", input.Name, schema.Select(c => c.Name), nameof(ImageNetworkOptions.ImageColumnName)));

    /// <summary>Checks what an estimator is promised.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column is not there, or holds no pictures.</exception>
    public static void Check(SchemaShape shape, string name)
    {
        var column = shape.Find(name, "image", nameof(ImageNetworkOptions.ImageColumnName));
        var isVector = column.Kind != SchemaShape.Column.VectorKind.Scalar;
        var isPicture = isVector ? column.ItemType == NumberDataViewType.Byte || column.ItemType == NumberDataViewType.Single : column.ItemType is TextDataViewType || IsImage(column.ItemType);
        if (!isPicture)
            throw Mismatch(name, isVector ? $"Vector<{column.ItemType}>" : $"{column.ItemType}");
    }

    /// <summary>What reads the picture of the current row.</summary>
    /// <param name="row">In which the column is active.</param>
    public Func<Picture> ReaderOf(DataViewRow row)
    {
        var column = row.Schema[Column.Index];
        return column.Type switch
        {
            TextDataViewType => Paths(row.GetGetter<ReadOnlyMemory<char>>(column)),
            VectorDataViewType { ItemType: var item } when item == NumberDataViewType.Single => Singles(row.GetGetter<VBuffer<float>>(column)),
            VectorDataViewType { IsKnownSize: true } => Bytes(row.GetGetter<VBuffer<byte>>(column)),
            VectorDataViewType => Files(row.GetGetter<VBuffer<byte>>(column)),
            _ => ImageReader.Of(row, column),
        };
    }

    /// <summary>Asked by name, so that nobody needs the package of that type who has no such column.</summary>
    public static bool IsImage(DataViewType type) => type.RawType.FullName == "Microsoft.ML.Data.MLImage";

    Func<Picture> Paths(ValueGetter<ReadOnlyMemory<char>> getter)
    {
        ReadOnlyMemory<char> text = default;
        return () =>
        {
            getter(ref text);
            if (text.IsEmpty)
                return new Picture.Missing(MLNetErrors.NoPicture("the path is empty"));
            return new Picture.InFile(Path.Combine(_input.Folder ?? "", text.ToString()));
        };
    }

    static Func<Picture> Files(ValueGetter<VBuffer<byte>> getter)
    {
        VBuffer<byte> file = default;
        return () =>
        {
            getter(ref file);
            if (file.Length == 0)
                return new Picture.Missing(MLNetErrors.NoPicture("it has no bytes"));
            var copy = new byte[file.Length];
            file.CopyTo(copy);
            return new Picture.Encoded(copy);
        };
    }

    Func<Picture> Bytes(ValueGetter<VBuffer<byte>> getter)
    {
        VBuffer<byte> values = default;
        var dense = new byte[_tensor.Height * _tensor.Width * _tensor.Channels];
        return () =>
        {
            getter(ref values);
            values.CopyTo(dense);
            return new Picture.Decoded(ToImage(dense));
        };
    }

    Func<Picture> Singles(ValueGetter<VBuffer<float>> getter)
    {
        VBuffer<float> values = default;
        var dense = new float[_tensor.Height * _tensor.Width * _tensor.Channels];
        var bytes = new byte[dense.Length];
        return () =>
        {
            getter(ref values);
            values.CopyTo(dense);
            return Fault(dense, bytes) is { } fault ? new Picture.Missing(fault) : new Picture.Decoded(ToImage(bytes));
        };
    }

    /// <summary>Rounds pixels to bytes; numbers between 0 and 1 that nobody said to scale would all become black.</summary>
    MlNetCifarException? Fault(float[] pixels, byte[] bytes)
    {
        var (largest, isWhole) = (0f, true);
        for (var i = 0; i < pixels.Length; i++)
        {
            var pixel = pixels[i] * _input.Scale;
            if (!(pixel is >= -0.5f and < 255.5f))
                return MLNetErrors.BadPixels(FormattableString.Invariant($"The pixel {i} is {pixels[i]}."), _input.Scale);
            bytes[i] = (byte)MathF.Round(pixel);
            largest = Math.Max(largest, pixel);
            isWhole &= pixel == MathF.Floor(pixel);
        }

        return largest <= 1 && !isWhole ? MLNetErrors.BadPixels(FormattableString.Invariant($"All pixels lie between 0 and {largest / _input.Scale}."), _input.Scale) : null;
    }

    RgbImage ToImage(byte[] pixels)
    {
        var (height, width, channels, planar) = _tensor;
        var image = new RgbImage(width, height);
        var target = image.Pixels;
        for (var i = 0; i < height * width; i++)
        {
            for (var c = 0; c < 3; c++)
            {
                var from = channels == 1 ? 0 : c;
                target[(3 * i) + c] = pixels[planar ? (from * height * width) + i : (i * channels) + from];
            }
        }

        return image;
    }

    static (int Height, int Width, int Channels, bool Planar)? Shape(VectorDataViewType type)
    {
        if (type.Dimensions is not [var first, var second, var third] || (type.ItemType != NumberDataViewType.Byte && type.ItemType != NumberDataViewType.Single))
            return null;
        return (first is 1 or 3, third is 1 or 3) switch
        {
            (false, true) => (first, second, third, false),
            (true, false) => (second, third, first, true),
            _ => null,
        };
    }

    static ArgumentOutOfRangeException Mismatch(string name, string actual) => MLNetErrors.OtherType("image", name, Expected, actual, "LoadRawImageBytes gives encoded files.");
}
