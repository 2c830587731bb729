using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MlNetCifar.Imaging;

/// <summary>JPEG colours to RGB, rounded as libjpeg rounds (JFIF, 16-bit fixed point).</summary>
static class ColorConversion
{
    /// <summary>YCbCr to RGB.</summary>
    /// <param name="y">At least <paramref name="width"/> bytes, as the other two.</param>
    /// <param name="cb">Blue difference.</param>
    /// <param name="cr">Red difference.</param>
    /// <param name="rgb">3 · <paramref name="width"/> bytes; overwritten.</param>
    /// <param name="width">Pixels.</param>
    public static void YccToRgb(ReadOnlySpan<byte> y, ReadOnlySpan<byte> cb, ReadOnlySpan<byte> cr, Span<byte> rgb, int width)
    {
        var x = 0;
        if (Avx512BW.IsSupported) x = YccToRgb<ShortLanes512, Vector512<short>>(y, cb, cr, rgb, width, 0);
        if (Avx2.IsSupported) x = YccToRgb<ShortLanes256, Vector256<short>>(y, cb, cr, rgb, width, x);
        if (Vector128.IsHardwareAccelerated) x = YccToRgb<ShortLanes128, Vector128<short>>(y, cb, cr, rgb, width, x);
        for (; x < width; x++) YccPixel(y[x], cb[x] - 128, cr[x] - 128, rgb.Slice(3 * x, 3));
    }

    /// <summary>Converts whole registers.</summary>
    /// <param name="y">As <see cref="YccToRgb(ReadOnlySpan{byte}, ReadOnlySpan{byte}, ReadOnlySpan{byte}, Span{byte}, int)"/>.</param>
    /// <param name="cb">Blue difference.</param>
    /// <param name="cr">Red difference.</param>
    /// <param name="rgb">Pixels.</param>
    /// <param name="width">Pixels in all.</param>
    /// <param name="x">First pixel.</param>
    /// <returns>First pixel not converted.</returns>
    public static int YccToRgb<L, V>(ReadOnlySpan<byte> y, ReadOnlySpan<byte> cb, ReadOnlySpan<byte> cr, Span<byte> rgb, int width, int x)
        where L : struct, IShortLanes<V> where V : struct
    {
        if (y.Length < width || cb.Length < width || cr.Length < width || rgb.Length < 3 * width) throw new ArgumentException("Rows are too short.", nameof(rgb));
        ref var ys = ref MemoryMarshal.GetReference(y);
        ref var cbs = ref MemoryMarshal.GetReference(cb);
        ref var crs = ref MemoryMarshal.GetReference(cr);
        ref var target = ref MemoryMarshal.GetReference(rgb);
        var center = L.Fill(128);
        // 1.402 = 1 + 26345/65536, 1.772 = 2 - 14942/65536, -0.71414 = 18734/65536 - 1: factors that fit 16 bits.
        var toRed = L.Fill(26345);
        var toGreen = L.Pair(-22554, 18734);
        var toBlue = L.Fill(-14942);
        var half = L.FillWide(1 << 15);
        for (; x + 8 * L.Blocks <= width; x += 8 * L.Blocks)
        {
            var luma = L.LoadBytes(ref Unsafe.Add(ref ys, x));
            var blueness = L.Subtract(L.LoadBytes(ref Unsafe.Add(ref cbs, x)), center);
            var redness = L.Subtract(L.LoadBytes(ref Unsafe.Add(ref crs, x)), center);
            var low = L.AddWide(L.MultiplyPairs(L.Low16(blueness, redness), toGreen), half);
            var high = L.AddWide(L.MultiplyPairs(L.High16(blueness, redness), toGreen), half);
            var (twiceBlue, twiceRed) = (L.Add(blueness, blueness), L.Add(redness, redness));
            var red = L.Add(L.Add(luma, redness), Scale<L, V>(twiceRed, toRed));
            var green = L.Add(L.Subtract(luma, redness), L.PackWide(L.ShiftRightWide(low, 16), L.ShiftRightWide(high, 16)));
            var blue = L.Add(L.Add(luma, twiceBlue), Scale<L, V>(twiceBlue, toBlue));
            L.StorePixels(red, green, blue, ref Unsafe.Add(ref target, 3 * x));
        }
        return x;
    }

    /// <summary>Three planes to pixels.</summary>
    public static void PlanesToRgb(ReadOnlySpan<byte> red, ReadOnlySpan<byte> green, ReadOnlySpan<byte> blue, Span<byte> rgb, int width)
    {
        for (var x = 0; x < width; x++)
        {
            rgb[3 * x] = red[x];
            rgb[3 * x + 1] = green[x];
            rgb[3 * x + 2] = blue[x];
        }
    }

    /// <summary>Grey to pixels.</summary>
    public static void GreyToRgb(ReadOnlySpan<byte> grey, Span<byte> rgb, int width) => PlanesToRgb(grey, grey, grey, rgb, width);

    /// <summary>Inverted CMYK, as every JPEG writer stores it, to pixels: each colour times black.</summary>
    public static void CmykToRgb(ReadOnlySpan<byte> cyan, ReadOnlySpan<byte> magenta, ReadOnlySpan<byte> yellow, ReadOnlySpan<byte> black, Span<byte> rgb, int width)
    {
        PlanesToRgb(cyan, magenta, yellow, rgb, width);
        TimesBlack(rgb, black, width);
    }

    /// <summary>YCCK to pixels: the YCbCr part is the complement of the (inverted) CMY.</summary>
    public static void YcckToRgb(ReadOnlySpan<byte> y, ReadOnlySpan<byte> cb, ReadOnlySpan<byte> cr, ReadOnlySpan<byte> black, Span<byte> rgb, int width)
    {
        YccToRgb(y, cb, cr, rgb, width);
        for (var i = 0; i < 3 * width; i++) rgb[i] = (byte)(255 - rgb[i]);
        TimesBlack(rgb, black, width);
    }

    static void TimesBlack(Span<byte> rgb, ReadOnlySpan<byte> black, int width)
    {
        for (var x = 0; x < width; x++)
        {
            for (var channel = 0; channel < 3; channel++) rgb[3 * x + channel] = (byte)((2 * rgb[3 * x + channel] * black[x] + 255) / 510);
        }
    }

    /// <summary>Half of a number times a factor of 16 bits behind the point, rounded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Scale<L, V>(V twice, V factor) where L : struct, IShortLanes<V> where V : struct => L.ShiftRight(L.Add(L.MultiplyHigh(twice, factor), L.Fill(1)), 1);

    static void YccPixel(int y, int cb, int cr, Span<byte> pixel)
    {
        const int Half = 1 << 15;
        pixel[0] = (byte)Math.Clamp(y + ((91881 * cr + Half) >> 16), 0, 255);
        pixel[1] = (byte)Math.Clamp(y + ((-22554 * cb - 46802 * cr + Half) >> 16), 0, 255);
        pixel[2] = (byte)Math.Clamp(y + ((116130 * cb + Half) >> 16), 0, 255);
    }
}
