namespace MlNetCifar.Reporting;

/// <summary>Colours and type of all plots, as CSS. Colours are custom properties, so that a page can switch them between light and dark.</summary>
internal static class SvgTheme
{
    /// <summary>Number of series colours <c>--c0</c> … .</summary>
    public const int Colors = 10;

    /// <summary>Properties of the light theme.</summary>
    public static string Light =>
        "--surface:#ffffff;--ink:#1a2028;--muted:#5d6875;--line:#e1e5ea;--good:#1769c2;--bad:#d1530b;" +
        "--c0:#1f6feb;--c1:#d9580b;--c2:#178a4a;--c3:#b4269b;--c4:#a86a00;--c5:#0b7f93;--c6:#cf2b3a;--c7:#6b4fd0;--c8:#5c7c10;--c9:#66717d;";

    /// <summary>Properties of the dark theme.</summary>
    public static string Dark =>
        "--surface:#161b22;--ink:#e8ecf1;--muted:#9aa6b3;--line:#2c343e;--good:#5aa2ff;--bad:#ff9a52;" +
        "--c0:#6aa8ff;--c1:#ff9d57;--c2:#56cf8b;--c3:#ee87dc;--c4:#e2b04a;--c5:#4fcbdd;--c6:#ff7d84;--c7:#ac97ff;--c8:#aed254;--c9:#a5b0bc;";

    /// <summary>Rules that use the properties; shared by files and pages.</summary>
    public static string Rules =>
        ".mc-plot{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:12px;fill:var(--muted);overflow:visible}" +
        ".mc-plot .t{font-size:13.5px;font-weight:600;fill:var(--ink)}.mc-plot .n{fill:var(--ink)}" +
        ".mc-plot .g{stroke:var(--line);stroke-width:1}.mc-plot .a{stroke:var(--muted);stroke-width:1}" +
        ".mc-plot .s{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.mc-plot .s.e{stroke-width:2.8}" +
        ".mc-plot .s.thin{stroke-width:1.2}.mc-plot .d{stroke-dasharray:5 4}.mc-plot .alt{display:none}" +
        ".mc-plot .cell:hover rect{stroke:var(--ink);stroke-width:1.5}.mc-plot .hit{fill:transparent}.mc-plot .pt:hover{r:5}";

    /// <summary>The style element of a file or notebook cell, which follows the reader's preference.</summary>
    public static string Standalone { get; } =
        "<style>.mc-plot{" + Light + "}@media(prefers-color-scheme:dark){.mc-plot{" + Dark + "}}" + Rules + "</style>";
}
