#!/bin/bash
# The whole way on HDFS and YARN: pictures, shards made by YARN's executors, a trained network, its evaluation, all on HDFS.
#
#   pipeline.sh PICTURES [OPTION OF TRAIN]...      PICTURES: an archive or folder of class folders
#
# A cluster that HADOOP_CONF_DIR and MLNETCIFAR_MASTER (sc://host:port) name is used; otherwise one is started here and stopped in the end, with all it holds.
# ROOT is the folder on HDFS (hdfs:///mlnetcifar), SIZE the side of the prepared pictures (32), MLNETCIFAR the program.
set -euo pipefail
pictures=${1:?"usage: pipeline.sh PICTURES [OPTION OF TRAIN]..."}
shift
root=${ROOT:-hdfs:///mlnetcifar}
program=${MLNETCIFAR:-dotnet run -c Release --project $(dirname "$0")/../MlNetCifar.App --}

mlnetcifar() {
    printf '\n$ mlnetcifar %s\n' "$*" >&2
    $program "$@"
}

if [ -z "${MLNETCIFAR_MASTER:-}" ]; then
    variables=$(mlnetcifar cluster start --manager yarn)
    trap 'mlnetcifar cluster stop' EXIT
    eval "$variables"
fi

mlnetcifar doctor spark
mlnetcifar dataset import "$pictures" --to "$root/pictures" --pack parquet
mlnetcifar prepare --data "$root/pictures" --to "$root/shards" --size "${SIZE:-32}"
mlnetcifar train --data "$root/shards" --output "$root/runs" "$@"
mlnetcifar evaluate --data "$root/shards" --output "$root/runs"
