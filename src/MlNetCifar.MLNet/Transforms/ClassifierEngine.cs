using Microsoft.ML;
using Microsoft.ML.Data;
using MlNetCifar.Imaging;

namespace MlNetCifar.MLNet;

/// <summary>The columns that a model adds; null for none.</summary>
/// <param name="Score">Probabilities.</param>
/// <param name="PredictedLabel">The most probable value.</param>
/// <param name="Features">Inputs of the last layer.</param>
/// <param name="IsUnknown">Whether the answer should be unknown.</param>
/// <param name="LabelSet">The classes that hold the true one as often as promised.</param>
/// <param name="GradCam">Pictures of where the network looked.</param>
internal sealed record OutputNames(string Score, string PredictedLabel, string? Features = null, string? IsUnknown = null, string? LabelSet = null, string? GradCam = null);

/// <summary>Names what is on pictures.</summary>
internal sealed class ClassifierEngine : PictureEngine
{
    readonly int[] _classOf;
    readonly bool _hasFeatures;
    readonly GradCamMaps _maps;

    /// <summary>Prepares a model for a label.</summary>
    /// <param name="model">Its classes are some of the label's values, in any order.</param>
    /// <param name="labels">The label's values.</param>
    /// <param name="names">Of the columns.</param>
    public ClassifierEngine(ImageClassifier model, LabelValues labels, OutputNames names)
    {
        (Model, Labels, Names, Preprocessor) = (model, labels, names, new Preprocessor(model.Preprocess));
        _classOf = [.. labels.Names.Select(name => model.Classes.IndexOf(name))];
        _hasFeatures = names.Features is not null;
        _maps = new(model, layer: null);
        var columns = Columns(labels, model.FeatureCount, names);
        Outputs =
        [
            OutputColumn.Vector(columns[0], answer => answer.Scores),
            OutputColumn.Key(columns[1]),
            .. _hasFeatures ? [OutputColumn.Vector(columns[2], answer => answer.Features)] : Array.Empty<OutputColumn>(),
            .. names.IsUnknown is { } unknown ? [OutputColumn.Unknown(unknown)] : Array.Empty<OutputColumn>(),
            .. names.LabelSet is { } set ? [OutputColumn.Set(set)] : Array.Empty<OutputColumn>(),
            .. names.GradCam is { } map ? [ImageColumn.Maps(map, model.Preprocess)] : Array.Empty<OutputColumn>(),
        ];
    }

    public ImageClassifier Model { get; }

    public LabelValues Labels { get; }

    public OutputNames Names { get; }

    public override IReadOnlyList<OutputColumn> Outputs { get; }

    public override Preprocessor Preprocessor { get; }

    /// <summary>The columns as a schema has them.</summary>
    /// <param name="labels">The label's values.</param>
    /// <param name="features">Of a picture, ≥ 1.</param>
    /// <param name="names">Of the columns.</param>
    public static DataViewSchema.DetachedColumn[] Columns(LabelValues labels, int features, OutputNames names) =>
    [
        new(names.Score, new VectorDataViewType(NumberDataViewType.Single, labels.Names.Count), ScoreAnnotations(labels)),
        new(names.PredictedLabel, labels.KeyType, LabelAnnotations(labels)),
        .. names.Features is { } column ? [new(column, new VectorDataViewType(NumberDataViewType.Single, Math.Max(features, 1)))] : Array.Empty<DataViewSchema.DetachedColumn>(),
        .. names.IsUnknown is { } unknown ? [OutputColumn.Unknown(unknown).Column] : Array.Empty<DataViewSchema.DetachedColumn>(),
        .. names.LabelSet is { } set ? [OutputColumn.Set(set).Column] : Array.Empty<DataViewSchema.DetachedColumn>(),
        .. names.GradCam is { } map ? [ImageColumn.Describe(map)] : Array.Empty<DataViewSchema.DetachedColumn>(),
    ];

    protected override Answer[] Answers(byte[] pixels, int count, bool[] isActive)
    {
        var spec = Model.Preprocess;
        var source = new ImageSet(pixels, new int[count], spec.Width, spec.Height, spec.Channels, Model.Classes);
        var answers = new Answer[count];
        if (IsActive(Names.IsUnknown) || IsActive(Names.LabelSet))
            Parallel.For(0, count, i => answers[i] = Of(Model.Classify(source, i, top: Model.Classes.Length)));
        else if (IsActive(Names.Score) || IsActive(Names.PredictedLabel))
            Score(Model.Probabilities(source), answers);
        else
            Array.Fill(answers, new());
        if (IsActive(Names.Features))
            Add(Model.Features(source), answers);
        if (IsActive(Names.GradCam))
            _maps.AddTo(pixels, answers);
        return answers;

        bool IsActive(string? name) => Enumerable.Range(0, Outputs.Count).Any(i => isActive[i] && Outputs[i].Column.Name == name);
    }

    void Score(float[] probabilities, Answer[] answers)
    {
        var classes = Model.Classes.Length;
        for (var i = 0; i < answers.Length; i++)
            answers[i] = Of(probabilities.AsSpan(i * classes, classes));
    }

    Answer Of(Classification answer)
    {
        var probabilities = new float[Model.Classes.Length];
        foreach (var (_, index, probability) in answer.Predictions)
            probabilities[index] = probability;
        return Of(probabilities) with { IsUnknown = answer.IsUnknown, LabelSet = [.. (answer.LabelSet ?? answer.Predictions).Select(p => p.Label)] };
    }

    /// <summary>In the label's order; the value that was never trained on has no probability.</summary>
    Answer Of(ReadOnlySpan<float> probabilities)
    {
        var scores = new float[_classOf.Length];
        var best = 0;
        for (var k = 0; k < scores.Length; k++)
        {
            scores[k] = _classOf[k] < 0 ? 0 : probabilities[_classOf[k]];
            if (scores[k] > scores[best])
                best = k;
        }

        return new() { Scores = scores, Best = best };
    }

    static void Add(float[] features, Answer[] answers)
    {
        var length = features.Length / answers.Length;
        for (var i = 0; i < answers.Length; i++)
            answers[i] = answers[i] with { Features = features[(i * length)..((i + 1) * length)] };
    }

    static DataViewSchema.Annotations ScoreAnnotations(LabelValues labels)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        var names = labels.Names;
        annotations.Add(
            AnnotationKinds.SlotNames, new VectorDataViewType(TextDataViewType.Instance, names.Count),
            (ref VBuffer<ReadOnlyMemory<char>> value) => value = new(names.Count, [.. names.Select(n => n.AsMemory())]));
        labels.AddTo(annotations, AnnotationKinds.TrainingLabelValues);
        return Kind(annotations, "Score");
    }

    static DataViewSchema.Annotations LabelAnnotations(LabelValues labels)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        labels.AddTo(annotations, AnnotationKinds.KeyValues);
        return Kind(annotations, "PredictedLabel");
    }

    static DataViewSchema.Annotations Kind(DataViewSchema.Annotations.Builder annotations, string value)
    {
        annotations.AddPrimitiveValue(AnnotationKinds.ScoreColumnSetId, new KeyDataViewType(typeof(uint), int.MaxValue), 1u);
        annotations.AddPrimitiveValue(AnnotationKinds.ScoreColumnKind, TextDataViewType.Instance, "MulticlassClassification".AsMemory());
        annotations.AddPrimitiveValue(AnnotationKinds.ScoreValueKind, TextDataViewType.Instance, value.AsMemory());
        return annotations.ToAnnotations();
    }
}
