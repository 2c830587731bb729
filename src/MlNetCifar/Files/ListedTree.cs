namespace MlNetCifar.Files;

/// <summary>Files that another system has listed and will read: their names and lengths alone.</summary>
internal sealed class ListedTree : FileTree
{
    public ListedTree(string origin, FileListing files)
        : base(origin) => SetListing(files, new(StringComparer.Ordinal));

    internal override bool IsRandomAccess => true;

    public override string Locate(string path) => $"{Origin}:{path}";

    public override int Read(int file, ref byte[] buffer) => throw new NotSupportedException($"The files of {Origin} are only listed here, not read.");
}
