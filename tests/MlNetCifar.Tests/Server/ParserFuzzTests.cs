using System.Text;
using MlNetCifar.Server;
using MlNetCifar.Server.Requests;

namespace MlNetCifar.Tests.Server;

/// <summary>Whatever bytes come, the parsers of bodies give a request or a fault of the client, and nothing else.</summary>
[TestClass]
public sealed class ParserFuzzTests
{
    static readonly ServingOptions s_options = new() { ModelsFolder = ".", MaxBodyBytes = 1 << 20 };

    static readonly byte[][] s_seeds =
    [
        "{\"id\":\"1\",\"parameters\":{\"binary_data_output\":true},\"inputs\":[{\"name\":\"image\",\"shape\":[2],\"datatype\":\"BYTES\",\"data\":[\"aGVsbG8=\",\"aGVsbG8=\"]}],\"outputs\":[{\"name\":\"label\",\"parameters\":{\"classification\":2}}]}"u8.ToArray(),
        "{\"inputs\":[{\"name\":\"image\",\"shape\":[1,2,2,3],\"datatype\":\"UINT8\",\"data\":[[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]]]}]}"u8.ToArray(),
        "{\"inputs\":[{\"name\":\"image\",\"shape\":[1,1,2,1],\"datatype\":\"FP32\",\"data\":[0.5,1e-3]}]}"u8.ToArray(),
        "{\"inputs\":[{\"name\":\"image\",\"shape\":[1],\"datatype\":\"BYTES\",\"parameters\":{\"binary_data_size\":9}}]}\u0005\0\0\0hello"u8.ToArray(),
    ];

    [TestMethod]
    public void InferRequests_OnlyClientsAreAtFault()
    {
        var (random, read) = (new Random(20), 0);
        for (var i = 0; i < 60_000; i++)
        {
            var bytes = Mutate(random, s_seeds[i % s_seeds.Length]);
            var length = i % s_seeds.Length == 3 ? $"{Array.IndexOf(bytes, (byte)5)}" : random.Next(20) == 0 ? $"{random.Next(-5, 300)}" : null;
            try
            {
                var request = InferRequest.Read(bytes, length, s_options);
                if (request.Type != "BYTES")
                    Assert.HasCount((int)request.Shape[0], request.Pictures());
                read++;
            }
            catch (RequestFault fault)
            {
                Assert.IsTrue(fault.Status is >= 400 and < 500, $"{fault.Status}: {Encoding.UTF8.GetString(bytes)}");
            }
        }

        Assert.IsGreaterThan(100, read, "a fuzzer that never gets through sees nothing");
    }

    [TestMethod]
    public async Task Forms_OnlyClientsAreAtFault()
    {
        await using var server = await RunningServer.Start();
        var random = new Random(21);
        byte[] form = [.. "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"u8, .. RunningServer.Png(0, 4, 4), .. "\r\n--b--\r\n"u8];
        var answered = 0;
        for (var i = 0; i < 400; i++)
        {
            using var response = await server.Client.PostAsync("/predict", RunningServer.Body(Mutate(random, form), "multipart/form-data; boundary=b"));
            Assert.IsTrue((int)response.StatusCode is 200 or (>= 400 and < 500), $"{response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
            answered += response.IsSuccessStatusCode ? 1 : 0;
        }

        Assert.IsGreaterThan(10, answered);
        Assert.IsFalse(server.Log.Text.Contains("Error", StringComparison.Ordinal), server.Log.Text);
    }

    static byte[] Mutate(Random random, byte[] seed)
    {
        var bytes = new List<byte>(seed);
        for (var n = random.Next(4); n > 0 && bytes.Count > 0; n--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveAt(at);
                    break;
                case 2:
                    bytes.Insert(at, "[]{}\",:0-9e.\\"u8[random.Next(13)]);
                    break;
                case 3:
                    bytes.RemoveRange(at, Math.Min(random.Next(12), bytes.Count - at));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(12), bytes.Count - at)));
                    break;
            }
        }

        return [.. bytes];
    }
}
