using System.Collections.Immutable;
using System.Text.Json;

namespace MlNetCifar.Nn;

/// <summary>The JSON form of a network description, as model files hold it.</summary>
internal static class NetworkJson
{
    public static void Write(Utf8JsonWriter json, NetworkSpec spec)
    {
        json.WriteStartObject();
        json.WriteString("name", spec.Name);
        json.WriteNumber("height", spec.Height);
        json.WriteNumber("width", spec.Width);
        json.WriteNumber("channels", spec.Channels);
        json.WriteNumber("classes", spec.Classes);
        json.WriteString("loss", spec.Loss.ToString());
        Write(json, "layers", spec.Layers);
        json.WriteEndObject();
    }

    /// <summary>Reads and checks a description.</summary>
    /// <param name="json">The object that <see cref="Write(Utf8JsonWriter, NetworkSpec)"/> wrote.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="MlNetCifarException">It is no description (MNC2005) or no valid network (MNC2001 … MNC2003).</exception>
    public static NetworkSpec Read(JsonElement json, string? path)
    {
        NetworkSpec spec;
        try
        {
            spec = new NetworkSpec
            {
                Name = json.GetProperty("name").GetString()!,
                Height = json.GetProperty("height").GetInt32(),
                Width = json.GetProperty("width").GetInt32(),
                Channels = json.GetProperty("channels").GetInt32(),
                Classes = json.GetProperty("classes").GetInt32(),
                Loss = Enum.Parse<LossKind>(json.GetProperty("loss").GetString()!),
                Layers = Layers(json.GetProperty("layers")),
            };
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            throw NetworkErrors.Description(e.Message, path);
        }

        spec.Validate();
        return spec;
    }

    static void Write(Utf8JsonWriter json, string name, ImmutableArray<LayerSpec> layers)
    {
        json.WriteStartArray(name);
        foreach (var layer in layers)
        {
            json.WriteStartObject();
            json.WriteString("kind", layer.Kind);
            Write(json, layer);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    static void Write(Utf8JsonWriter json, LayerSpec layer)
    {
        switch (layer)
        {
            case Conv2d conv:
                json.WriteNumber("filters", conv.Filters);
                json.WriteNumber("kernel", conv.Kernel);
                json.WriteNumber("kernel_width", conv.KernelWidth);
                json.WriteNumber("stride", conv.Stride);
                json.WriteString("padding", conv.Padding.ToString());
                json.WriteBoolean("bias", conv.Bias);
                json.WriteBoolean("frozen", conv.Frozen);
                json.WriteString("initializer", conv.Initializer.ToString());
                json.WriteString("bias_initializer", conv.BiasInitializer.ToString());
                break;
            case Linear linear:
                json.WriteNumber("units", linear.Units);
                json.WriteBoolean("bias", linear.Bias);
                json.WriteString("initializer", linear.Initializer.ToString());
                break;
            case BatchNorm norm:
                json.WriteNumber("epsilon", norm.Epsilon);
                json.WriteNumber("momentum", norm.Momentum);
                json.WriteBoolean("scale", norm.Scale);
                break;
            case Pool2d pool:
                json.WriteNumber("size", pool.Size);
                json.WriteNumber("stride", pool.Stride);
                json.WriteNumber("pad", pool.Pad);
                break;
            case Activation activation:
                json.WriteString("function", activation.Function.ToString());
                json.WriteNumber("slope", activation.Slope);
                break;
            case Scale scale:
                json.WriteNumber("factor", scale.Factor);
                break;
            case Dropout dropout:
                json.WriteNumber("rate", dropout.Rate);
                break;
            case Residual residual:
                Write(json, "body", residual.Body);
                Write(json, "shortcut", residual.Shortcut);
                break;
        }
    }

    static ImmutableArray<LayerSpec> Layers(JsonElement json) => [.. json.EnumerateArray().Select(Layer)];

    static LayerSpec Layer(JsonElement json)
    {
        var kind = json.GetProperty("kind").GetString();
        return kind switch
        {
            "conv2d" => new Conv2d(Int("filters"), Int("kernel"))
            {
                KernelWidth = Int("kernel_width"), Stride = Int("stride"), Padding = Name<Padding>("padding"), Bias = Flag("bias"),
                Frozen = Flag("frozen"), Initializer = Name<Initializer>("initializer"), BiasInitializer = Name<Initializer>("bias_initializer"),
            },
            "linear" => new Linear(Int("units")) { Bias = Flag("bias"), Initializer = Name<Initializer>("initializer") },
            "batch_norm" => new BatchNorm { Epsilon = Real("epsilon"), Momentum = Real("momentum"), Scale = Flag("scale") },
            "max_pool" => new Pool2d(PoolKind.Max, Int("size")) { Stride = Int("stride"), Pad = Int("pad") },
            "average_pool" => new Pool2d(PoolKind.Average, Int("size")) { Stride = Int("stride"), Pad = Int("pad") },
            "global_max_pool" => new GlobalPool(PoolKind.Max),
            "global_average_pool" => new GlobalPool(PoolKind.Average),
            "activation" => new Activation(Name<ActivationKind>("function")) { Slope = Real("slope") },
            "scale" => new Scale(Real("factor")),
            "dropout" => new Dropout(Real("rate")),
            "flatten" => new Flatten(),
            "residual" => new Residual(Layers(json.GetProperty("body")), Layers(json.GetProperty("shortcut"))),
            _ => throw new FormatException($"layer kind '{kind}' is not known"),
        };

        int Int(string name) => json.GetProperty(name).GetInt32();
        float Real(string name) => json.GetProperty(name).GetSingle();
        bool Flag(string name) => json.GetProperty(name).GetBoolean();
        T Name<T>(string name)
            where T : struct, Enum
            => Enum.Parse<T>(json.GetProperty(name).GetString()!);
    }
}
