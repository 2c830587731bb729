using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>A transform of ML.NET that computes columns of pictures. Lazy, thread-safe; rows keep their order.</summary>
public abstract class PictureTransformer : ITransformer
{
    /// <summary>2 since a model may have a column of Grad-CAM maps.</summary>
    const int FormatVersion = 2;
    const string NetworkEntry = "network.safetensors";
    const string ColumnsEntry = "columns.json";

    private protected PictureTransformer(PictureEngine engine) => Engine = engine;

    internal PictureEngine Engine { get; }

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).OutputSchema;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => Bind(inputSchema);

    /// <summary>The rows with the computed columns; nothing is read before somebody asks for it.</summary>
    /// <param name="input">Rows with pictures.</param>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new PictureView(Bind(input.Schema), input);
    }

    /// <summary>Writes the transform into a model's archive, the network as the file that <c>Save</c> of the library writes.</summary>
    /// <param name="ctx">Where to.</param>
    public abstract void Save(ModelSaveContext ctx);

    /// <summary>Writes a network, and as JSON the input, the policy for pictures that cannot be read, and what <paramref name="outputs"/> adds.</summary>
    private protected void Save(ModelSaveContext ctx, string loader, Action<Stream> network, Action<Utf8JsonWriter> outputs)
    {
        ArgumentNullException.ThrowIfNull(ctx);
        MLInternals.Save(ctx, loader, FormatVersion, (NetworkEntry, network), (ColumnsEntry, stream =>
        {
            using var json = new Utf8JsonWriter(stream, new() { Indented = true });
            json.WriteStartObject();
            Engine.Input.Write(json);
            json.WriteString("onBadImage", Engine.OnBadImage.ToString());
            outputs(json);
            json.WriteEndObject();
        }
        ));
    }

    /// <summary>Reads what <see cref="Save(ModelSaveContext, string, Action{Stream}, Action{Utf8JsonWriter})"/> wrote.</summary>
    private protected static T Load<TModel, T>(object context, Func<Stream, TModel> network, Func<TModel, JsonElement, PictureInput, OnBadImage, T> build)
    {
        if (MLInternals.VersionOf(context) is > FormatVersion and var version)
            throw MLNetErrors.TooNew(version, FormatVersion);
        var model = MLInternals.Load(context, NetworkEntry, network);
        using var columns = MLInternals.Load(context, ColumnsEntry, stream => JsonDocument.Parse(stream));
        var json = columns.RootElement;
        return build(model, json, PictureInput.Read(json), Enum.Parse<OnBadImage>(json.GetProperty("onBadImage").GetString()!));
    }

    PictureBinding Bind(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new(Engine, schema);
    }
}
