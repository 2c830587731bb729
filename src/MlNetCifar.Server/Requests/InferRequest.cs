using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using MlNetCifar.Server.Models;

namespace MlNetCifar.Server.Requests;

/// <summary>An output that a client asks for.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsBinary">Whether as bytes behind the JSON.</param>
/// <param name="Top">Classes as Triton's classification extension gives them; null for the tensor.</param>
internal sealed record WantedOutput(string Name, bool IsBinary, int? Top);

/// <summary>A request of the Open Inference Protocol, version 2: one input, in JSON or as bytes behind it. Parameters that are not known are ignored.</summary>
/// <param name="Id">To be sent back; null for none.</param>
/// <param name="Shape">Of the input.</param>
/// <param name="Type">BYTES, UINT8 or FP32.</param>
/// <param name="Files">Encoded pictures of a BYTES input.</param>
/// <param name="Pixels">Bytes of a UINT8 or FP32 input; FP32 values 0 … 1 rounded to 8 bits, as a picture's file has them.</param>
/// <param name="Outputs">What is asked for; empty for everything.</param>
/// <param name="IsBinary">Whether outputs are bytes where they do not say otherwise.</param>
internal sealed record InferRequest(
    string? Id, long[] Shape, string Type, IReadOnlyList<ReadOnlyMemory<byte>> Files, byte[] Pixels, IReadOnlyList<WantedOutput> Outputs, bool IsBinary)
{
    const int MostDimensions = 4;

    /// <summary>Reads a body.</summary>
    /// <param name="body">JSON, and behind it the bytes of binary tensors.</param>
    /// <param name="jsonLength">Value of <c>Inference-Header-Content-Length</c>; null where the whole body is JSON.</param>
    /// <param name="options">Limits.</param>
    /// <exception cref="RequestFault">Malformed (400), too large (413), or of another shape or type than the model takes (422).</exception>
    public static InferRequest Read(ReadOnlyMemory<byte> body, string? jsonLength, ServingOptions options)
    {
        var length = body.Length;
        if (jsonLength is not null && (!int.TryParse(jsonLength, NumberStyles.None, CultureInfo.InvariantCulture, out length) || length < 1 || length > body.Length))
            throw ServerErrors.Parameter("Inference-Header-Content-Length", jsonLength, $"a whole number from 1 to the body's {body.Length} bytes");
        return PictureReader.Parse(body[..length], root => Read(Object(root, "The body"), body, length, options));
    }

    static InferRequest Read(JsonElement root, ReadOnlyMemory<byte> body, int length, ServingOptions options)
    {
        var inputs = Member(root, "inputs", JsonValueKind.Array, "The body");
        if (inputs.GetArrayLength() != 1)
            throw ServerErrors.Shape($"{inputs.GetArrayLength()} inputs", "one");
        var input = Object(inputs[0], "The input");
        Member(input, "name", JsonValueKind.String, "The input");
        var type = Member(input, "datatype", JsonValueKind.String, "The input").GetString()!;
        var shape = ShapeOf(input);
        Check(type, shape, options);
        var binary = BinarySize(input);
        if (binary is null && length < body.Length)
            throw ServerErrors.Malformed($"{body.Length - length} bytes follow the JSON, and no input claims them.", "Set the input's parameter binary_data_size.");
        if (binary is { } size && size != body.Length - length)
            throw ServerErrors.Malformed($"binary_data_size is {size}, and {body.Length - length} bytes follow the JSON.");
        var data = binary is null ? new Tensor(Member(input, "data", JsonValueKind.Array, "The input")) : new Tensor(body[length..]);
        return new(
            root.TryGetProperty("id", out var id) ? id.ValueKind == JsonValueKind.String ? id.GetString() : throw ServerErrors.Malformed("'id' is no text.") : null, shape, type,
            type == "BYTES" ? data.Files(shape[0]) : [], type == "BYTES" ? [] : data.Pixels(type, shape), Wanted(root), Flag(root, "binary_data_output"));
    }

    /// <summary>A request whose input is the protocol's bytes. Type and shape are checked.</summary>
    /// <exception cref="RequestFault">The bytes are not what the shape says (400, 422).</exception>
    public static InferRequest OfBytes(string? id, string type, long[] shape, ReadOnlyMemory<byte> bytes, IReadOnlyList<WantedOutput> outputs)
    {
        var data = new Tensor(bytes);
        return new(id, shape, type, type == "BYTES" ? data.Files(shape[0]) : [], type == "BYTES" ? [] : data.Pixels(type, shape), outputs, IsBinary: false);
    }

    /// <summary>A request of encoded pictures. The shape is checked.</summary>
    /// <exception cref="RequestFault">There are more or fewer than the shape says (422).</exception>
    public static InferRequest OfFiles(string? id, long[] shape, IReadOnlyList<ReadOnlyMemory<byte>> files, IReadOnlyList<WantedOutput> outputs) =>
        new(id, shape, "BYTES", files.Count == shape[0] ? files : throw Miscounted(files.Count, shape[0]), [], outputs, IsBinary: false);

    /// <summary>One answer a picture.</summary>
    /// <exception cref="RequestFault">A picture cannot be used, or there is too much to do.</exception>
    public async Task<IReadOnlyList<Classification>> AnswerAsync(Serving serving, LoadedModel model, RequestScope scope)
    {
        if (Type != "BYTES")
            return await Scoring.AllAsync(serving, model, scope, Pictures()).ConfigureAwait(false);
        var scored = await Scoring.AllAsync(serving, model, scope, [.. Files.Select(f => new SentPicture(null, f))], model.Classifier.Classes.Length).ConfigureAwait(false);
        return [.. scored.Select(s => s.Answer ?? throw s.Fault!)];
    }

    /// <summary>The pictures of a tensor, decoded.</summary>
    public IReadOnlyList<RgbImage> Pictures()
    {
        var (count, height, width, channels) = ((int)Shape[0], (int)Shape[1], (int)Shape[2], (int)Shape[3]);
        var pictures = new RgbImage[count];
        for (var i = 0; i < count; i++)
        {
            var pixels = Pixels.AsSpan(i * height * width * channels, height * width * channels);
            if (channels == 3)
            {
                pictures[i] = RgbImage.FromPixels(pixels, width, height);
                continue;
            }

            pictures[i] = new RgbImage(width, height);
            for (var p = 0; p < pixels.Length; p++)
                pictures[i].Pixels.Slice(3 * p, 3).Fill(pixels[p]);
        }

        return pictures;
    }

    /// <summary>Refuses types and shapes that no model takes.</summary>
    /// <exception cref="RequestFault">Too large (413), or another type or shape (422).</exception>
    public static void Check(string type, long[] shape, ServingOptions options)
    {
        if (type is not ("BYTES" or "UINT8" or "FP32"))
            throw ServerErrors.Shape($"datatype '{ServerErrors.Shown(type)}'", "BYTES, UINT8 or FP32");
        if (shape.Length is 0 or > MostDimensions)
            throw ServerErrors.Shape($"a shape of {shape.Length} dimensions", "[N] for BYTES, [N, H, W, C] for UINT8 and FP32");
        var text = $"shape [{string.Join(',', shape)}]";
        if (shape.Any(size => size is < 1 or > int.MaxValue))
            throw ServerErrors.Shape(text, "whole numbers, at least 1");
        PictureReader.CheckCount(shape[0], options);
        if (type == "BYTES")
        {
            if (shape.Skip(1).Any(size => size != 1))
                throw ServerErrors.Shape(text, "[N] or [N, 1]");
            return;
        }

        if (shape is not [_, _, _, 1 or 3])
            throw ServerErrors.Shape(text, "[N, H, W, C] with 1 or 3 channels");
        if (Math.Max(shape[1], shape[2]) > options.MaxDimension)
            throw ServerErrors.TooLarge("Pixels of the picture's longer side", Math.Max(shape[1], shape[2]), options.MaxDimension);
        if (shape[1] * shape[2] > options.MaxPicturePixels || shape[0] * shape[1] * shape[2] * shape[3] > options.MaxBodyBytes * 4)
            throw ServerErrors.TooLarge("Pixels of the picture", shape[1] * shape[2], options.MaxPicturePixels);
    }

    static long[] ShapeOf(JsonElement input)
    {
        var given = Member(input, "shape", JsonValueKind.Array, "The input");
        return [.. given.EnumerateArray().Select(d => d.ValueKind == JsonValueKind.Number && d.TryGetInt64(out var size) ? size : throw ServerErrors.Shape($"shape {ServerErrors.Shown(given.GetRawText())}", "whole numbers, at least 1"))];
    }

    static List<WantedOutput> Wanted(JsonElement root)
    {
        var wanted = new List<WantedOutput>();
        if (!root.TryGetProperty("outputs", out var outputs))
            return wanted;
        if (outputs.ValueKind != JsonValueKind.Array || outputs.GetArrayLength() > 16)
            throw ServerErrors.Malformed("'outputs' is no array of at most 16.");
        var all = Flag(root, "binary_data_output");
        foreach (var output in outputs.EnumerateArray())
        {
            var name = Member(Object(output, "An output"), "name", JsonValueKind.String, "An output").GetString()!;
            var top = Parameter(output, "classification") is { } value
                ? value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count >= 1 ? count : throw ServerErrors.Malformed("'classification' is no whole number, at least 1.")
                : (int?)null;
            wanted.Add(new(name, Parameter(output, "binary_data") is null ? all : Flag(output, "binary_data"), top));
        }

        return wanted;
    }

    static long? BinarySize(JsonElement input) => Parameter(input, "binary_data_size") is not { } size ? null
        : size.ValueKind == JsonValueKind.Number && size.TryGetInt64(out var bytes) && bytes >= 0 ? bytes : throw ServerErrors.Malformed("'binary_data_size' is no whole number, at least 0.");

    static bool Flag(JsonElement owner, string name) => Parameter(owner, name) is { } value
        && (value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw ServerErrors.Malformed($"'{name}' is neither true nor false."));

    static JsonElement? Parameter(JsonElement owner, string name) => !owner.TryGetProperty("parameters", out var parameters) ? null
        : parameters.ValueKind != JsonValueKind.Object ? throw ServerErrors.Malformed("'parameters' is no object.")
        : parameters.TryGetProperty(name, out var value) ? value : null;

    static RequestFault Miscounted(long found, long expected) => ServerErrors.Shape($"{found} elements", $"{expected}, as the shape says");

    static JsonElement Object(JsonElement element, string what) => element.ValueKind == JsonValueKind.Object ? element : throw ServerErrors.Malformed($"{what} is no object.");

    static JsonElement Member(JsonElement owner, string name, JsonValueKind kind, string what) => owner.TryGetProperty(name, out var value) && value.ValueKind == kind ? value
        : throw ServerErrors.Malformed($"{what} has no '{name}' that is {(kind == JsonValueKind.Array ? "an array" : "text")}.");

    /// <summary>The content of an input: JSON, flat or nested, or bytes.</summary>
    readonly struct Tensor
    {
        readonly JsonElement _json;
        readonly ReadOnlyMemory<byte>? _bytes;

        public Tensor(JsonElement json) => _json = json;

        public Tensor(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

        public IReadOnlyList<ReadOnlyMemory<byte>> Files(long count)
        {
            var files = new List<ReadOnlyMemory<byte>>();
            if (_bytes is not { } left)
            {
                foreach (var text in Flat(_json))
                    files.Add(PictureReader.Base64(text, $"'data[{files.Count}]'"));
            }
            else
            {
                while (left.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(left.Span) is var length && length <= left.Length - 4)
                {
                    files.Add(left.Slice(4, (int)length));
                    left = left[(4 + (int)length)..];
                }

                if (left.Length > 0)
                    throw ServerErrors.Malformed($"The input ends within an element: {left.Length} bytes are left.");
            }

            return files.Count == count ? files : throw Miscounted(files.Count, count);
        }

        public byte[] Pixels(string type, long[] shape)
        {
            var pixels = new byte[shape[0] * shape[1] * shape[2] * shape[3]];
            if (_bytes is { } bytes)
            {
                var size = type == "UINT8" ? 1 : 4;
                if (bytes.Length != (long)size * pixels.Length)
                    throw ServerErrors.Shape($"{bytes.Length} bytes", $"{(long)size * pixels.Length}, as the shape says");
                for (var i = 0; i < pixels.Length; i++)
                    pixels[i] = size == 1 ? bytes.Span[i] : Rounded(BinaryPrimitives.ReadSingleLittleEndian(bytes.Span[(4 * i)..]));
                return pixels;
            }

            var at = 0;
            foreach (var value in Flat(_json))
            {
                if (at == pixels.Length)
                    throw ServerErrors.Shape("more elements", $"{pixels.Length}, as the shape says");
                if (value.ValueKind != JsonValueKind.Number)
                    throw ServerErrors.Malformed($"'data[{at}]' is no number.");
                pixels[at++] = type == "UINT8"
                    ? value.TryGetByte(out var b) ? b : throw ServerErrors.Shape($"'data[{at}]' = {ServerErrors.Shown(value.GetRawText())}", "a whole number from 0 to 255")
                    : Rounded(value.TryGetSingle(out var f) ? f : float.NaN);
            }

            return at == pixels.Length ? pixels : throw Miscounted(at, pixels.Length);
        }

        static byte Rounded(float value) => value is >= 0 and <= 1 ? (byte)MathF.Round(255 * value) : throw ServerErrors.Shape(FormattableString.Invariant($"a pixel of {value}"), "a number from 0 to 1");

        static IEnumerable<JsonElement> Flat(JsonElement element)
        {
            foreach (var item in element.EnumerateArray())
            {
                if (item.ValueKind != JsonValueKind.Array)
                {
                    yield return item;
                    continue;
                }

                foreach (var inner in Flat(item))
                    yield return inner;
            }
        }
    }
}
