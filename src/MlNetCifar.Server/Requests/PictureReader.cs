using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace MlNetCifar.Server.Requests;

/// <summary>An encoded picture of a request.</summary>
/// <param name="Name">The file's name as the client gave it, shortened; null where there is none.</param>
/// <param name="Bytes">The file.</param>
internal readonly record struct SentPicture(string? Name, ReadOnlyMemory<byte> Bytes);

/// <summary>Finds the pictures in a body: the body itself, parts of a form, or base64 in JSON.</summary>
internal static class PictureReader
{
    const string Expected = "image/*, application/octet-stream, multipart/form-data or application/json";
    const int MostParts = 256;

    /// <summary>Depth and repetition of JSON are bounded.</summary>
    public static JsonDocumentOptions Json { get; } = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    /// <summary>Reads all pictures of a body.</summary>
    /// <exception cref="RequestFault">The body is of another type (415), malformed (400) or too large (413).</exception>
    public static async Task<IReadOnlyList<SentPicture>> ReadAsync(HttpContext context, ServingOptions options, CancellationToken cancellation)
    {
        var request = context.Request;
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type))
            return string.IsNullOrEmpty(request.ContentType) ? [await WholeAsync(context, options, cancellation).ConfigureAwait(false)] : throw ServerErrors.WrongType(request.ContentType, Expected);
        if (type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            return await FormAsync(request, type, options, cancellation).ConfigureAwait(false);
        if (IsJson(type))
            return Parse((await WholeAsync(context, options, cancellation).ConfigureAwait(false)).Bytes, root => FromJson(root, options));
        if (type.Type.Equals("image", StringComparison.OrdinalIgnoreCase) || type.MediaType.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase))
            return [await WholeAsync(context, options, cancellation).ConfigureAwait(false)];
        throw ServerErrors.WrongType(type.MediaType.ToString(), Expected);
    }

    /// <summary>Whether a body is JSON by its type.</summary>
    public static bool IsJson(MediaTypeHeaderValue? type) =>
        type is not null && (type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase));

    /// <summary>The bytes of a base64 text, with or without the head of a data address.</summary>
    /// <exception cref="RequestFault">It is none (400).</exception>
    public static byte[] Base64(JsonElement value, string where)
    {
        if (value.ValueKind != JsonValueKind.String)
            throw ServerErrors.Malformed($"{where} is no text; expected a picture in base64.");
        var text = value.GetString()!;
        if (text.StartsWith("data:", StringComparison.Ordinal) && text.IndexOf(";base64,", StringComparison.Ordinal) is > 0 and var head)
            text = text[(head + ";base64,".Length)..];
        var bytes = new byte[(text.Length / 4 * 3) + 3];
        return Convert.TryFromBase64String(text, bytes, out var written) ? bytes[..written] : throw ServerErrors.Malformed($"{where} is no base64.");
    }

    /// <summary>Refuses too many pictures.</summary>
    public static void CheckCount(long count, ServingOptions options)
    {
        if (count > options.MaxPicturesPerRequest)
            throw ServerErrors.TooLarge("Pictures of the request", count, options.MaxPicturesPerRequest);
    }

    /// <summary>Reads a body of JSON.</summary>
    /// <exception cref="RequestFault">It is none (400).</exception>
    public static T Parse<T>(ReadOnlyMemory<byte> body, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(body, Json);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter where text is no valid Unicode, which shows only when it is read.
            throw ServerErrors.Malformed($"The body is no JSON that is accepted here: {e.Message}");
        }
    }

    static async Task<SentPicture> WholeAsync(HttpContext context, ServingOptions options, CancellationToken cancellation) =>
        new(null, await BodyReader.ReadAsync(context.Request.Body, context.Request.ContentLength, options.MaxBodyBytes, cancellation).ConfigureAwait(false));

    static List<SentPicture> FromJson(JsonElement root, ServingOptions options)
    {
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("image", out var image))
            return [new(null, Base64(image, "'image'"))];
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("images", out var images) || images.ValueKind != JsonValueKind.Array || images.GetArrayLength() == 0)
            throw ServerErrors.Malformed("There is no picture in the body.", "Send {\"image\": \"BASE64\"} or {\"images\": [\"BASE64\", …]}.");
        CheckCount(images.GetArrayLength(), options);
        return [.. images.EnumerateArray().Select((text, i) => new SentPicture(null, Base64(text, $"'images[{i}]'")))];
    }

    static async Task<IReadOnlyList<SentPicture>> FormAsync(HttpRequest request, MediaTypeHeaderValue type, ServingOptions options, CancellationToken cancellation)
    {
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value;
        if (string.IsNullOrWhiteSpace(boundary) || boundary.Length > 200)
            throw ServerErrors.Malformed("The form has no usable boundary.", "Let the client write the Content-Type: curl -F file=@cat.jpg.");
        var pictures = new List<SentPicture>();
        try
        {
            var reader = new MultipartReader(boundary, request.Body) { HeadersCountLimit = 16, HeadersLengthLimit = 4096, BodyLengthLimit = options.MaxBodyBytes };
            for (var parts = 0; await reader.ReadNextSectionAsync(cancellation).ConfigureAwait(false) is { } section; parts++)
            {
                if (parts == MostParts)
                    throw ServerErrors.TooLarge("Parts of the form", parts + 1, MostParts);
                if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition) || !IsPicture(disposition))
                    continue;
                CheckCount(pictures.Count + 1, options);
                var name = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value;
                pictures.Add(new(name is null ? null : ServerErrors.Shown(name), await BodyReader.ReadAsync(section.Body, null, options.MaxBodyBytes, cancellation).ConfigureAwait(false)));
            }
        }
        catch (Exception e) when (e is InvalidDataException or (IOException and not BadHttpRequestException))
        {
            throw ServerErrors.Malformed($"The form is malformed: {e.Message}");
        }

        return pictures.Count > 0 ? pictures : throw ServerErrors.Malformed("There is no file in the form.", "Send one or more, for example: curl -F file=@cat.jpg.");
    }

    static bool IsPicture(ContentDispositionHeaderValue disposition) =>
        disposition.FileName.HasValue || disposition.FileNameStar.HasValue || HeaderUtilities.RemoveQuotes(disposition.Name).Value is "file" or "image" or "data";
}
