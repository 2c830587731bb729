using System.Reflection;
using System.Text.Json;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Server.Routes;

/// <summary>The Open Inference Protocol, version 2 (REST), with its binary tensor extension.</summary>
internal static class ProtocolRoutes
{
    /// <summary>Name of every model's input.</summary>
    public const string InputName = "image";

    /// <summary>As metadata tell it.</summary>
    public const string ServerName = "mlnetcifar";

    /// <summary>What the models are.</summary>
    public const string Platform = "mlnetcifar_safetensors";

    /// <summary>Of this library.</summary>
    public static string ServerVersion { get; } = typeof(ProtocolRoutes).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v2", (Delegate)ServerAsync).WithSummary("Metadata of the server").WithMetadata(new ProtocolRoute());
        routes.MapGet("/v2/health/live", (Delegate)LiveAsync).WithSummary("Whether the server lives").WithMetadata(new ProtocolRoute(), new OpenRoute());
        routes.MapGet("/v2/health/ready", (Delegate)ReadyAsync).WithSummary("Whether requests are welcome").WithMetadata(new ProtocolRoute(), new OpenRoute());
        foreach (var path in new[] { "/v2/models/{model}", "/v2/models/{model}/versions/{version}" })
        {
            routes.MapGet(path, (Delegate)ModelAsync).WithSummary("Metadata of a model").WithMetadata(new ProtocolRoute());
            routes.MapGet(path + "/ready", (Delegate)ModelReadyAsync).WithSummary("Whether a model is ready").WithMetadata(new ProtocolRoute());
            routes.MapPost(path + "/infer", (Delegate)InferAsync).WithSummary("Probabilities, label, index and unknown of pictures").WithMetadata(new ProtocolRoute());
        }
    }

    /// <summary>Writes an object of a few members.</summary>
    public static async Task WriteAsync(HttpContext context, Action<Utf8JsonWriter> members, int status = 200)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = buffer.Length;
        await context.Response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length)).ConfigureAwait(false);
    }

    /// <summary>Uses a model of the route.</summary>
    public static async Task WithModelAsync(HttpContext context, Func<Serving, HeldModel, Task> use)
    {
        var serving = context.RequestServices.GetRequiredService<Serving>();
        using var held = new HeldModel(serving, context.Request.RouteValues["model"] as string, context.Request.RouteValues["version"] as string);
        await use(serving, held).ConfigureAwait(false);
    }

    static Task ServerAsync(HttpContext context) => WriteAsync(context, json =>
    {
        json.WriteString("name", ServerName);
        json.WriteString("version", ServerVersion);
        json.WriteStartArray("extensions");
        json.WriteStringValue("binary_tensor_data");
        json.WriteStringValue("classification");
        json.WriteEndArray();
    });

    static Task LiveAsync(HttpContext context) => WriteAsync(context, json => json.WriteBoolean("live", true));

    static Task ReadyAsync(HttpContext context)
    {
        var isReady = context.RequestServices.GetRequiredService<Serving>().WhyNotReady is null;
        return WriteAsync(context, Members, isReady ? 200 : 503);

        // The specification's text prints "live" where its clients look for "ready".
        void Members(Utf8JsonWriter json)
        {
            json.WriteBoolean("ready", isReady);
            json.WriteBoolean("live", true);
        }
    }

    static Task ModelReadyAsync(HttpContext context) => WithModelAsync(context, (serving, held) => WriteAsync(context, json =>
    {
        json.WriteString("name", held.Model.Name);
        json.WriteBoolean("ready", !serving.IsDraining);
    }, serving.IsDraining ? 503 : 200));

    static Task ModelAsync(HttpContext context) => WithModelAsync(context, (serving, held) => WriteAsync(context, json =>
    {
        var model = held.Model;
        json.WriteString("name", model.Name);
        if (model.IsVersioned)
        {
            json.WriteStartArray("versions");
            foreach (var version in serving.Store.Models[model.Name].Values)
                json.WriteStringValue(version.VersionText);
            json.WriteEndArray();
        }

        json.WriteString("platform", Platform);
        json.WriteStartArray("inputs");
        WriteTensor(json, InputName, "BYTES", [-1]);
        json.WriteEndArray();
        json.WriteStartArray("outputs");
        foreach (var (name, type, shape) in InferAnswer.Outputs(model))
            WriteTensor(json, name, type, shape);
        json.WriteEndArray();
        WriteParameters(json, model);
    }));

    /// <summary>What else a client may want to know; clients ignore what they do not.</summary>
    static void WriteParameters(Utf8JsonWriter json, LoadedModel model)
    {
        json.WriteStartObject("parameters");
        json.WriteString("sha256", model.Classifier.WeightsSha256);
        json.WriteString("alternative_inputs", "UINT8 [-1,H,W,C] 0 to 255; FP32 [-1,H,W,C] 0 to 1; C is 1 or 3; other sizes than the network's are resized");
        json.WriteNumber("width", model.Classifier.Preprocess.Width);
        json.WriteNumber("height", model.Classifier.Preprocess.Height);
        json.WriteStartArray("labels");
        foreach (var label in model.Classifier.Classes)
            json.WriteStringValue(label);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    static void WriteTensor(Utf8JsonWriter json, string name, string type, long[] shape)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("datatype", type);
        json.WriteStartArray("shape");
        foreach (var size in shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    static Task InferAsync(HttpContext context) => WithModelAsync(context, async (serving, held) =>
    {
        var scope = RequestScope.Of(context);
        using var ticket = serving.Admission.Body(BodyReader.Bound(context, serving.Options));
        var body = await BodyReader.ReadAsync(context.Request.Body, context.Request.ContentLength, serving.Options.MaxBodyBytes, scope.Stop).ConfigureAwait(false);
        var request = InferRequest.Read(body, context.Request.Headers["Inference-Header-Content-Length"], serving.Options);
        await held.AnswerAsync(scope.Id, async model =>
        {
            var answers = await request.AnswerAsync(serving, model, scope).ConfigureAwait(false);
            await new InferAnswer(model, request, answers).WriteAsync(context, scope.Stop).ConfigureAwait(false);
        }).ConfigureAwait(false);
    });
}
