using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// Whether a listing tells that a user may read a file. Who may list a folder is told where the blocks of all its files lie, and a data node without tokens gives them to everybody:
/// the permission is only asked where the name node is asked for the file. So whoever reads by a listing keeps to it himself, and of all that is not plain asks the name node.
/// </summary>
static class ReadPermission
{
    const uint OwnerReads = 0x100;
    const uint GroupAndOthersRead = 0x24;

    // The flag of Hadoop 3, and the bit that Hadoop 2 has for it.
    const uint ListFlag = 1;
    const uint ListBit = 0x1000;

    /// <summary>Whether it is plain from the file's status. Groups are not known here, nor what an access control list says.</summary>
    public static bool IsGiven(HdfsFileStatusProto file, string user)
    {
        if (file.Permission is not { } permission || (permission.Perm & ListBit) != 0 || (file.Flags & ListFlag) != 0)
            return false;
        var wanted = file.Owner == user ? OwnerReads : GroupAndOthersRead;
        return (permission.Perm & wanted) == wanted;
    }
}
