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
    public static string Compile(TestFolder folder, string code)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(path => Offered().IsMatch(Path.GetFileName(path)));
        var usings = string.Concat(s_usings.Concat(code.Contains("#:sdk Microsoft.NET.Sdk.Web", StringComparison.Ordinal) ? s_webUsings : []).Select(name => $"global using {name};\n"));
        var program = folder["program.dll"];
        var response = folder.Write("compile.rsp", string.Join('\n', [
            .. references.Select(r => $"-r:\"{r}\""), $"-out:\"{program}\"", "-features:FileBasedProgram", "-nullable", "-noconfig", "-nologo",
            $"\"{folder.Write("Program.cs", code)}\"", $"\"{folder.Write("Usings.cs", usings)}\"",
        ]));
        using var compiler = Process.Start(new ProcessStartInfo("dotnet", [ReadmeTests.Compiler(), $"@{response}"]) { RedirectStandardOutput = true })!;
        var output = compiler.StandardOutput.ReadToEnd();
        compiler.WaitForExit();
        Assert.AreEqual(0, compiler.ExitCode, output);
        return program;
    }

    [GeneratedRegex(@"^(System\.|Microsoft\.(ML|AspNetCore|Extensions)|MlNetCifar(\.Client|\.Formats|\.MLNet|\.MSTest|\.Parquet|\.Pretrained|\.Server)?\.dll|MSTest\.TestFramework|netstandard|mscorlib)")]
    private static partial Regex Offered();
}
