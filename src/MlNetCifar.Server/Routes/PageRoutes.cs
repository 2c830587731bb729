namespace MlNetCifar.Server.Routes;

/// <summary>The page at <c>/</c>: one file without anything from elsewhere.</summary>
internal static class PageRoutes
{
    static readonly byte[] s_page = Read();

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/", (Delegate)PageAsync).WithMetadata(new OpenRoute()).WithSummary("A page to try the models").ExcludeFromDescription();

    static async Task PageAsync(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.ContentLength = s_page.Length;
        await context.Response.Body.WriteAsync(s_page).ConfigureAwait(false);
    }

    static byte[] Read()
    {
        using var stream = typeof(PageRoutes).Assembly.GetManifestResourceStream("index.html")!;
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        return buffer.ToArray();
    }
}
