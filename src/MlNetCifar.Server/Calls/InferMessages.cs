using System.Runtime.InteropServices;
using Google.Protobuf;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Protos;
using MlNetCifar.Server.Requests;
using MlNetCifar.Server.Routes;

namespace MlNetCifar.Server.Calls;

/// <summary>Messages of the Open Inference Protocol to the requests that its REST form gives, and answers to messages.</summary>
internal static class InferMessages
{
    /// <summary>Reads a request.</summary>
    /// <exception cref="RequestFault">Malformed (400), too large (413), or of another shape or type than the model takes (422).</exception>
    public static InferRequest Read(ModelInferRequest message, ServingOptions options)
    {
        if (message.Inputs is not [var input])
            throw ServerErrors.Shape($"{message.Inputs.Count} inputs", "one");
        long[] shape = [.. input.Shape];
        InferRequest.Check(input.Datatype, shape, options);
        var id = message.Id.Length > 0 ? message.Id : null;
        var outputs = Wanted(message);
        if (message.RawInputContents.Count > 0)
        {
            if (message.RawInputContents.Count != 1 || input.Contents is not null)
                throw ServerErrors.Malformed("The input has both contents and raw_input_contents, or there are more raw contents than inputs.");
            return InferRequest.OfBytes(id, input.Datatype, shape, message.RawInputContents[0].Memory, outputs);
        }

        var contents = input.Contents ?? throw ServerErrors.Malformed("The input has no contents.", "Set contents, or raw_input_contents.");
        return input.Datatype switch
        {
            "BYTES" => InferRequest.OfFiles(id, shape, [.. contents.BytesContents.Select(file => file.Memory)], outputs),
            "UINT8" => InferRequest.OfBytes(id, input.Datatype, shape, Narrow(contents.UintContents), outputs),
            _ => InferRequest.OfBytes(id, input.Datatype, shape, MemoryMarshal.AsBytes(contents.Fp32Contents.ToArray().AsSpan()).ToArray(), outputs),
        };
    }

    /// <summary>Makes the message of an answer: raw where the request was.</summary>
    public static ModelInferResponse Write(ModelInferRequest message, LoadedModel model, InferRequest request, IReadOnlyList<Classification> answers)
    {
        var response = new ModelInferResponse { ModelName = model.Name, ModelVersion = model.IsVersioned ? model.VersionText : "", Id = message.Id };
        foreach (var tensor in new InferAnswer(model, request, answers).Tensors())
        {
            var output = new ModelInferResponse.Types.InferOutputTensor { Name = tensor.Name, Datatype = tensor.Type };
            output.Shape.Add(tensor.Shape);
            response.Outputs.Add(output);
            if (message.RawInputContents.Count > 0)
                response.RawOutputContents.Add(Raw(tensor));
            else
                output.Contents = Contents(tensor);
        }

        return response;
    }

    static List<WantedOutput> Wanted(ModelInferRequest message) =>
        [.. message.Outputs.Select(output => new WantedOutput(output.Name, IsBinary: false, output.Parameters.TryGetValue("classification", out var top) ? Top(top) : null))];

    static int Top(InferParameter parameter) => parameter is { ParameterChoiceCase: InferParameter.ParameterChoiceOneofCase.Int64Param, Int64Param: >= 1 and <= int.MaxValue }
        ? (int)parameter.Int64Param : throw ServerErrors.Malformed("'classification' is no whole number, at least 1.");

    static byte[] Narrow(IReadOnlyList<uint> values)
    {
        var bytes = new byte[values.Count];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = values[i] <= byte.MaxValue ? (byte)values[i] : throw ServerErrors.Shape($"element {i} = {values[i]}", "a whole number from 0 to 255");
        return bytes;
    }

    static ByteString Raw(OutputTensor tensor)
    {
        using var buffer = new MemoryStream();
        foreach (var value in tensor.Values)
            InferAnswer.WriteBytes(buffer, value);
        return UnsafeByteOperations.UnsafeWrap(buffer.ToArray());
    }

    static InferTensorContents Contents(OutputTensor tensor)
    {
        var contents = new InferTensorContents();
        foreach (var value in tensor.Values)
        {
            switch (value)
            {
                case float number:
                    contents.Fp32Contents.Add(number);
                    break;
                case int number:
                    contents.IntContents.Add(number);
                    break;
                case bool flag:
                    contents.BoolContents.Add(flag);
                    break;
                default:
                    contents.BytesContents.Add(ByteString.CopyFromUtf8((string)value));
                    break;
            }
        }

        return contents;
    }
}
