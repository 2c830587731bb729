using System.Globalization;
using MlNetCifar.Explain;
using MlNetCifar.Imaging;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Server.Routes;

/// <summary>Shows where on a picture a class was seen.</summary>
internal static class ExplainRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var path in new[] { "/explain", "/explanations/{model}", "/explanations/{model}/{version}" })
        {
            routes.MapPost(path, (Delegate)ExplainAsync).WithSummary("Grad-CAM of a picture: a PNG, or numbers where the client accepts JSON only").Produces<ExplainJson>()
                .Produces(200, null, "image/png").Produces<ProblemJson>(400, "application/problem+json").Produces<ProblemJson>(422, "application/problem+json");
        }
    }

    static Task ExplainAsync(HttpContext context) => PredictRoutes.WithPicturesAsync(context, async (serving, model, scope, pictures, choices) =>
    {
        if (pictures.Count != 1)
            throw ServerErrors.Malformed($"There are {pictures.Count} pictures; one at a time is explained.");
        var (size, fault) = Scoring.Size(pictures[0].Bytes, model);
        if (fault is not null)
            throw fault;
        var target = Target(context, model);
        using var ticket = serving.Admission.PicturesOf(1, size);
        var pixels = Scoring.Preprocess(model, pictures[0].Bytes, scope.Stop);
        var (map, layer) = await model.ExplainAsync(pixels, target, scope.Stop).ConfigureAwait(false);
        if (WantsJson(context.Request))
        {
            var json = new ExplainJson(
                model.Classifier.Classes[map.Class], map.Class, map.Probability, layer, map.Width, map.Height, map.Values, map.Degenerate, ModelJson.Of(model));
            await Answer.WriteAsync(context, json, AnswerJson.Default.ExplainJson).ConfigureAwait(false);
            return;
        }

        var photograph = RgbImage.Decode(pictures[0].Bytes.Span, model.Limits with { ApplyOrientation = model.Classifier.Preprocess.ApplyOrientation, Cancellation = scope.Stop });
        var caption = string.Create(CultureInfo.InvariantCulture, $"{model.Classifier.Classes[map.Class]} {map.Probability:0.0%}");
        var drawn = HeatmapOverlay.DrawCaptioned(map, photograph, model.Classifier.Preprocess, caption);
        var png = drawn.ToPng();
        context.Response.ContentType = "image/png";
        context.Response.ContentLength = png.Length;
        await context.Response.Body.WriteAsync(png, scope.Stop).ConfigureAwait(false);
    }, mayVary: false);

    /// <summary>JSON where it is asked for and no picture is.</summary>
    static bool WantsJson(HttpRequest request)
    {
        var accepted = request.GetTypedHeaders().Accept;
        return accepted.Any(a => a.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)) && !accepted.Any(a => a.Type.Equals("image", StringComparison.OrdinalIgnoreCase));
    }

    static int? Target(HttpContext context, LoadedModel model)
    {
        string? text = context.Request.Query["class"];
        if (text is null)
            return null;
        var index = model.Classifier.Classes.IndexOf(text);
        if (index >= 0 || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out index) && index < model.Classifier.Classes.Length))
            return index;
        throw ServerErrors.Parameter("class", text, $"a class of the model, or 0 to {model.Classifier.Classes.Length - 1}");
    }
}
