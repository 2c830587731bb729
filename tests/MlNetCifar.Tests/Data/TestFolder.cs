namespace MlNetCifar.Tests.Data;

/// <summary>A temporary folder of small files.</summary>
sealed class TestFolder : IDisposable
{
    public TestFolder()
    {
        Root = Path.Combine(Path.GetTempPath(), "mlnetcifar-tests", Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(Root);
    }

    public string Root { get; }

    public string this[string name] => Path.Combine(Root, name);

    public TestFolder Add(params string[] names)
    {
        foreach (var name in names)
            Add(name, System.Text.Encoding.UTF8.GetBytes(name));
        return this;
    }

    public TestFolder Add(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
        return this;
    }

    public TestFolder Text(string name, string content) => Add(name, System.Text.Encoding.UTF8.GetBytes(content));

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
