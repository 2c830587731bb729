using System.Text.Json.Serialization;

namespace MlNetCifar.Client;

/// <summary>A problem (RFC 9457).</summary>
internal sealed record Problem(string? Detail = null, int? Status = null, string? Code = null, string? Action = null, string? RequestId = null);

/// <summary>One of several pictures.</summary>
internal sealed record Result(string RequestId, IReadOnlyList<PredictedLabel>? Predictions = null, bool? Unknown = null, IReadOnlyList<PredictedLabel>? LabelSet = null, Problem? Error = null);

/// <summary>Several pictures.</summary>
internal sealed record Results([property: JsonPropertyName("results")] IReadOnlyList<Result> All, AnsweringModel Model);

/// <summary>A true label.</summary>
internal sealed record Told(string RequestId, string Label);

/// <summary>What became of it.</summary>
internal sealed record ToldAnswer(bool Right);

/// <summary>The state of the server.</summary>
internal sealed record Health(IReadOnlyList<ServedModel> Models);

/// <summary>Reads and writes without reflection. What a newer server adds is ignored.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(PictureAnswer))]
[JsonSerializable(typeof(Results))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(Told))]
[JsonSerializable(typeof(ToldAnswer))]
[JsonSerializable(typeof(Health))]
internal sealed partial class ClientJson : JsonSerializerContext;
