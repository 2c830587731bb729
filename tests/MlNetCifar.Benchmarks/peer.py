#!/usr/bin/env python3
"""Speed beside PyTorch: runs this program and a PyTorch peer in turn (A B A B …) on this machine and prints the ratios.

    dotnet build -c Release
    python3 tests/MlNetCifar.Benchmarks/peer.py --peer ../shared/bench/torch_peer.py [--rounds 3] [--seconds 6] [--threads 2] [ROW …]

The peer takes --net, --batch, --phase, --threads and --seconds and prints one JSON line with "images_per_s". A ratio is ours over the peer's in the same round;
the table shows the median and, in brackets, the least and the greatest. Without ROW all rows are run; a row is for example seed-cnn:train:64.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
APP = ROOT / "artifacts/bin/MlNetCifar.App/release/MlNetCifar.App.dll"
ROWS = ["seed-cnn:train:64", "seed-cnn:train:512", "seed-cnn:infer:64", "airbench94:train:256", "airbench94:infer:256"]

# The peer's own optimizers, so that both do the same work in a step.
OPTIMIZER = {"seed-cnn": "adam", "airbench94": "sgd"}


def last_json(command, key):
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output.strip().splitlines()[-1])[key]


def ours(net, phase, batch, a):
    command = ["dotnet", str(APP), "benchmark", phase, "--preset", net, "--batch-size", batch, "--threads", str(a.threads), "--seconds", str(a.seconds), "--json"]
    return last_json(command + ["--optimizer", OPTIMIZER[net]], "imagesPerSecond")


def peer(net, phase, batch, a):
    command = [a.python, a.peer, "--net", net, "--batch", batch, "--phase", phase, "--threads", str(a.threads), "--seconds", str(a.seconds)]
    return last_json(command, "images_per_s")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peer", required=True)
    p.add_argument("--python", default="/usr/bin/python3")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=6.0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("rows", nargs="*", default=ROWS)
    a = p.parse_args()
    print("| work | ours, images/s | peer, images/s | ratio |\n| --- | --- | --- | --- |")
    for row in a.rows or ROWS:
        net, phase, batch = row.split(":")
        rounds = [(ours(net, phase, batch, a), peer(net, phase, batch, a)) for _ in range(a.rounds)]
        ratios = [x / y for x, y in rounds]
        middle = [statistics.median(side) for side in zip(*rounds)]
        print(f"| {net} {phase}, batch {batch} | {middle[0]:,.0f} | {middle[1]:,.0f} | {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}] |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
