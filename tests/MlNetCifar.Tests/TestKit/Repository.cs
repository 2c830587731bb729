namespace MlNetCifar.Tests.TestKit;

/// <summary>Finds committed files from the running test assembly.</summary>
internal static class Repository
{
    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = Find();

    /// <summary>A committed file.</summary>
    /// <param name="parts">Folders and name, from the root.</param>
    public static string File(params string[] parts) => Path.Combine([Root, .. parts]);

    static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (System.IO.File.Exists(Path.Combine(folder, "MlNetCifar.sln")))
                return folder;
        }

        throw new DirectoryNotFoundException("The repository root was not found above the test assembly.");
    }
}
