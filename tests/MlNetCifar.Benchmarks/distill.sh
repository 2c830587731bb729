#!/bin/sh
# Whether a teacher helps, at which temperature, weight and length: for each a pupil of three seeds beside its equals without a teacher, on the test images.
# usage: distill.sh DATA OUTPUT [EPOCHS] [PRESET]; after ensemble.sh DATA OUTPUT EPOCHS, which makes the teacher, and on a quiet machine: 33 trainings.
set -eu
data=$1 out=$2 epochs=${3:-8} preset=${4:-seed-cnn}
program=$(dirname "$0")/../../src/MlNetCifar.App
mlnetcifar() { dotnet run -c Release --no-build --project "$program" -- "$@"; }
train() { name=$1; shift; mlnetcifar train --data "$data" --preset "$preset" --output "$out" --name "$name" --exist-ok "$@" | grep '^test accuracy' | sed "s/^/$name: /"; }
for length in "$epochs" $((3 * epochs)); do
    for seed in 11 12 13; do
        train "alone-$length-$seed" --epochs "$length" --seed $seed
        for temperature in 1 2 4; do
            for weight in 0.5 0.9; do
                [ "$length" = "$epochs" ] || [ $weight = 0.5 ] || continue
                train "pupil-$length-$seed-t$temperature-w$weight" --epochs "$length" --seed $seed --teacher "$out/ensemble.safetensors" --distill-temperature $temperature --distill-weight $weight
            done
        done
    done
done
