namespace MlNetCifar.Training;

/// <summary>A view of floats that may be taken again and again.</summary>
internal delegate Span<float> StateValues();

/// <summary>A named run of floats that the next step depends on: weights, statistics, moments, averages.</summary>
/// <param name="Name">In the checkpoint.</param>
/// <param name="Values">The floats; the owner keeps them.</param>
internal sealed record StateBlock(string Name, StateValues Values);
