using MlNetCifar.Data;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>
/// A teacher whose answers a network learns besides the labels (Hinton, Vinyals and Dean 2015): the loss is (1 − weight)·loss of the labels + weight·T²·KL(teacher at T ‖ network at T). The teacher, often
/// a <see cref="ModelEnsemble"/>, sees every picture as it was changed for the network (Beyer et al. 2022). What is trained is as fast as without a teacher; training takes the teacher's
/// forward passes besides.
/// </summary>
public sealed record Distillation
{
    /// <summary>The temperature where none is asked for.</summary>
    internal const float DefaultTemperature = 4;

    /// <summary>The weight where none is asked for.</summary>
    internal const float DefaultWeight = 0.9f;

    /// <summary>A model of the same classes, input size and kind of outputs; its architecture and scaling of pixels may be others. Borrowed until the run ends.</summary>
    public required ImageClassifier Teacher { get; init; }

    /// <summary>T, by which both sides' logits are divided, &gt; 0: the higher, the more the classes that are not the answer count. The default is 4.</summary>
    public float Temperature { get; init; } = DefaultTemperature;

    /// <summary>Share of the teacher's answers in the loss, 0 … 1; the labels' is the rest. The default is 0.9.</summary>
    public float Weight { get; init; } = DefaultWeight;

    /// <summary>What a run must go on with, as its checkpoints hold it.</summary>
    internal string Stamp => FormattableString.Invariant($"weights {Teacher.WeightsSha256}, temperature {Temperature}, weight {Weight}");

    /// <summary>Checks that a network can be taught.</summary>
    /// <exception cref="MlNetCifarException">It cannot (MNC3028), or a number is out of range (MNC3001).</exception>
    internal void Check(NetworkSpec network, IReadOnlyList<string> classes)
    {
        if (!(Temperature > 0) || !float.IsFinite(Temperature))
            throw TrainingErrors.Options([FormattableString.Invariant($"{nameof(Distillation)}.{nameof(Temperature)} is {Temperature}, expected a number above 0")]);
        if (Weight is not (>= 0 and <= 1))
            throw TrainingErrors.Options([FormattableString.Invariant($"{nameof(Distillation)}.{nameof(Weight)} is {Weight}, expected 0 … 1")]);
        var own = Teacher.Network;
        if (ClassNames.Difference(Teacher.Classes, classes) is { } difference)
            throw TrainingErrors.OtherTeacher(difference);
        if (own.InputShape(1) != network.InputShape(1))
            throw TrainingErrors.OtherTeacher($"found pictures of {own.Width}×{own.Height}×{own.Channels}; expected {network.Width}×{network.Height}×{network.Channels}");
        if (own.Loss != network.Loss)
            throw TrainingErrors.OtherTeacher($"found outputs for {own.Loss}; expected {network.Loss}");
    }
}

/// <summary>The teacher's side of a step. Allocates nothing.</summary>
internal sealed class TeacherPass : IDisposable
{
    readonly Distillation _distillation;
    readonly NetworkWeights _weights;
    readonly Network _network;

    /// <summary>Compiles the teacher for pixels scaled as the network's are.</summary>
    /// <exception cref="MlNetCifarException">One of the two has a mean image, and the other has another or none (MNC3028).</exception>
    public TeacherPass(Distillation distillation, Normalization normalization, int batch, WorkerPool pool)
    {
        if (!InputScaling.Fits(distillation.Teacher, normalization))
            throw TrainingErrors.OtherTeacher("its pixels are scaled by another mean image");
        _distillation = distillation;
        _weights = InputScaling.Weights(distillation.Teacher, normalization);
        _network = new Network(_weights, batch, training: false, pool);
    }

    /// <summary>Mixes the teacher's part into the loss of some pictures and its gradient.</summary>
    public double Mix(double loss, BatchRows rows, Network student, ReadOnlySpan<float> classWeights, double? total, CancellationToken cancellation)
    {
        rows.Pixels.CopyTo(_network.Input(rows.Count));
        _network.Forward(rows.Count, cancellation: cancellation);
        return DistillationLoss.Mix(
            loss, student.Logits(rows.Count), _network.Logits(rows.Count), rows.Labels, _distillation.Temperature, _distillation.Weight, classWeights,
            student.LogitGradients(rows.Count), rows.Mix, total);
    }

    public void Dispose()
    {
        _network.Dispose();
        _weights.Dispose();
    }
}
