return args is ["kernels", .. var rest]
    ? MlNetCifar.Benchmarks.KernelBenchmark.Run(rest)
    : MlNetCifar.Benchmarks.KernelBenchmark.Run(args);
