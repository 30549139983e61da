#!/bin/bash
# Runs the shards of a manifest that are left on several machines, then merges the reports.
#
#   zoo.sh MANIFEST OUT [options of parallel, as -S node1,node2,:]
#
# $CNNOPT names the cnnopt to run, in the same place on all machines; default: cnnopt in $PATH.
set -euo pipefail
manifest=$(realpath "$1")
out=$(realpath -m "$2")
shift 2
readonly cnnopt=${CNNOPT:-cnnopt} reports=$out/cnnopt-reports
mkdir -p "$out"

# What a shard that failed has left is seen by status, not by its exit code.
{ "$cnnopt" batch status "$manifest" "$reports" --lines || [ $? = 75 ]; } |
  parallel --jobs 1 --retries 2 --joblog "$out/parallel.log" "$@" \
    "'$cnnopt' batch run '$manifest' '$out' --shard={} --quiet" || true
"$cnnopt" batch merge "$reports" --html="$out/report.html" >"$out/report.jsonl.new"
mv "$out/report.jsonl.new" "$out/report.jsonl"
exec "$cnnopt" batch status "$manifest" "$reports"
