using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Tests.Spark.Hdfs;

/// <summary>HDFS's own protocols against prepared answers: whole, cut at any place, damaged at any place.</summary>
[TestClass]
public sealed class NativeProtocolTests
{
    const int Chunk = 512;

    static readonly LocatedBlockProto s_block = new()
    {
        B = new() { PoolId = "p", BlockId = 1, GenerationStamp = 2 },
        Offset = 0,
        Corrupt = false,
        BlockToken = new() { Identifier = ByteString.Empty, Password = ByteString.Empty, Kind = "", Service = "" },
    };

    static readonly byte[] s_accepted = Delimited(new BlockOpResponseProto { Status = 0, ReadOpChecksumInfo = new() { Checksum = new() { Type = 2, BytesPerChecksum = Chunk }, ChunkOffset = 0 } });

    static byte[] Bytes(int count, int seed = 1)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    [TestMethod]
    public void Crc32C_IsTheOneOfTheStandard()
    {
        // RFC 3720, B.4, and the check value of the CRC catalogue.
        Assert.AreEqual(0x8A9136AAu, TransferReader.Crc32C(new byte[32]));
        Assert.AreEqual(0x62A8AB43u, TransferReader.Crc32C([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.AreEqual(0xE3069283u, TransferReader.Crc32C("123456789"u8));
    }

    [TestMethod]
    public void Block_IsReadWhole_WhateverItsPacketsAndTheNetworksPieces() =>
        Prop.ForAll(Gen.Choose(1, 5000).ToArbitrary(), Gen.Choose(1, 6).ToArbitrary(), Gen.Choose(1, 700).ToArbitrary(), (length, chunks, piece) =>
        {
            var data = Bytes(length);
            using var connection = new BlockReader(new Conversation(Answer(data, chunks * Chunk), piece));
            var read = new byte[length];
            connection.Read(s_block, read);
            return read.AsSpan().SequenceEqual(data);
        }).QuickCheckThrowOnFailure();

    [TestMethod]
    public void Connection_IsUsedAgain()
    {
        var (first, second) = (Bytes(1000), Bytes(3000, 2));
        var conversation = new Conversation([.. Answer(first, Chunk), .. Answer(second, 65536)], 4096);
        using var connection = new BlockReader(conversation);
        foreach (var data in new[] { first, second })
        {
            var read = new byte[data.Length];
            connection.Read(s_block, read);
            CollectionAssert.AreEqual(data, read);
        }

        // Version 28, operation 81; and SUCCESS behind each request, without which the data node waits after the block.
        CollectionAssert.AreEqual(new byte[] { 0, 28, 81 }, conversation.Written.ToArray()[..3]);
        CollectionAssert.AreEqual(new byte[] { 2, 8, 0 }, conversation.Written.ToArray()[^3..]);
    }

    [TestMethod]
    public void Blocks_AreAskedForAtOnce_AndReceivedInTheirOrder() =>
        Prop.ForAll(Gen.Choose(1, 3000).ArrayOf(5).ToArbitrary(), Gen.Choose(1, 700).ToArbitrary(), (lengths, piece) =>
        {
            var data = lengths.Select((length, i) => Bytes(length, i)).ToArray();
            var conversation = new Conversation([.. data.SelectMany(d => Answer(d, 1024))], piece);
            using var connection = new BlockReader(conversation);
            connection.Ask([.. data.Select(d => new SmallFile("", d, s_block))]);
            var asked = conversation.Written.Length;
            return data.All(d =>
            {
                var read = new byte[d.Length];
                connection.Receive(read);
                return read.AsSpan().SequenceEqual(d);
            }) && conversation.Written.Length == asked;
        }).QuickCheckThrowOnFailure();

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(511)]
    [DataRow(512)]
    [DataRow(1999)]
    public void Block_WithAWrongByte_IsRefused(int at)
    {
        var data = Bytes(2000);
        var answer = Answer(data, 1024, wrong: at);
        using var connection = new BlockReader(new Conversation(answer, 100));
        Assert.ThrowsExactly<InvalidDataException>(() => connection.Read(s_block, new byte[2000]));
    }

    [TestMethod]
    public void Block_ThatIsLongerOrShorter_IsRefused()
    {
        foreach (var wanted in new[] { 1999, 2001 })
        {
            using var connection = new BlockReader(new Conversation(Answer(Bytes(2000), 1024), 100));
            Assert.ThrowsExactly<InvalidDataException>(() => connection.Read(s_block, new byte[wanted]));
        }
    }

    [TestMethod]
    public void Answer_CutAnywhere_IsAnIOError()
    {
        var answer = Answer(Bytes(700), 512);
        for (var cut = 0; cut < answer.Length; cut++)
        {
            using var connection = new BlockReader(new Conversation(answer[..cut], 64));
            Assert.ThrowsExactly<EndOfStreamException>(() => connection.Read(s_block, new byte[700]), $"cut at {cut}");
        }
    }

    [TestMethod]
    public void Answer_DamagedAnywhere_IsANamedErrorOrTheRightBytes()
    {
        var data = Bytes(3000);
        var answer = Answer(data, 1024);
        var random = new Random(5);
        for (var run = 0; run < 20_000; run++)
        {
            var damaged = answer.ToArray();
            for (var i = random.Next(1, 4); i > 0; i--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            var read = new byte[data.Length];
            using var connection = new BlockReader(new Conversation(damaged, 4096));
            if (Try(() => connection.Read(s_block, read)))
                CollectionAssert.AreEqual(data, read);
        }
    }

    [TestMethod]
    public void Block_IsWrittenInCheckedPackets_OfAnyLength()
    {
        foreach (var length in new[] { 1, 511, 512, 513, 64_511, 64_512, 64_513, 200_000 })
        {
            var data = Bytes(length);
            var packets = ((length + 64_511) / 64_512) + 1;
            var conversation = new Conversation([.. Delimited(new BlockOpResponseProto { Status = 0 }), .. Enumerable.Range(0, packets).SelectMany(i => Ack(i, 0))], 7);
            BlockWriter.Write(conversation, "c", s_block, data);
            var sent = new Conversation(conversation.Written.ToArray(), 1000);
            var reader = new TransferReader(sent);
            CollectionAssert.AreEqual(new byte[] { 0, 28, 80 }, reader.Take(3).ToArray());
            var request = OpWriteBlockProto.Parser.ParseFrom(reader.Delimited());
            Assert.AreEqual((ulong)length, request.MaxBytesRcvd);
            // What was sent as packets is what a reader takes for a block.
            var start = 3 + Delimited(request).Length;
            var packetBytes = conversation.Written.ToArray()[start..];
            using var back = new BlockReader(new Conversation([.. s_accepted, .. packetBytes], 5000));
            var read = new byte[length];
            back.Read(s_block, read);
            CollectionAssert.AreEqual(data, read, $"{length} bytes");
        }
    }

    [TestMethod]
    public void Write_ThatADataNodeDoesNotAcknowledge_IsRefused()
    {
        byte[] refused = Delimited(new BlockOpResponseProto { Status = 1, Message = "full" });
        byte[] accepted = Delimited(new BlockOpResponseProto { Status = 0 });
        foreach (var answer in new[] { refused, [.. accepted, .. Ack(0, 1), .. Ack(1, 0)], [.. accepted, .. Ack(1, 0), .. Ack(1, 0)] })
            Assert.ThrowsExactly<InvalidDataException>(() => BlockWriter.Write(new Conversation(answer, 100), "c", s_block, Bytes(10)));
        Assert.ThrowsExactly<EndOfStreamException>(() => BlockWriter.Write(new Conversation([.. accepted, .. Ack(0, 0)], 100), "c", s_block, Bytes(10)));
    }

    [TestMethod]
    public void NameNode_GivesBlocks_AndItsRefusalIsNamed()
    {
        var located = new LocatedBlocksProto { FileLength = 7, UnderConstruction = false };
        using var conversation = new Conversation(
            [.. Reply(1, 0, new GetBlockLocationsResponseProto { Locations = located }), .. Refusal(2, "org.apache.hadoop.ipc.StandbyException"), .. Reply(3, 0, new GetBlockLocationsResponseProto())], 3);
        using var connection = new NameNodeConnection(conversation, "ann");
        Assert.AreEqual(7ul, connection.GetBlockLocations("/a", 7)!.FileLength);
        Assert.IsTrue(Assert.ThrowsExactly<HadoopRpcException>(() => connection.GetBlockLocations("/a", 7)).IsStandby);
        Assert.IsNull(connection.GetBlockLocations("/none", 7));
        CollectionAssert.AreEqual("hrpc\x09\0\0"u8.ToArray(), conversation.Written.ToArray()[..7]);
    }

    [TestMethod]
    public void NameNode_WithAnotherAuthentication_IsRefused()
    {
        using var connection = new NameNodeConnection(new Conversation(Refusal(-1, "org.apache.hadoop.security.AccessControlException"), 100), "ann");
        var error = Assert.ThrowsExactly<InvalidDataException>(() => connection.GetBlockLocations("/a", 1));
        StringAssert.Contains(error.Message, "AccessControlException");
    }

    [TestMethod]
    public void NameNodesAnswer_DamagedAnywhere_IsANamedError()
    {
        var listing = new DirectoryListingProto { RemainingEntries = 0 };
        for (var i = 0; i < 20; i++)
            listing.PartialListing.Add(new HdfsFileStatusProto { Path = ByteString.CopyFromUtf8($"f{i}"), Locations = new() { FileLength = 3, UnderConstruction = false, Blocks = { s_block } } });
        var answer = Reply(1, 0, new GetListingResponseProto { DirList = listing });
        var random = new Random(6);
        var refused = 0;
        for (var run = 0; run < 20_000; run++)
        {
            var damaged = answer.ToArray();
            // Not the frame's length: a long one is waited for, which the timeout of a real connection ends.
            for (var i = random.Next(1, 4); i > 0; i--)
                damaged[random.Next(sizeof(int), damaged.Length)] = (byte)random.Next(256);
            using var connection = new NameNodeConnection(new Conversation(damaged, 4096), "ann");
            refused += Try(() => connection.GetListing("/", ByteString.Empty)) ? 0 : 1;
        }

        // Damage within a name, a length or a time is no fault of the protocol.
        Assert.IsGreaterThan(1000, refused);
    }

    // An error of another kind than the reader expects ends the test.
    static bool Try(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or InvalidProtocolBufferException or HadoopRpcException)
        {
            return false;
        }
    }

    /// <summary>What a data node sends for a block, in packets of so many bytes.</summary>
    static byte[] Answer(byte[] data, int packet, int wrong = -1)
    {
        var sent = new MemoryStream();
        sent.Write(s_accepted);
        var sequence = 0;
        for (var start = 0; start < data.Length; start += packet)
            WritePacket(data.AsSpan(start, Math.Min(packet, data.Length - start)), start, sequence++, false, wrong - start);
        WritePacket([], data.Length, sequence, true, -1);
        return sent.ToArray();

        void WritePacket(ReadOnlySpan<byte> bytes, int offset, int number, bool isLast, int wrong)
        {
            var header = new PacketHeaderProto { OffsetInBlock = offset, Seqno = number, LastPacketInBlock = isLast, DataLen = bytes.Length }.ToByteArray();
            var sums = new MemoryStream();
            for (var i = 0; i < bytes.Length; i += Chunk)
                sums.Write(BigEndian(TransferReader.Crc32C(bytes[i..Math.Min(i + Chunk, bytes.Length)])));
            sent.Write(BigEndian((uint)(sizeof(int) + sums.Length + bytes.Length)));
            sent.Write([(byte)(header.Length >> 8), (byte)header.Length]);
            sent.Write(header);
            sent.Write(sums.ToArray());
            var body = bytes.ToArray();
            if (wrong >= 0 && wrong < body.Length)
                body[wrong] ^= 1;
            sent.Write(body);
        }
    }

    static byte[] Ack(int number, int status) => Delimited(new PipelineAckProto { Seqno = number, Reply = { 0, status } });

    static byte[] Delimited(IMessage message)
    {
        var bytes = new MemoryStream();
        message.WriteDelimitedTo(bytes);
        return bytes.ToArray();
    }

    static byte[] Reply(int call, int status, IMessage message) => Frame(new() { CallId = (uint)call, Status = status }, message);

    static byte[] Refusal(int call, string type) => Frame(new() { CallId = (uint)call, Status = 1, ExceptionClassName = type, ErrorMsg = "no" }, null);

    static byte[] Frame(RpcResponseHeaderProto header, IMessage? message)
    {
        var body = new MemoryStream();
        header.WriteDelimitedTo(body);
        message?.WriteDelimitedTo(body);
        return [.. BigEndian((uint)body.Length), .. body.ToArray()];
    }

    static byte[] BigEndian(uint value)
    {
        var bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>A server that has its answers ready and gives them in pieces of at most so many bytes.</summary>
    sealed class Conversation(byte[] answers, int piece) : Stream
    {
        int _position;

        public MemoryStream Written { get; } = new();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var n = Math.Min(Math.Min(count, piece), answers.Length - _position);
            answers.AsSpan(_position, n).CopyTo(buffer.AsSpan(offset));
            _position += n;
            return n;
        }

        public override void Write(byte[] buffer, int offset, int count) => Written.Write(buffer, offset, count);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
