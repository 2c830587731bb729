using Microsoft.ML;
using Microsoft.ML.Data;

namespace MlNetCifar.MLNet;

/// <summary>A transform of ML.NET that computes columns of pictures. Lazy, thread-safe; rows keep their order.</summary>
public abstract class PictureTransformer : ITransformer
{
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

    PictureBinding Bind(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new(Engine, schema);
    }
}
