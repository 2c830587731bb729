#!/bin/sh
# Synchronous steps on links of a known bandwidth, predicted and measured, as rows of the table in docs/distributed.md. Needs root, ip and tc.
# Every worker, and the run, is in a network namespace of its own whose link to a bridge is limited in both directions.
# usage: links.sh [MBIT…]; NETWORK=convolutions for one whose backward pass goes on when most of what is sent is known; after dotnet build -c Release tests/MlNetCifar.Benchmarks. About three minutes; nothing else should run meanwhile.
set -eu
program=${PROGRAM:-$(dirname "$0")/../../artifacts/bin/MlNetCifar.Benchmarks/release/MlNetCifar.Benchmarks}
last=4
clean() {
    for i in $(seq 0 $last); do ip netns del "mnc$i" 2> /dev/null || true; done
    ip link del mncbr 2> /dev/null || true
}
trap clean EXIT
clean
ip link add mncbr type bridge
ip link set mncbr up
for i in $(seq 0 $last); do
    ip netns add "mnc$i"
    ip link add "mncv$i" type veth peer name eth0 netns "mnc$i"
    ip link set "mncv$i" master mncbr up
    ip -n "mnc$i" addr add "10.77.0.$((i + 1))/24" dev eth0
    ip -n "mnc$i" link set eth0 up
    ip -n "mnc$i" link set lo up
done
limit() {
    for i in $(seq 0 $last); do
        tc qdisc replace dev "mncv$i" root tbf rate "$1mbit" burst 256k latency 200ms
        ip netns exec "mnc$i" tc qdisc replace dev eth0 root tbf rate "$1mbit" burst 256k latency 200ms
    done
}
run() { ip netns exec mnc0 "$program" links run 10.77.0.1 "$@" ${NETWORK:-}; }
echo "load: $(cut -d' ' -f1-3 /proc/loadavg)"
compute=$(run 1 on f32 8 0 0)
echo "a batch by one worker, without a limit: $compute s"
echo '| workers | sums | gradients | links | predicted | measured | sent ahead |'
echo '| --- | --- | --- | --- | --- | --- | --- |'
for rate in "${@:-200}"; do
    limit "$rate"
    for workers in 2 4; do
        for links in off on; do run $workers $links f32 3 "$rate" "$compute"; done
    done
    run 2 on bf16 3 "$rate" "$compute"
done
echo "load: $(cut -d' ' -f1-3 /proc/loadavg)"
