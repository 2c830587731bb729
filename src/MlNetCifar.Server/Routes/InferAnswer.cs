using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Server.Routes;

/// <summary>An output of an answer.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">FP32, INT32, BOOL or BYTES.</param>
/// <param name="Shape">Pictures first.</param>
/// <param name="Values">float, int, bool or string, row by row.</param>
/// <param name="IsBinary">Whether as bytes behind the JSON.</param>
internal sealed record OutputTensor(string Name, string Type, long[] Shape, IEnumerable<object> Values, bool IsBinary);

/// <summary>Answers of the Open Inference Protocol: tensors, and how REST writes them: in JSON, or as bytes behind it.</summary>
internal sealed class InferAnswer(LoadedModel model, InferRequest request, IReadOnlyList<Classification> answers)
{
    /// <summary>Names, types and shapes of the outputs; −1 stands for the number of pictures.</summary>
    public static IReadOnlyList<(string Name, string Type, long[] Shape)> Outputs(LoadedModel model) =>
    [
        ("probabilities", "FP32", [-1, model.Classifier.Classes.Length]),
        ("label", "BYTES", [-1]),
        ("index", "INT32", [-1]),
        ("unknown", "BOOL", [-1]),
    ];

    readonly MemoryStream _binary = new();

    /// <summary>The outputs that are asked for; all of them where none is.</summary>
    /// <exception cref="RequestFault">An output is not known (400).</exception>
    public IReadOnlyList<OutputTensor> Tensors()
    {
        var known = Outputs(model);
        var wanted = request.Outputs.Count > 0 ? request.Outputs : [.. known.Select(o => new WantedOutput(o.Name, request.IsBinary, null))];
        return [.. wanted.Select(Tensor)];

        OutputTensor Tensor(WantedOutput output)
        {
            if (known.FirstOrDefault(o => o.Name == output.Name) is not { Name: not null } found)
                throw ServerErrors.Malformed($"There is no output '{ServerErrors.Shown(output.Name)}'.", $"Ask for {string.Join(", ", known.Select(o => o.Name))}.");
            return output.Top is { } top ? Classes(output, top)
                : new(output.Name, found.Type, [answers.Count, .. found.Shape[1..]], answers.SelectMany(Values(output.Name)), output.IsBinary);
        }
    }

    /// <summary>Writes the whole response.</summary>
    /// <exception cref="RequestFault">An output is not known (400).</exception>
    public async Task WriteAsync(HttpContext context, CancellationToken cancellation)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            WriteJson(json);
        var response = context.Response;
        response.ContentType = _binary.Length > 0 ? "application/octet-stream" : "application/json";
        response.ContentLength = buffer.WrittenCount + _binary.Length;
        if (_binary.Length > 0)
            response.Headers["Inference-Header-Content-Length"] = buffer.WrittenCount.ToString(CultureInfo.InvariantCulture);
        await response.Body.WriteAsync(buffer.WrittenMemory, cancellation).ConfigureAwait(false);
        if (_binary.Length > 0)
            await response.Body.WriteAsync(_binary.GetBuffer().AsMemory(0, (int)_binary.Length), cancellation).ConfigureAwait(false);
    }

    void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("model_name", model.Name);
        if (model.IsVersioned)
            json.WriteString("model_version", model.VersionText);
        if (request.Id is not null)
            json.WriteString("id", request.Id);
        json.WriteStartArray("outputs");
        foreach (var tensor in Tensors())
            Write(json, tensor);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>"PROBABILITY:INDEX:LABEL", as Triton writes it.</summary>
    OutputTensor Classes(WantedOutput output, int top)
    {
        top = Math.Min(top, model.Classifier.Classes.Length);
        var values = answers.SelectMany(a => a.Predictions.Take(top)).Select(p => (object)FormattableString.Invariant($"{p.Probability}:{p.Index}:{p.Label}"));
        return new(output.Name, "BYTES", [answers.Count, top], values, output.IsBinary);
    }

    Func<Classification, IEnumerable<object>> Values(string output) => output switch
    {
        "probabilities" => answer => answer.Predictions.OrderBy(p => p.Index).Select(p => (object)p.Probability),
        "label" => answer => [answer.Predictions[0].Label],
        "index" => answer => [answer.Predictions[0].Index],
        _ => answer => [answer.IsUnknown],
    };

    void Write(Utf8JsonWriter json, OutputTensor output)
    {
        json.WriteStartObject();
        json.WriteString("name", output.Name);
        json.WriteString("datatype", output.Type);
        json.WriteStartArray("shape");
        foreach (var size in output.Shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        if (output.IsBinary)
        {
            var before = _binary.Length;
            foreach (var value in output.Values)
                WriteBytes(_binary, value);
            json.WriteStartObject("parameters");
            json.WriteNumber("binary_data_size", _binary.Length - before);
            json.WriteEndObject();
        }
        else
        {
            json.WriteStartArray("data");
            foreach (var value in output.Values)
                WriteValue(json, value);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    static void WriteValue(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case float number:
                json.WriteNumberValue(number);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            default:
                json.WriteStringValue((string)value);
                break;
        }
    }

    /// <summary>Writes an element as the protocol's bytes.</summary>
    public static void WriteBytes(Stream stream, object value)
    {
        Span<byte> four = stackalloc byte[4];
        switch (value)
        {
            case float number:
                BinaryPrimitives.WriteSingleLittleEndian(four, number);
                stream.Write(four);
                break;
            case int number:
                BinaryPrimitives.WriteInt32LittleEndian(four, number);
                stream.Write(four);
                break;
            case bool flag:
                stream.WriteByte(flag ? (byte)1 : (byte)0);
                break;
            default:
                var text = Encoding.UTF8.GetBytes((string)value);
                BinaryPrimitives.WriteInt32LittleEndian(four, text.Length);
                stream.Write(four);
                stream.Write(text);
                break;
        }
    }
}
