using System.Diagnostics;
using System.Text.RegularExpressions;
using MlNetCifar.Tests.App;

namespace MlNetCifar.Tests.TestKit;

/// <summary>Compiles programs of one file as "dotnet run FILE.cs" does, against what the tests have, and so in a second.</summary>
static partial class FileProgram
{
    static readonly string[] s_usings = ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading", "System.Threading.Tasks"];

    static readonly string[] s_webUsings =
    [
        "System.Net.Http.Json", "Microsoft.AspNetCore.Builder", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Http", "Microsoft.AspNetCore.Routing",
        "Microsoft.Extensions.Configuration", "Microsoft.Extensions.DependencyInjection", "Microsoft.Extensions.Hosting", "Microsoft.Extensions.Logging",
    ];

    /// <summary>Compiles a program.</summary>
    /// <param name="folder">Where it comes to lie.</param>
    /// <param name="code">Its text.</param>
    /// <returns>The program's path, for <see cref="OwnProcess"/>.</returns>
    public static string Compile(TestFolder folder, string code) =>
        Compile(folder, [code], "exe", code.Contains("#:sdk Microsoft.NET.Sdk.Web", StringComparison.Ordinal) ? [.. s_usings, .. s_webUsings] : s_usings);

    /// <summary>Compiles files that belong together, with what web applications see.</summary>
    /// <param name="folder">Where they come to lie.</param>
    /// <param name="files">Their texts.</param>
    public static void CompileLibrary(TestFolder folder, IReadOnlyList<string> files) => Compile(folder, files, "library", [.. s_usings, .. s_webUsings]);

    static string Compile(TestFolder folder, IReadOnlyList<string> files, string target, IEnumerable<string> usings)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(path => Offered().IsMatch(Path.GetFileName(path)));
        var program = folder["program.dll"];
        var sources = files.Select((code, i) => folder.Write(i == 0 ? "Program.cs" : $"Program{i + 1}.cs", code)).Append(folder.Write("Usings.cs", string.Concat(usings.Select(name => $"global using {name};\n"))));
        var response = folder.Write("compile.rsp", string.Join('\n', [
            .. references.Select(r => $"-r:\"{r}\""), $"-out:\"{program}\"", $"-target:{target}", "-features:FileBasedProgram", "-nullable", "-noconfig", "-nologo", .. sources.Select(source => $"\"{source}\""),
        ]));
        using var compiler = Process.Start(new ProcessStartInfo("dotnet", [ReadmeTests.Compiler(), $"@{response}"]) { RedirectStandardOutput = true })!;
        var output = compiler.StandardOutput.ReadToEnd();
        compiler.WaitForExit();
        Assert.AreEqual(0, compiler.ExitCode, output);
        return program;
    }

    [GeneratedRegex(@"^(System\.|Microsoft\.(ML|AspNetCore|Extensions)|MlNetCifar(\.Client|\.CustomLayers|\.Formats|\.Interactive|\.MLNet|\.MSTest|\.Parquet|\.Pretrained|\.Server|\.Spark|\.Spark\.Executor)?\.dll|MSTest\.TestFramework|netstandard|mscorlib)")]
    private static partial Regex Offered();
}
