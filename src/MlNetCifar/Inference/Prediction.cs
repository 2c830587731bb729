namespace MlNetCifar;

/// <summary>One class and its probability.</summary>
/// <param name="Label">Name of the class.</param>
/// <param name="Index">Its index, 0 … classes − 1.</param>
/// <param name="Probability">0 … 1.</param>
public readonly record struct Prediction(string Label, int Index, float Probability);
