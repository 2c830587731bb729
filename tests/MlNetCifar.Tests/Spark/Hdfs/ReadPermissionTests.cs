using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Tests.Spark.Hdfs;

[TestClass]
public sealed class ReadPermissionTests
{
    // Permissions octal, as HDFS has them.
    [TestMethod]
    [DataRow("644", "ann", "ann", true)]
    [DataRow("644", "ann", "bob", true)]
    [DataRow("600", "ann", "ann", true)]
    [DataRow("600", "ann", "bob", false)]
    [DataRow("640", "ann", "bob", false, DisplayName = "whether bob is of the group is not known")]
    [DataRow("604", "ann", "bob", false, DisplayName = "of the group, he may not")]
    [DataRow("044", "ann", "ann", false)]
    [DataRow("10644", "ann", "bob", false, DisplayName = "a list may deny him")]
    public void OnlyWhatIsPlain_IsReadByAListing(string permission, string owner, string user, bool isGiven) =>
        Assert.AreEqual(isGiven, ReadPermission.IsGiven(File(permission, owner), user));

    [TestMethod]
    public void AccessControlList_OrNoPermissionAtAll_IsForTheNameNode()
    {
        var listed = File("644", "ann");
        listed.Flags = 1;
        Assert.IsFalse(ReadPermission.IsGiven(listed, "ann"));
        listed.Flags = 2;
        Assert.IsTrue(ReadPermission.IsGiven(listed, "ann"));
        Assert.IsFalse(ReadPermission.IsGiven(new() { Owner = "ann" }, "ann"));
    }

    static HdfsFileStatusProto File(string permission, string owner) => new() { Permission = new() { Perm = Convert.ToUInt32(permission, 8) }, Owner = owner };
}
