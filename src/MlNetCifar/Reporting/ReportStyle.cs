namespace MlNetCifar.Reporting;

/// <summary>The style sheet of the report. It shares its colours with the plots. Long texts are no constants here: an assembly holds those a second time.</summary>
internal static class ReportStyle
{
    static string LightPage => SvgTheme.Light + "--page:#f4f6f8;--chip:#eef1f5;--warn:#fff4e5;--warnline:#f0b25e;color-scheme:light;";
    static string DarkPage => SvgTheme.Dark + "--page:#0d1117;--chip:#222a34;--warn:#2e2415;--warnline:#8a6020;color-scheme:dark;";

    public static string Css { get; } =
        ":root{" + LightPage + "}\n" +
        "@media(prefers-color-scheme:dark){:root:not([data-theme=light]){" + DarkPage + "}}\n" +
        ":root[data-theme=dark]{" + DarkPage + "}\n" +
        SvgTheme.Rules + "\n" + Layout +
        "@media print{:root,:root:not([data-theme=light]){" + LightPage + "}" + Print + "}\n";

    static string Layout => """
        *{box-sizing:border-box}
        html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
        body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
        main{max-width:1080px;margin:0 auto;padding:0 20px 48px}
        header.top{display:flex;align-items:flex-start;gap:16px;padding:28px 0 6px}
        header.top>div{flex:1;min-width:0}
        h1{font-size:26px;line-height:1.2;margin:0;overflow-wrap:anywhere}
        h2{font-size:18px;margin:0 0 4px}
        h3{font-size:14px;margin:18px 0 6px}
        p{margin:0 0 10px}
        .sub,.lead,figcaption,.small{color:var(--muted);font-size:13px}
        .lead{margin-bottom:14px;max-width:110ch}
        button{font:inherit;font-size:13px;color:var(--ink);background:var(--chip);border:1px solid var(--line);border-radius:8px;padding:5px 11px;cursor:pointer}
        button:hover{border-color:var(--muted)}
        button[aria-pressed=true]{background:var(--good);border-color:var(--good);color:var(--surface)}
        nav{display:flex;flex-wrap:wrap;gap:6px;margin:12px 0 18px}
        nav a{color:var(--muted);text-decoration:none;background:var(--chip);border-radius:99px;padding:3px 12px;font-size:13px}
        nav a:hover{color:var(--ink)}
        section{background:var(--surface);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin:0 0 16px}
        .hero{display:grid;grid-template-columns:auto 1fr;gap:6px 28px;align-items:center}
        .hero .big{font-size:56px;font-weight:700;line-height:1;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
        .hero .verdict{font-size:17px;line-height:1.45;margin:0}
        .hero .scale{grid-column:1/-1;margin-top:12px}
        .track{position:relative;height:12px;border-radius:6px;background:var(--chip);overflow:hidden}
        .track i,.track b{position:absolute;top:0;bottom:0;display:block}
        .track .fill{left:0;background:var(--good);opacity:.35}
        .track .ci{background:var(--good);border-radius:2px;min-width:3px}
        .track .chance{width:2px;background:var(--bad)}
        .key{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--muted);font-size:12px;margin-top:6px}
        .key span::before{content:'';display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px;vertical-align:-1px;background:var(--k,var(--good))}
        .cards{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:10px;margin-top:16px}
        .card{border:1px solid var(--line);border-radius:10px;padding:9px 10px;min-width:0;display:flex;flex-direction:column}
        .card .n{font-size:11.5px;line-height:1.3;color:var(--muted);margin-bottom:auto}
        .card .v{font-size:22px;font-weight:650;font-variant-numeric:tabular-nums;line-height:1.25}
        .card .i{font-size:12px;color:var(--muted);font-variant-numeric:tabular-nums;white-space:nowrap}
        .next{margin:6px 0 0;padding-left:22px}
        .next li{margin:0 0 6px}
        .warn{background:var(--warn);border:1px solid var(--warnline);border-radius:10px;padding:10px 14px;margin:0 0 16px}
        .warn ul{margin:4px 0 0;padding-left:20px}
        .two{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:18px 26px}
        .three{grid-template-columns:repeat(3,minmax(0,1fr))}
        figure{margin:0;min-width:0}
        figure svg{display:block;width:100%;height:auto}
        figcaption{margin-top:6px}
        .beside{display:grid;grid-template-columns:minmax(0,1.45fr) minmax(0,1fr);gap:18px 28px;align-items:start}
        .matrix{overflow-x:auto;max-width:100%}
        .matrix svg{display:block;width:100%;height:auto}
        .bar{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:0 0 10px}
        .readout{min-height:1.5em;font-size:13px;color:var(--muted)}
        .show-rate .mc-plot .alt{display:inline}
        .show-rate .mc-plot .std{display:none}
        .scroll{overflow-x:auto}
        .gate td{white-space:normal;vertical-align:top}
        .gate td:first-child{padding-left:0}
        table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
        th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
        th:first-child,td:first-child,.l{text-align:left}
        th{font-size:12px;font-weight:600;color:var(--muted);vertical-align:bottom}
        tbody tr:hover{background:var(--chip)}
        .sortable th{cursor:pointer;user-select:none}
        .sortable th:focus-visible{outline:2px solid var(--good)}
        .sortable th[aria-sort]{color:var(--ink)}
        .sortable th[aria-sort=ascending]::after{content:' ▲'}
        .sortable th[aria-sort=descending]::after{content:' ▼'}
        .meter{display:inline-block;width:74px;height:8px;border-radius:4px;background:var(--chip);margin-right:8px;position:relative;overflow:hidden;vertical-align:1px}
        .meter i{position:absolute;left:0;top:0;bottom:0;background:var(--good)}
        .grid{display:grid;grid-template-columns:repeat(8,minmax(0,1fr));gap:14px 12px}
        .grid.wide{grid-template-columns:repeat(4,minmax(0,1fr))}
        .wide .tile img{aspect-ratio:auto;background:none;border-radius:0}
        .tile{font-size:12px;line-height:1.35;min-width:0}
        .tile img,.strip img{display:block;width:100%;aspect-ratio:1;object-fit:contain;image-rendering:pixelated;border-radius:6px;background:var(--chip)}
        .seen>div{position:relative}
        .seen img+img{position:absolute;inset:0;opacity:0}
        .seen:hover img+img{opacity:1}
        .tile b{display:block;font-weight:600;margin-top:4px;overflow-wrap:anywhere}
        .tile span{white-space:nowrap}
        .pair{border-top:1px solid var(--line);padding:12px 0}
        .pair:first-of-type{border-top:0}
        .pair p{margin:0 0 8px}
        .strip{display:grid;grid-template-columns:repeat(12,minmax(0,1fr));gap:8px}
        .as{color:var(--bad)}
        .ok{color:var(--good)}
        dl{display:grid;grid-template-columns:minmax(110px,auto) 1fr;gap:4px 18px;margin:0;font-size:14px}
        dt{color:var(--muted)}
        dd{margin:0;overflow-wrap:anywhere}
        pre{margin:0;padding:10px 12px;background:var(--chip);border-radius:8px;overflow-x:auto;font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
        details summary{cursor:pointer;color:var(--muted);font-size:13px;margin-top:14px}
        details dl{margin-top:8px}
        footer{color:var(--muted);font-size:12px;padding:4px 2px}
        @media(max-width:1000px){
        .cards{grid-template-columns:repeat(auto-fill,minmax(136px,1fr))}
        .grid{grid-template-columns:repeat(6,minmax(0,1fr))}
        .beside{grid-template-columns:minmax(0,1fr)}
        .three{grid-template-columns:repeat(2,minmax(0,1fr))}
        }
        @media(max-width:700px){
        main{padding:0 10px 32px}
        section{padding:16px 12px;border-radius:10px}
        .two,.three{grid-template-columns:minmax(0,1fr)}
        th{white-space:normal}
        #classes thead{display:none}
        #classes tr{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:2px 10px;padding:8px 0;border-bottom:1px solid var(--line)}
        #classes td{border:0;padding:0;text-align:left;white-space:normal;box-shadow:none}
        #classes td:first-child{font-weight:600}
        #classes td:last-child{grid-column:2/-1}
        #classes .meter{display:none}
        #classes td:nth-child(n+2)::before{display:block;font-size:11px;color:var(--muted)}
        #classes td:nth-child(2)::before{content:'images'}
        #classes td:nth-child(3)::before{content:'recall'}
        #classes td:nth-child(4)::before{content:'its interval'}
        #classes td:nth-child(5)::before{content:'precision'}
        #classes td:nth-child(6)::before{content:'F1'}
        #classes td:nth-child(7)::before{content:'ROC AUC'}
        #classes td:nth-child(8)::before{content:'average precision'}
        #classes td:nth-child(9)::before{content:'most often taken for'}
        .hero{grid-template-columns:1fr}
        .gate td{display:block;border-bottom:0;padding:2px 0}
        .gate td+td{border-bottom:1px solid var(--line);padding-bottom:8px}
        .hero .big{font-size:46px}
        .hero .verdict{font-size:16px}
        .cards{grid-template-columns:repeat(2,minmax(0,1fr))}
        .grid{grid-template-columns:repeat(4,minmax(0,1fr));gap:12px 8px}
        .grid.wide{grid-template-columns:repeat(2,minmax(0,1fr))}
        .strip{grid-template-columns:repeat(6,minmax(0,1fr));gap:6px}
        h1{font-size:22px}
        th,td{padding:5px 7px}
        .stick th:first-child,.stick td:first-child{position:sticky;left:0;background:var(--surface);box-shadow:1px 0 0 var(--line)}
        }

        """;

    static string Print =>
        "body{background:#fff;font-size:11pt}main{max-width:none;padding:0}nav,button,.readout{display:none!important}" +
        "section{border:0;border-top:1px solid var(--line);border-radius:0;padding:12px 0;margin:0}" +
        "figure,.tile,.card,.pair,tr{break-inside:avoid}h2,h3,.lead{break-after:avoid}.scroll,.matrix{overflow:visible}" +
        ".beside{grid-template-columns:minmax(0,1.45fr) minmax(0,1fr)}.matrix div{min-width:0!important}table{font-size:8.5pt}th,td{padding:3px 5px;white-space:normal}.meter{display:none}" +
        ".two{grid-template-columns:repeat(2,minmax(0,1fr))}.three{grid-template-columns:repeat(3,minmax(0,1fr))}.cards{grid-template-columns:repeat(4,minmax(0,1fr))}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}";
}
