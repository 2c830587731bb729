#!/bin/sh
# The recipe that Elephas' users know, in every mode and at the frequency that they have (epoch): 128×128 grey, Gaussian denoising, flips and rotation, a perceptron of 256 and 128 with dropout 0.3 and a sigmoid, 5 epochs.
# Prints accuracy on the test images with its interval, and images a second of training.
# usage: elephas.sh DATA OUTPUT [WORKERS] [SEED]; after dotnet build -c Release of the program, or with MLNETCIFAR naming another. A few minutes on two cores with 2,000 photographs.
set -eu
data=$1 out=$2 workers=${3:-2} seed=${4:-1}
program=$(dirname "$0")/../../src/MlNetCifar.App
mlnetcifar() { if [ -n "${MLNETCIFAR:-}" ]; then $MLNETCIFAR "$@"; else dotnet run -c Release --no-build --project "$program" -- "$@"; fi; }
train() {
    name=$1
    shift
    mlnetcifar train --data "$out/shards" --preset elephas-mlp --augment none --flip random --rotation 15 --epochs 5 --seed "$seed" --output "$out" --name "$name" --exist-ok --json "$@" > "$out/$name.log" 2>&1 || { cat "$out/$name.log"; exit 1; }
    printf '%-14s accuracy %s %s, %s images/s in the last epoch\n' "$name" \
        "$(sed -n 's/.*"microAccuracy":\([0-9.]*\),.*/\1/p' "$out/$name.log" | head -1)" \
        "$(sed -n 's/.*"microAccuracyInterval":\(\[[0-9.,]*\]\).*/\1/p' "$out/$name.log" | head -1)" \
        "$(sed -n 's/.*"event":"epoch","epoch":5,.*"imagesPerSecond":\([0-9.]*\).*/\1/p' "$out/$name.log")"
}
mkdir -p "$out"
mlnetcifar prepare --data "$data" --size 128 --grey --blur 1 --test-share 0.2 --val-share 0.1 --seed 1 --to "$out/shards"
train one-process
# A slice for each worker: of more each would add up as many gradients of 16 MiB, of four pictures each.
train synchronous --workers "$workers" --slices "$workers"
train averaged --workers "$workers" --distributed-mode averaged --update-frequency epoch
train averaged-8 --workers "$workers" --distributed-mode averaged --update-frequency 8
train asynchronous --workers "$workers" --distributed-mode asynchronous --update-frequency epoch
train hogwild --workers "$workers" --distributed-mode hogwild --update-frequency epoch
train async-batch --workers "$workers" --distributed-mode asynchronous
train hogwild-batch --workers "$workers" --distributed-mode hogwild
