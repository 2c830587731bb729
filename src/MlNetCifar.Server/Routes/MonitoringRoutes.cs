using System.Text.Json;
using MlNetCifar.Server.Monitoring;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Server.Routes;

/// <summary>Numbers for those who run the server, and true labels from those who know them.</summary>
internal static class MonitoringRoutes
{
    const int MostFeedbackBytes = 64 << 10;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/metrics", (Delegate)MetricsAsync).WithSummary("Metrics in Prometheus's text format").Produces<string>(200, "text/plain");
        routes.MapPost("/feedback", (Delegate)FeedbackAsync).WithSummary("Tell the true label of an answer, by its request_id").Accepts<FeedbackJson>("application/json")
            .Produces<FeedbackAnswerJson>().Produces<ProblemJson>(404, "application/problem+json");
    }

    /// <summary>The rolling accuracy.</summary>
    public static FeedbackStateJson State(FeedbackTally tally)
    {
        var (count, right, low, high) = tally.Read();
        return new(count, right, count == 0 ? null : (double)right / count, low, high);
    }

    static Task MetricsAsync(HttpContext context)
    {
        context.Response.ContentType = PrometheusText.ContentType;
        return context.Response.WriteAsync(context.RequestServices.GetRequiredService<Serving>().Meter.Text.Write());
    }

    static async Task FeedbackAsync(HttpContext context)
    {
        var serving = context.RequestServices.GetRequiredService<Serving>();
        if (!Microsoft.Net.Http.Headers.MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type) || !PictureReader.IsJson(type))
            throw ServerErrors.WrongType(context.Request.ContentType, "application/json");
        var body = await BodyReader.ReadAsync(context.Request.Body, null, MostFeedbackBytes, RequestScope.Of(context).Stop).ConfigureAwait(false);
        var told = Read(body.Span);
        if (serving.Feedback.Take(told.RequestId) is not { } answer)
            throw new RequestFault(404, "MNC8012", $"No answer with the id '{ServerErrors.Shown(told.RequestId)}' is remembered, or its label was told already.", "Send the request_id of one of the last 100,000 answers.");
        var truth = answer.Tally.Classes.ToList().IndexOf(told.Label);
        if (truth < 0)
            throw ServerErrors.Parameter("label", told.Label, "a class of the model that answered");
        answer.Tally.Add(truth == answer.Class);
        serving.Candidates.Told(answer, truth);
        await Answer.WriteAsync(context, new FeedbackAnswerJson(truth == answer.Class, State(answer.Tally)), AnswerJson.Default.FeedbackAnswerJson).ConfigureAwait(false);
    }

    static FeedbackJson Read(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, AnswerJson.Default.FeedbackJson) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw ServerErrors.Malformed($"The body is not what is expected: {e.Message}", "Send {\"request_id\": \"…\", \"label\": \"…\"}.");
        }
    }
}
