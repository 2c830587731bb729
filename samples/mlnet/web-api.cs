#:sdk Microsoft.NET.Sdk.Web
#:project ../../src/MlNetCifar.MLNet/MlNetCifar.MLNet.csproj
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// Names what is on pictures that are posted to it, with pooled prediction engines: an engine is for one thread at a time.
// dotnet run -c Release samples/mlnet/web-api.cs -- model.zip --urls http://127.0.0.1:5000        (a pipeline that was trained on a column of bytes, "Image")
// curl --data-binary @photo.jpg http://127.0.0.1:5000/predict
using Microsoft.Extensions.ObjectPool;
using Microsoft.ML;
using MlNetCifar;
using MlNetCifar.MLNet;

var builder = WebApplication.CreateBuilder(args[1..]);
builder.Services.AddSingleton(new DefaultObjectPoolProvider().Create(new Engines(args[0])));
var app = builder.Build();
app.MapPost("/predict", async (HttpRequest request, ObjectPool<PredictionEngine<Upload, Answer>> pool) =>
{
    var picture = new MemoryStream();
    await request.Body.CopyToAsync(picture);
    var engine = pool.Get();
    try
    {
        var answer = engine.Predict(new() { Image = picture.ToArray() });
        return Results.Json(new { label = answer.PredictedLabel, probability = answer.Score.Max(), scores = answer.Score });
    }
    catch (MlNetCifarException e) when (e.Kind == ErrorKind.Data)
    {
        return Results.BadRequest(new { code = e.Code, message = e.Message });
    }
    finally
    {
        pool.Return(engine);
    }
});
app.Run();

/// <summary>Makes engines, all of one model.</summary>
sealed class Engines(string path) : PooledObjectPolicy<PredictionEngine<Upload, Answer>>
{
    static readonly MLContext s_ml = new MLContext().UseMlNetCifar();

    readonly ITransformer _model = s_ml.Model.Load(path, out _);

    public override PredictionEngine<Upload, Answer> Create() => s_ml.Model.CreatePredictionEngine<Upload, Answer>(_model);

    public override bool Return(PredictionEngine<Upload, Answer> obj) => true;
}

sealed class Upload
{
    public byte[] Image { get; set; } = [];
}

sealed class Answer
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
