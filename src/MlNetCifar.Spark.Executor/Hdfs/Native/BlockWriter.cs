using System.Buffers.Binary;
using Google.Protobuf;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>Writes one block over HDFS's data transfer protocol, version 28, through the pipeline of data nodes that a name node chose. A data node closes the connection afterwards.</summary>
static class BlockWriter
{
    const byte WriteBlock = 80;
    const int SetUpCreate = 6;
    const int Chunk = 512;
    const int PacketData = 126 * Chunk;

    /// <summary>Sends a block whole and waits until every data node has it.</summary>
    /// <param name="stream">Connected to the block's first data node.</param>
    /// <param name="client">The name under which the file was created.</param>
    /// <param name="block">As the name node gave it.</param>
    /// <param name="content">The block's bytes.</param>
    /// <exception cref="IOException">The connection failed.</exception>
    /// <exception cref="InvalidDataException">A data node refused, or the answer is none of this protocol.</exception>
    public static void Write(Stream stream, string client, LocatedBlockProto block, ReadOnlySpan<byte> content)
    {
        var reader = new TransferReader(stream);
        SetUp(stream, client, block, content.Length);
        reader.Response("write");
        var sequence = 0L;
        var packet = new byte[64 + (PacketData / Chunk * (Chunk + sizeof(int)))];
        for (var start = 0; start < content.Length; start += PacketData)
            Send(stream, packet, content.Slice(start, Math.Min(PacketData, content.Length - start)), start, sequence++, isLast: false);
        Send(stream, packet, [], content.Length, sequence, isLast: true);
        // They are a few bytes for each packet of 64 KiB: the socket's buffer holds those of a block meanwhile.
        for (var expected = 0L; expected <= sequence; expected++)
        {
            var ack = PipelineAckProto.Parser.ParseFrom(reader.Delimited());
            if (ack.Seqno != expected || ack.Reply.Any(r => r != TransferReader.Success))
                throw new InvalidDataException($"The data nodes answered packet {expected} with {ack}.");
        }
    }

    static void SetUp(Stream stream, string client, LocatedBlockProto block, int length)
    {
        var request = new OpWriteBlockProto
        {
            Header = new() { BaseHeader = new() { Block = block.B, Token = block.BlockToken }, ClientName = client },
            Stage = SetUpCreate,
            PipelineSize = (uint)block.Locs.Count,
            MinBytesRcvd = 0,
            MaxBytesRcvd = (ulong)length,
            LatestGenerationStamp = block.B.GenerationStamp,
            RequestedChecksum = new() { Type = TransferReader.Crc32CChecksum, BytesPerChecksum = Chunk },
        };
        request.Targets.Add(block.Locs.Skip(1));
        if (block.StorageTypes.Count > 0)
            request.StorageType = block.StorageTypes[0];
        request.TargetStorageTypes.Add(block.StorageTypes.Skip(1));
        if (block.StorageIDs.Count > 0)
            request.StorageId = block.StorageIDs[0];
        request.TargetStorageIds.Add(block.StorageIDs.Skip(1));
        TransferReader.SendOperation(stream, WriteBlock, request);
    }

    // A packet: its length without the header, the header's length, the header, checksums, data.
    static void Send(Stream stream, byte[] packet, ReadOnlySpan<byte> data, int offset, long sequence, bool isLast)
    {
        var header = new PacketHeaderProto { OffsetInBlock = offset, Seqno = sequence, LastPacketInBlock = isLast, DataLen = data.Length };
        var (chunks, start) = ((data.Length + Chunk - 1) / Chunk, 6 + header.CalculateSize());
        BinaryPrimitives.WriteInt32BigEndian(packet, sizeof(int) + (sizeof(int) * chunks) + data.Length);
        BinaryPrimitives.WriteInt16BigEndian(packet.AsSpan(sizeof(int)), (short)(start - 6));
        header.WriteTo(packet.AsSpan(6, start - 6));
        for (var i = 0; i < chunks; i++, start += sizeof(int))
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(start), TransferReader.Crc32C(data[(i * Chunk)..Math.Min((i + 1) * Chunk, data.Length)]));
        data.CopyTo(packet.AsSpan(start));
        stream.Write(packet.AsSpan(0, start + data.Length));
    }
}
