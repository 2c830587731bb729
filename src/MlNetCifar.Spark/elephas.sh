#!/bin/bash
# The recipe that Elephas' users know, on a cluster from the pictures to the results on HDFS: 128×128 grey, Gaussian denoising, flips and rotation, a perceptron of 256 and 128 with dropout 0.3 and a sigmoid,
# 5 epochs, asynchronous, each worker's model added to the weights once an epoch. Executors make the shards, train, evaluate and predict; the driver holds the weights.
#
#   elephas.sh PICTURES [WORKERS [OPTION OF TRAIN]...]      PICTURES: an archive or folder of class folders
#
# A cluster that HADOOP_CONF_DIR and MLNETCIFAR_MASTER (sc://host:port) name is used; otherwise one is started here and stopped in the end, with all it holds.
# ROOT is the folder on HDFS (hdfs:///elephas), EPOCHS their number, MLNETCIFAR the program. Another mode: elephas.sh photos 4 --distributed-mode averaged --update-frequency 8
set -euo pipefail
pictures=${1:?"usage: elephas.sh PICTURES [WORKERS [OPTION OF TRAIN]...]"}
workers=${2:-2}
shift $(($# < 2 ? $# : 2))
mode=(--distributed-mode asynchronous --update-frequency epoch)
case " $* " in *" --distributed-mode "*) mode=() ;; esac
root=${ROOT:-hdfs:///elephas}
program=${MLNETCIFAR:-dotnet run -c Release --project $(dirname "$0")/../MlNetCifar.App --}

mlnetcifar() {
    printf '\n$ mlnetcifar %s\n' "$*" >&2
    $program "$@"
}

if [ -z "${MLNETCIFAR_MASTER:-}" ]; then
    variables=$(mlnetcifar cluster start)
    trap 'mlnetcifar cluster stop' EXIT
    eval "$variables"
fi

mlnetcifar dataset import "$pictures" --to "$root/pictures" --pack parquet
mlnetcifar prepare --data "$root/pictures" --size 128 --grey --blur 1 --test-share 0.2 --val-share 0.1 --seed 1 --to "$root/shards"
mlnetcifar train --data "$root/shards" --preset elephas-mlp --augment none --flip random --rotation 15 --epochs "${EPOCHS:-5}" --seed 1 --workers "$workers" "${mode[@]}" --output "$root/runs" --name elephas --exist-ok "$@"
mlnetcifar evaluate --data "$root/shards" --model "$root/runs/train/elephas" --master "$MLNETCIFAR_MASTER" --output "$root/runs" --name elephas --exist-ok
mlnetcifar predict "$root/shards" --model "$root/runs/train/elephas" --to "$root/answers"
