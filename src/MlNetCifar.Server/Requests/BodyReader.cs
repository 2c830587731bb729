using Microsoft.AspNetCore.Http.Features;

namespace MlNetCifar.Server.Requests;

/// <summary>Reads whole bodies, as far as the limit allows.</summary>
internal static class BodyReader
{
    const int FirstBytes = 1 << 16;

    /// <summary>Refuses a body that says it is too long, and makes the host refuse one that turns out to be.</summary>
    /// <returns>The length it says, or the most it may have.</returns>
    /// <exception cref="RequestFault">Too long (413).</exception>
    public static long Bound(HttpContext context, ServingOptions options)
    {
        if (context.Request.ContentLength is { } length && length > options.MaxBodyBytes)
            throw ServerErrors.TooLarge("Bytes of the body", length, options.MaxBodyBytes);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = options.MaxBodyBytes;
        return context.Request.ContentLength ?? options.MaxBodyBytes;
    }

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="stream">The body or a part of it.</param>
    /// <param name="expected">Its length where that is known.</param>
    /// <param name="limit">Most bytes accepted.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="RequestFault">Too long (413).</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(Stream stream, long? expected, long limit, CancellationToken cancellation)
    {
        // One byte more, so that the end is seen without growing.
        var buffer = new byte[Math.Min(expected ?? FirstBytes, limit) + 1];
        var length = 0;
        while (await stream.ReadAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false) is > 0 and var read)
        {
            if ((length += read) > limit)
                throw ServerErrors.TooLarge("Bytes of the body", length, limit);
            if (length == buffer.Length)
                Array.Resize(ref buffer, (int)Math.Min((2L * length) + 1, limit + 1));
        }

        return buffer.AsMemory(0, length);
    }
}
