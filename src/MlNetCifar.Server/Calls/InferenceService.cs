using System.Globalization;
using Grpc.Core;
using MlNetCifar.Server.Protos;
using MlNetCifar.Server.Requests;
using MlNetCifar.Server.Routes;

namespace MlNetCifar.Server.Calls;

/// <summary>The Open Inference Protocol, version 2, over gRPC: the answers of its REST form, to the bit.</summary>
internal sealed class InferenceService(Serving serving) : GRPCInferenceService.GRPCInferenceServiceBase
{
    /// <summary>Methods that need no key.</summary>
    public static bool IsOpen(string method) => method is nameof(ServerLive) or nameof(ServerReady);

    public override Task<ServerLiveResponse> ServerLive(ServerLiveRequest request, ServerCallContext context) => Task.FromResult(new ServerLiveResponse { Live = true });

    public override Task<ServerReadyResponse> ServerReady(ServerReadyRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerReadyResponse { Ready = serving.WhyNotReady is null });

    public override Task<ServerMetadataResponse> ServerMetadata(ServerMetadataRequest request, ServerCallContext context) =>
        Task.FromResult(new ServerMetadataResponse { Name = ProtocolRoutes.ServerName, Version = ProtocolRoutes.ServerVersion, Extensions = { "classification" } });

    public override Task<ModelReadyResponse> ModelReady(ModelReadyRequest request, ServerCallContext context) => RunAsync(context, _ =>
    {
        using var held = Hold(request.Name, request.Version);
        return Task.FromResult(new ModelReadyResponse { Ready = !serving.IsDraining });
    });

    public override Task<ModelMetadataResponse> ModelMetadata(ModelMetadataRequest request, ServerCallContext context) => RunAsync(context, _ =>
    {
        using var held = Hold(request.Name, request.Version);
        var response = new ModelMetadataResponse { Name = held.Model.Name, Platform = ProtocolRoutes.Platform };
        if (held.Model.IsVersioned)
            response.Versions.Add(serving.Store.Models[held.Model.Name].Values.Select(version => version.VersionText));
        response.Inputs.Add(new ModelMetadataResponse.Types.TensorMetadata { Name = ProtocolRoutes.InputName, Datatype = "BYTES", Shape = { -1 } });
        foreach (var (name, type, shape) in InferAnswer.Outputs(held.Model))
            response.Outputs.Add(new ModelMetadataResponse.Types.TensorMetadata { Name = name, Datatype = type, Shape = { shape } });
        return Task.FromResult(response);
    });

    public override Task<ModelInferResponse> ModelInfer(ModelInferRequest request, ServerCallContext context) => RunAsync(context, async scope =>
    {
        using var held = Hold(request.ModelName, request.ModelVersion);
        using var ticket = serving.Admission.Body(request.CalculateSize());
        var read = InferMessages.Read(request, serving.Options);
        var response = new ModelInferResponse();
        await held.AnswerAsync(scope.Id, async model =>
            response = InferMessages.Write(request, model, read, await read.AnswerAsync(serving, model, scope).ConfigureAwait(false))).ConfigureAwait(false);
        return response;
    });

    HeldModel Hold(string name, string version) => new(serving, name.Length > 0 ? name : null, version.Length > 0 ? version : null);

    /// <summary>Runs a call within its deadline; faults become its status.</summary>
    async Task<T> RunAsync<T>(ServerCallContext context, Func<RequestScope, Task<T>> run)
    {
        var http = context.GetHttpContext();
        var scope = RequestScope.Of(http);
        try
        {
            if (context.Deadline != DateTime.MaxValue)
                scope.Shorten(context.Deadline - DateTime.UtcNow);
            return await run(scope).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            if (Faults.Of(http, e, scope, serving.Logger) is not { } fault)
                throw new RpcException(new Status(StatusCode.Cancelled, "The client has gone."));
            scope.Fault = fault;
            serving.Meter.Rejected(fault.Code);
            throw Exception(fault);
        }
    }

    static RpcException Exception(RequestFault fault)
    {
        var trailers = new Metadata { { "mlnetcifar-code", fault.Code } };
        if (fault.RetryAfter is { } wait)
            trailers.Add("grpc-retry-pushback-ms", wait.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture));
        return new RpcException(new Status(Code(fault.Status), fault.Text), trailers);
    }

    static StatusCode Code(int status) => status switch
    {
        400 or 413 or 415 or 422 => StatusCode.InvalidArgument,
        401 => StatusCode.Unauthenticated,
        404 => StatusCode.NotFound,
        429 => StatusCode.ResourceExhausted,
        503 => StatusCode.Unavailable,
        504 => StatusCode.DeadlineExceeded,
        _ => StatusCode.Internal,
    };
}
