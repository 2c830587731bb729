using System.Text.Json;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Server.Routes;

/// <summary>Names what is on pictures.</summary>
internal static class PredictRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/predict", (Delegate)PredictAsync).WithSummary("Name what is on one picture or several").Produces<PredictJson>()
            .Produces<ProblemJson>(400, "application/problem+json").Produces<ProblemJson>(413, "application/problem+json").Produces<ProblemJson>(415, "application/problem+json")
            .Produces<ProblemJson>(429, "application/problem+json").Produces<ProblemJson>(503, "application/problem+json");
        foreach (var path in new[] { "/predictions/{model}", "/predictions/{model}/{version}" })
            routes.MapMethods(path, ["POST", "PUT"], (Delegate)TorchServeAsync).WithSummary("Probabilities by label, as TorchServe answers");
    }

    /// <summary>Lets a body in, reads its pictures, and hands them on with a model that is held meanwhile.</summary>
    /// <param name="context">The request.</param>
    /// <param name="use">Scores, and then writes.</param>
    /// <param name="mayVary">Whether a canary may answer.</param>
    public static async Task WithPicturesAsync(HttpContext context, Func<Serving, LoadedModel, RequestScope, IReadOnlyList<SentPicture>, Choices, Task> use, bool mayVary = true)
    {
        var serving = context.RequestServices.GetRequiredService<Serving>();
        var scope = RequestScope.Of(context);
        var choices = Choices.Of(context);
        using var held = new HeldModel(serving, choices.Model, choices.Version);
        using var ticket = serving.Admission.Body(BodyReader.Bound(context, serving.Options));
        var pictures = await PictureReader.ReadAsync(context, serving.Options, scope.Stop).ConfigureAwait(false);
        if (mayVary)
            await held.AnswerAsync(scope.Id, model => use(serving, model, scope, pictures, choices)).ConfigureAwait(false);
        else
            await use(serving, held.Model, scope, pictures, choices).ConfigureAwait(false);
    }

    static Task PredictAsync(HttpContext context) => WithPicturesAsync(context, async (serving, model, scope, pictures, choices) =>
    {
        var scored = await Scoring.AllAsync(serving, model, scope, pictures, choices.Top).ConfigureAwait(false);
        var timings = TimingsJson.Of(scored, scope.Seconds);

        // Where there is nothing to answer, the request as a whole was at fault.
        if (scored.All(s => s.Answer is null))
            throw scored[0].Fault!;
        if (scored is [{ Answer: { } only }])
        {
            var answer = new PredictJson(Answer.Classes(only, choices), Answer.IsUnknown(only, choices), Answer.LabelSet(only), ModelJson.Of(model), timings, scope.Id);
            await Answer.WriteAsync(context, answer, AnswerJson.Default.PredictJson).ConfigureAwait(false);
            return;
        }

        var results = scored.Select((s, i) => s.Answer is { } found
            ? new ResultJson(pictures[i].Name, Answer.Classes(found, choices), Answer.IsUnknown(found, choices), Answer.LabelSet(found), null, $"{scope.Id}/{i}")
            : new ResultJson(pictures[i].Name, null, null, null, ProblemJson.Of(s.Fault!), $"{scope.Id}/{i}"));
        await Answer.WriteAsync(context, new PredictManyJson([.. results], ModelJson.Of(model), timings), AnswerJson.Default.PredictManyJson).ConfigureAwait(false);
    });

    static Task TorchServeAsync(HttpContext context) => WithPicturesAsync(context, async (serving, model, scope, pictures, choices) =>
    {
        var scored = await Scoring.AllAsync(serving, model, scope, pictures, choices.Top).ConfigureAwait(false);
        if (scored.FirstOrDefault(s => s.Fault is not null) is { } bad)
            throw bad.Fault!;
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            if (scored.Length > 1)
                json.WriteStartArray();
            foreach (var answer in scored.Select(s => s.Answer!))
            {
                json.WriteStartObject();
                foreach (var prediction in Answer.Classes(answer, choices))
                    json.WriteNumber(prediction.Label, prediction.Probability);
                json.WriteEndObject();
            }

            if (scored.Length > 1)
                json.WriteEndArray();
        }

        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), scope.Stop).ConfigureAwait(false);
    });
}
