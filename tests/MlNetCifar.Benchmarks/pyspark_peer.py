#!/usr/bin/env python3
"""The image stage in PySpark and Pillow, as fast as we could make it: the peer of SparkBenchmark.

    SPARK_HOME=SPARK HADOOP_CONF_DIR=CONF PYTHONPATH=pyspark.zip:py4j.zip pyspark_peer.py \
        --input hdfs://HOST:PORT/files --output FOLDER --size 64 --parts 13 --master spark://HOST:PORT --runs 7

No shuffle: as many scan partitions as parts, each decoded where it was read. Pixels stay bytes, and each part is written to HDFS as X_part_N.npy,
y_part_N.npy and files_part_N.txt over WebHDFS, one PUT a file, straight to the data node. JPEGs are decoded whole, as our stage does by default, so the pixels
are the same; with --draft at the fraction of their size that the result needs, which gives other pixels, as scaled decoding does on our side.
A line of JSON a run, {"images", "seconds", "partitions"}. With --keep FOLDER the last run's parts are copied there too, to compare their pixels.
"""
import argparse
import http.client
import io
import json
import os
import re
import sys
import time
import urllib.parse
import xml.etree.ElementTree

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
from pyspark.sql import SparkSession  # noqa: E402


def put(name_node, path, content):
    """One file over WebHDFS, by the data node that the name node names."""
    connection = http.client.HTTPConnection(name_node)
    connection.request("PUT", f"/webhdfs/v1{urllib.parse.quote(path)}?op=CREATE&overwrite=true&noredirect=true&user.name={os.environ.get('USER', 'root')}")
    place = urllib.parse.urlsplit(json.loads(connection.getresponse().read())["Location"])
    connection.close()
    connection = http.client.HTTPConnection(place.netloc)
    connection.request("PUT", f"{place.path}?{place.query}", body=content, headers={"Content-Type": "application/octet-stream"})
    response = connection.getresponse()
    response.read()
    connection.close()
    if response.status != 201:
        raise OSError(f"{path}: {response.status}")


def npy(array):
    import numpy as np
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def make_part(size, classes, name_node, folder, draft):
    """What a partition does: rows of (path, content) in, a part's files on HDFS and its count out."""

    def part(index, rows):
        import numpy as np
        from PIL import Image
        pixels, labels, names, bad = [], [], [], 0
        for path, content in rows:
            try:
                image = Image.open(io.BytesIO(content))
                if draft:
                    image.draft("RGB", (size, size))
                pixels.append(np.asarray(image.convert("RGB").resize((size, size), Image.BILINEAR)))
            except (OSError, SyntaxError, ValueError):
                bad += 1
                continue
            labels.append(classes[path.rsplit("/", 2)[1]])
            names.append(path)
        if pixels:
            put(name_node, f"{folder}/X_part_{index:05d}.npy", npy(np.stack(pixels)))
            put(name_node, f"{folder}/y_part_{index:05d}.npy", npy(np.asarray(labels, dtype=np.int64)))
            put(name_node, f"{folder}/files_part_{index:05d}.txt", "".join(f"{n}\n" for n in names).encode())
        yield len(pixels), bad

    return part


def name_node_of(configuration):
    """Where WebHDFS answers, out of Hadoop's files."""
    root = xml.etree.ElementTree.parse(os.path.join(configuration, "hdfs-site.xml")).getroot()
    values = {p.findtext("name"): p.findtext("value") for p in root.iter("property")}
    return values["dfs.namenode.http-address"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--input", required=True)
    p.add_argument("--output", required=True)
    p.add_argument("--size", type=int, default=64)
    p.add_argument("--parts", type=int, default=13)
    p.add_argument("--master", default="local[2]")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--draft", action="store_true")
    p.add_argument("--keep")
    a = p.parse_args()
    spark = (SparkSession.builder.master(a.master).config("spark.driver.memory", "1g").config("spark.ui.enabled", "false")
             # The default: 'cluster start' sets 10, which suits a stage that does little in Java and costs this one 6 %.
             .config("spark.executor.extraJavaOptions", "-XX:CompileThresholdScaling=1")
             # Files are dealt by their bytes alone, into as many partitions as parts.
             .config("spark.sql.files.openCostInBytes", "0").config("spark.sql.files.minPartitionNum", str(a.parts))
             .config("spark.sql.files.maxPartitionBytes", str(1 << 40))
             .getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    name_node = name_node_of(os.environ["HADOOP_CONF_DIR"])
    # The benchmark's output folder on the local disk has a name that no other run has; this has it on HDFS.
    folder = "/" + re.sub(r"[^\w-]+", "-", a.output).strip("-")
    context = spark.sparkContext
    system = context._jvm.org.apache.hadoop.fs.Path(a.input).getFileSystem(context._jsc.hadoopConfiguration())
    for _ in range(a.runs):
        start = time.perf_counter()
        found = sorted(s.getPath().getName() for s in system.listStatus(context._jvm.org.apache.hadoop.fs.Path(a.input)) if s.isDirectory())
        classes = {name: label for label, name in enumerate(found)}
        rows = (spark.read.format("binaryFile").option("recursiveFileLookup", "true").option("pathGlobFilter", "*.jpg").load(a.input)
                .select("path", "content").rdd)
        counts = rows.mapPartitionsWithIndex(make_part(a.size, classes, name_node, folder, a.draft)).collect()
        put(name_node, f"{folder}/classes.txt", "".join(f"{name}\n" for name in found).encode())
        seconds = time.perf_counter() - start
        print(json.dumps({"peer": "tuned", "images": sum(n for n, _ in counts), "bad": sum(b for _, b in counts), "seconds": round(seconds, 2),
                          "partitions": len(counts)}), flush=True)
    if a.keep:
        path = context._jvm.org.apache.hadoop.fs.Path
        system.copyToLocalFile(False, path(folder), path(f"file://{os.path.abspath(a.keep)}"), True)
    spark.stop()


if __name__ == "__main__":
    main()
