using Microsoft.ML;
using Microsoft.ML.Runtime;
using MlNetCifar.Imaging;

namespace MlNetCifar.MLNet;

/// <summary>What is computed of pictures, whatever view they come from. Immutable; thread-safe.</summary>
internal abstract class PictureEngine
{
    /// <summary>Bytes of pictures that are scored together; enough to keep all cores busy and to be worth a network compiled for them.</summary>
    const int BytesAtOnce = 8 << 20;

    /// <summary>Where the pictures are.</summary>
    public required PictureInput Input { get; init; }

    /// <summary>What to do about a picture that cannot be read.</summary>
    public required OnBadImage OnBadImage { get; init; }

    /// <summary>For messages.</summary>
    public required IHostEnvironment Environment { get; init; }

    /// <summary>The columns, in order.</summary>
    public abstract IReadOnlyList<OutputColumn> Outputs { get; }

    /// <summary>Makes pictures ready.</summary>
    public abstract Preprocessor Preprocessor { get; }

    /// <summary>Pictures of a block.</summary>
    public int BlockSize => Math.Clamp(BytesAtOnce / Preprocessor.Spec.Length, 16, 2048);

    /// <summary>What an estimator promises of rows that such pictures come from.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        PictureColumn.Check(inputSchema, Input.Name);
        return inputSchema.With(Outputs.Select(output => output.Column));
    }

    /// <summary>Checks rows before a transform is given for them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The column of pictures is not there, or holds none.</exception>
    public void Check(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        _ = PictureColumn.Find(input.Schema, Input);
    }

    /// <summary>Looks at pictures.</summary>
    /// <param name="pixels">[N, H, W, C] as <see cref="Preprocessor"/> makes them.</param>
    /// <param name="count">N, ≥ 1.</param>
    /// <param name="isActive">Which of <see cref="Outputs"/> are wanted.</param>
    protected abstract Answer[] Answers(byte[] pixels, int count, bool[] isActive);

    /// <summary>Looks at pictures of rows.</summary>
    /// <param name="pictures">Of these rows.</param>
    /// <param name="rows">Their positions, for messages.</param>
    /// <param name="isActive">Which of <see cref="Outputs"/> are wanted.</param>
    /// <param name="bad">Told of those that cannot be read.</param>
    /// <returns>One answer a row; null where the picture cannot be read.</returns>
    /// <exception cref="MlNetCifarException">A picture cannot be read, and that is not to be passed over (MNC7004).</exception>
    /// <exception cref="OperationCanceledException">The user has cancelled.</exception>
    public Answer?[] Answers(IReadOnlyList<Picture> pictures, IReadOnlyList<long> rows, bool[] isActive, BadRows bad)
    {
        if (MLInternals.IsCancelled(Environment))
            throw new OperationCanceledException();
        var (length, count) = (Preprocessor.Spec.Length, pictures.Count);
        var pixels = new byte[count * length];
        var faults = new MlNetCifarException?[count];
        if (count == 1)
            Prepare(0);
        else
            Parallel.For(0, count, Prepare);
        for (var i = 0; i < count; i++)
        {
            if (faults[i] is { } fault)
                bad.Add(MLNetErrors.BadPicture(Input.Name, rows[i], fault), OnBadImage);
        }

        Answer?[] answers = Answers(pixels, count, isActive);
        for (var i = 0; i < count; i++)
        {
            if (faults[i] is not null)
                answers[i] = null;
        }

        return answers;

        void Prepare(int i)
        {
            try
            {
                pictures[i].Prepare(Preprocessor, pixels.AsSpan(i * length, length));
            }
            catch (MlNetCifarException e)
            {
                faults[i] = e;
            }
        }
    }
}

/// <summary>Counts the rows of a pass whose pictures cannot be read.</summary>
/// <param name="environment">Told once, at the end.</param>
internal sealed class BadRows(IHostEnvironment environment) : IDisposable
{
    int _count;
    MlNetCifarException? _first;

    /// <summary>Notes a row, or ends the pass.</summary>
    public void Add(MlNetCifarException fault, OnBadImage policy)
    {
        if (policy == OnBadImage.Fail)
            throw fault;
        _first ??= fault;
        _count++;
    }

    public void Dispose()
    {
        if (_first is null)
            return;
        using var channel = environment.Start("MlNetCifar");
        channel.Warning(MessageSensitivity.UserData, FormattableString.Invariant($"{_count:N0} pictures could not be read and have missing answers; the first: {_first.Message}"));
        (_first, _count) = (null, 0);
    }
}
