using System.Text.Json;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Server.Routes;

/// <summary>KServe's protocol, version 1.</summary>
internal static class KServeRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", (Delegate)ListAsync).WithSummary("Names of the models").WithMetadata(new ProtocolRoute());
        routes.MapGet("/v1/models/{model}", (Delegate)ModelAsync).WithSummary("Whether a model is ready").WithMetadata(new ProtocolRoute());
        routes.MapPost("/v1/models/{model}:predict", (Delegate)PredictAsync).WithSummary("Predictions of instances, as KServe's version 1 answers").WithMetadata(new ProtocolRoute());
    }

    static Task ListAsync(HttpContext context) => ProtocolRoutes.WriteAsync(context, json =>
    {
        json.WriteStartArray("models");
        foreach (var name in context.RequestServices.GetRequiredService<Serving>().Store.Models.Keys)
            json.WriteStringValue(name);
        json.WriteEndArray();
    });

    static Task ModelAsync(HttpContext context) => ProtocolRoutes.WithModelAsync(context, (serving, held) => ProtocolRoutes.WriteAsync(context, json =>
    {
        json.WriteString("name", held.Model.Name);
        json.WriteBoolean("ready", !serving.IsDraining);
    }));

    static Task PredictAsync(HttpContext context) => ProtocolRoutes.WithModelAsync(context, async (serving, held) =>
    {
        var scope = RequestScope.Of(context);
        using var ticket = serving.Admission.Body(BodyReader.Bound(context, serving.Options));
        var body = await BodyReader.ReadAsync(context.Request.Body, context.Request.ContentLength, serving.Options.MaxBodyBytes, scope.Stop).ConfigureAwait(false);
        var choices = Choices.Of(context);
        var pictures = PictureReader.Parse(body, root => Pictures(root, serving.Options));
        await held.AnswerAsync(scope.Id, async model =>
        {
            var scored = await Scoring.AllAsync(serving, model, scope, pictures, choices.Top).ConfigureAwait(false);
            if (scored.FirstOrDefault(s => s.Fault is not null) is { } bad)
                throw bad.Fault!;
            await ProtocolRoutes.WriteAsync(context, json =>
            {
                json.WriteStartArray("predictions");
                foreach (var answer in scored.Select(s => s.Answer!))
                    WriteAnswer(json, answer, choices);
                json.WriteEndArray();
            }).ConfigureAwait(false);
        }).ConfigureAwait(false);
    });

    static void WriteAnswer(Utf8JsonWriter json, Classification answer, Choices choices)
    {
        json.WriteStartObject();
        json.WriteStartArray("predictions");
        foreach (var (label, index, probability) in Answer.Classes(answer, choices))
        {
            json.WriteStartObject();
            json.WriteString("label", label);
            json.WriteNumber("index", index);
            json.WriteNumber("probability", probability);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteBoolean("unknown", Answer.IsUnknown(answer, choices));
        json.WriteEndObject();
    }

    /// <summary>Instances are texts in base64, or objects that hold one under <c>b64</c>, directly or one level down.</summary>
    static List<SentPicture> Pictures(JsonElement root, ServingOptions options)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("instances", out var instances)
            || instances.ValueKind != JsonValueKind.Array || instances.GetArrayLength() == 0)
            throw ServerErrors.Malformed("There are no instances in the body.", "Send {\"instances\": [{\"image\": {\"b64\": \"BASE64\"}}]}.");
        PictureReader.CheckCount(instances.GetArrayLength(), options);
        return [.. instances.EnumerateArray().Select((instance, i) => new SentPicture(null, PictureReader.Base64(Text(instance), $"'instances[{i}]'")))];
    }

    static JsonElement Text(JsonElement instance)
    {
        // {"b64": …}, {"image": {"b64": …}} and {"image": "…"}.
        for (var depth = 0; depth < 2 && instance.ValueKind == JsonValueKind.Object; depth++)
        {
            if (instance.TryGetProperty("b64", out var text))
                return text;
            using var members = instance.EnumerateObject();
            if (!members.MoveNext())
                return instance;
            instance = members.Current.Value;
        }

        return instance;
    }
}
