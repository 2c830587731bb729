using System.Text.RegularExpressions;

namespace MlNetCifar;

/// <summary>Takes passwords and tokens out of what is shown or written. Everything that writes an address goes through here; what connects does not.</summary>
public static partial class Secrets
{
    /// <summary>What stands in place of a secret.</summary>
    internal const string Mask = "***";

    const string Separator = "://";

    /// <summary>Masks every address in a text: the login before the host and parameters that are named as secrets are.</summary>
    /// <param name="text">Any text; an address in it ends at a blank or a quotation mark.</param>
    /// <returns>The text with <c>***</c> in place of each secret.</returns>
    public static string InText(string text) => text.Contains(Separator, StringComparison.Ordinal) ? Addresses().Replace(text, match => InAddress(match.Value)) : text;

    /// <summary>Masks one address, which may hold blanks and quotes; other texts stay as they are.</summary>
    /// <param name="address">An address of any kind, <c>sc://host/;token=…</c> among them, or a path.</param>
    /// <returns>The address with <c>***</c> in place of each secret.</returns>
    public static string InAddress(string address)
    {
        for (var at = address.LastIndexOf(Separator, StringComparison.Ordinal); at > 0; at = address.LastIndexOf(Separator, at - 1, StringComparison.Ordinal))
            address = WithoutLogin(address, at + Separator.Length);
        return address.StartsWith("sc://", StringComparison.OrdinalIgnoreCase)
            ? SparkParameters().Replace(address, $"$1={Mask}")
            : Parameters().Replace(address, $"$1={Mask}");
    }

    static string WithoutLogin(string address, int host)
    {
        var rest = address.AsSpan(host);
        var authority = rest.IndexOfAny('/', '?', '#') is var end and >= 0 ? rest[..end] : rest;
        var at = authority.LastIndexOf('@');
        if (at < 0 && IsCutPassword(authority))
            at = rest.LastIndexOf('@');
        return at < 0 ? address : string.Concat(address.AsSpan(0, host), Mask, rest[at..]);
    }

    /// <summary>Whether a slash or the like that nobody escaped ends a password here: what follows the colon is then no port.</summary>
    static bool IsCutPassword(ReadOnlySpan<char> authority) =>
        authority.IndexOf(':') is var colon and > 0 && authority[0] != '[' && authority[(colon + 1)..].ContainsAnyExceptInRange('0', '9');

    [GeneratedRegex(@"[a-z][a-z0-9+.-]*://[^\s""]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Addresses();

    [GeneratedRegex(
        @"([?&;](?:[^=&;?#\s]*(?:token|passw|pwd|secret|key|auth|credential|signature|delegation)[^=&;?#\s]*|sig))=[^&;#\s""]+",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Parameters();

    // What is none of the protocol's own parameters is sent as a header, for example for a gateway's login.
    [GeneratedRegex(@"(;(?!(?:use_ssl|user_id|session_id|trusted_certificates)=)[^=;\s]+)=[^;\s""]*", RegexOptions.CultureInvariant)]
    private static partial Regex SparkParameters();
}
