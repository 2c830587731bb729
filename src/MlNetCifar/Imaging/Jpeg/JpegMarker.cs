namespace MlNetCifar.Imaging;

/// <summary>Second bytes of the markers (T.81, table B.1).</summary>
static class JpegMarker
{
    public const int Sof0 = 0xC0;
    public const int Sof2 = 0xC2;
    public const int Dht = 0xC4;
    public const int Rst0 = 0xD0;
    public const int Soi = 0xD8;
    public const int Eoi = 0xD9;
    public const int Sos = 0xDA;
    public const int Dqt = 0xDB;
    public const int Dri = 0xDD;
    public const int App0 = 0xE0;
}
