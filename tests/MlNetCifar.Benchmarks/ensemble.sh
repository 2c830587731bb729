#!/bin/sh
# One network, five as one, and one that learned from the five, on CIFAR-10's test images: accuracies with intervals, and whether the differences are chance.
# usage: ensemble.sh DATA OUTPUT [EPOCHS] [PRESET] [OPTIONS OF ALL TRAININGS]; after dotnet build -c Release of the program. Some ten minutes on two cores.
set -eu
data=$1 out=$2 epochs=${3:-8} preset=${4:-seed-cnn}
shift $(($# < 4 ? $# : 4))
options=$*
program=$(dirname "$0")/../../src/MlNetCifar.App
mlnetcifar() { dotnet run -c Release --no-build --project "$program" -- "$@"; }
train() { name=$1; shift; mlnetcifar train --data "$data" --preset "$preset" --epochs "$epochs" --output "$out" --name "$name" --exist-ok $options "$@"; }
for seed in 1 2 3 4 5; do train "seed$seed" --seed $seed; done
mlnetcifar ensemble "$out"/train/seed1 "$out"/train/seed2 "$out"/train/seed3 "$out"/train/seed4 "$out"/train/seed5 --to "$out/ensemble.safetensors"
mlnetcifar evaluate --data "$data" --model "$out/ensemble.safetensors" --output "$out" --name ensemble --exist-ok
train alone --seed 6
train distilled --seed 6 --teacher "$out/ensemble.safetensors"
mlnetcifar compare "$out/train/alone" "$out/train/distilled" "$out/evaluate/ensemble"
