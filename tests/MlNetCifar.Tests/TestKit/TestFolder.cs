using System.Text;

namespace MlNetCifar.Tests.TestKit;

/// <summary>A temporary folder that is deleted with its contents.</summary>
public class TestFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("mlnetcifar-tests-").FullName;

    public string this[string name] => Path.Combine(Root, name);

    /// <summary>Files that hold their own names.</summary>
    public TestFolder Add(params string[] names)
    {
        foreach (var name in names)
            Write(name, name);
        return this;
    }

    public TestFolder Add(string name, byte[] content)
    {
        Write(name, content);
        return this;
    }

    public TestFolder Text(string name, string content)
    {
        Write(name, content);
        return this;
    }

    /// <returns>The file's path.</returns>
    public string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    /// <returns>The file's path.</returns>
    public string Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    public void Dispose()
    {
        Directory.Delete(Root, recursive: true);
        GC.SuppressFinalize(this);
    }
}
