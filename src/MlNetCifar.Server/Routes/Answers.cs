using System.Text.Json;
using System.Text.Json.Serialization;
using MlNetCifar.Server.Candidates;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Monitoring;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Server.Routes;

/// <summary>One class of an answer.</summary>
internal sealed record PredictionJson(string Label, int Index, float Probability);

/// <summary>Which model answered.</summary>
/// <param name="Name">Served under.</param>
/// <param name="Version">Of the file.</param>
/// <param name="Sha256">Of the weights.</param>
/// <param name="Role">"canary" where the candidate answered; null otherwise.</param>
internal sealed record ModelJson(string Name, string Version, string Sha256, string? Role = null)
{
    public static ModelJson Of(LoadedModel model) => new(model.Name, model.VersionText, model.Classifier.WeightsSha256, model.IsCandidate ? "canary" : null);
}

/// <summary>Milliseconds of the parts of a request.</summary>
internal sealed record TimingsJson(double Decode, double Queue, double Score, double Total)
{
    public static TimingsJson Of(IReadOnlyCollection<Scored> scored, double total) => new(
        Milliseconds(scored.Sum(s => s.Decode)), Milliseconds(scored.Max(s => s.Queue)), Milliseconds(scored.Max(s => s.Score)), Milliseconds(total));

    static double Milliseconds(double seconds) => Math.Round(1000 * seconds, 3);
}

/// <summary>The answer for one picture.</summary>
internal sealed record PredictJson(
    IReadOnlyList<PredictionJson> Predictions, bool Unknown, IReadOnlyList<PredictionJson>? LabelSet, ModelJson Model, TimingsJson TimingsMs, string RequestId);

/// <summary>One of several pictures: an answer, or a problem in its place.</summary>
internal sealed record ResultJson(string? File, IReadOnlyList<PredictionJson>? Predictions, bool? Unknown, IReadOnlyList<PredictionJson>? LabelSet, ProblemJson? Error, string RequestId);

/// <summary>The answers for several pictures, in their order.</summary>
internal sealed record PredictManyJson(IReadOnlyList<ResultJson> Results, ModelJson Model, TimingsJson TimingsMs);

/// <summary>A problem (RFC 9457).</summary>
internal sealed record ProblemJson(string Type, string Title, int Status, string Detail, string Code, string? Action = null, string? RequestId = null)
{
    public static ProblemJson Of(RequestFault fault) => new(
        $"urn:mlnetcifar:error:{fault.Code}", Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(fault.Status), fault.Status, fault.Message, fault.Code, fault.Action);
}

/// <summary>Where on a picture a class was seen: values 0 … 1, row by row.</summary>
internal sealed record ExplainJson(string Label, int Index, float Probability, string Layer, int Width, int Height, IReadOnlyList<float> Values, bool Degenerate, ModelJson Model);

/// <summary>Whether the server is well.</summary>
internal sealed record HealthJson(string Status, string? Reason, IReadOnlyList<ModelStateJson> Models, IReadOnlyList<ModelFaultJson> Faults, double UptimeSeconds);

/// <summary>A model that is served.</summary>
internal sealed record ModelStateJson(
    string Name, string Version, string Sha256, IReadOnlyList<string> Classes, int Width, int Height, bool Calibrated, FeedbackStateJson Feedback, DriftStateJson? Drift, CandidateState? Candidate = null);

/// <summary>A file that could not be loaded.</summary>
internal sealed record ModelFaultJson(string File, string Code, string Detail);

/// <summary>Rolling accuracy by the labels that were told.</summary>
internal sealed record FeedbackStateJson(int Count, int Right, double? Accuracy, double Low, double High);

/// <summary>What was compared with the reference so far.</summary>
internal sealed record DriftStateJson(long Windows, long Alarms, IReadOnlyList<DriftReading> Last);

/// <summary>A route.</summary>
internal sealed record RouteJson(string Path, IReadOnlyList<string> Methods);

/// <summary>All routes.</summary>
internal sealed record RoutesJson(IReadOnlyList<RouteJson> Routes);

/// <summary>A short state.</summary>
internal sealed record StatusJson(string Status);

/// <summary>A true label, told later.</summary>
internal sealed record FeedbackJson(string RequestId, string Label);

/// <summary>What became of a label.</summary>
internal sealed record FeedbackAnswerJson(bool Right, FeedbackStateJson Rolling);

/// <summary>Reads and writes without reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(PredictJson))]
[JsonSerializable(typeof(PredictManyJson))]
[JsonSerializable(typeof(ProblemJson))]
[JsonSerializable(typeof(ExplainJson))]
[JsonSerializable(typeof(HealthJson))]
[JsonSerializable(typeof(RoutesJson))]
[JsonSerializable(typeof(StatusJson))]
[JsonSerializable(typeof(FeedbackJson))]
[JsonSerializable(typeof(FeedbackAnswerJson))]
internal sealed partial class AnswerJson : JsonSerializerContext;

/// <summary>Makes and writes answers.</summary>
internal static class Answer
{
    /// <summary>Writes an object as JSON.</summary>
    public static Task WriteAsync<T>(HttpContext context, T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, int status = 200)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value, type);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes).AsTask();
    }

    /// <summary>The classes of an answer that reach the threshold.</summary>
    public static IReadOnlyList<PredictionJson> Classes(Classification answer, Choices choices) =>
        [.. answer.Predictions.Where(p => p.Probability >= choices.Threshold).Take(choices.Top).Select(Of)];

    /// <summary>Whether the answer is unknown: the model says so, or no class reaches the threshold.</summary>
    public static bool IsUnknown(Classification answer, Choices choices) => answer.IsUnknown || answer.Predictions[0].Probability < choices.Threshold;

    /// <summary>The label set of a calibrated model.</summary>
    public static IReadOnlyList<PredictionJson>? LabelSet(Classification answer) => answer.LabelSet is { } set ? [.. set.Select(Of)] : null;

    static PredictionJson Of(Prediction p) => new(p.Label, p.Index, p.Probability);
}
