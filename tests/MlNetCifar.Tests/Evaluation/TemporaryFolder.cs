namespace MlNetCifar.Tests.Evaluation;

/// <summary>A fresh folder that is deleted with its contents.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("mlnetcifar-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
