#!/bin/bash
# Submits the shards of a manifest that are left, and the merge behind them.
#
#   submit.sh MANIFEST OUT [options of sbatch]
#
# $CNNOPT names the cnnopt to run, on this machine and on the nodes; default: cnnopt in $PATH.
set -euo pipefail
MANIFEST=$(realpath "$1")
OUT=$(realpath -m "$2")
shift 2
export MANIFEST OUT
readonly cnnopt=${CNNOPT:-cnnopt} reports=$OUT/cnnopt-reports
mkdir -p "$OUT/logs"

left=$("$cnnopt" batch status "$MANIFEST" "$reports") || [ $? = 75 ]
if [ -z "$left" ]; then
  echo "nothing is left"
  exit
fi
array=$(sbatch --parsable --array="$left" --output="$OUT/logs/%A_%a.log" "$@" "$(dirname "$0")/zoo.sbatch")
merge=$(sbatch --parsable --dependency="afterany:$array" --output="$OUT/logs/merge.log" --wrap \
  "'$cnnopt' batch merge '$reports' --html='$OUT/report.html' > '$OUT/report.jsonl.new' && mv '$OUT/report.jsonl.new' '$OUT/report.jsonl'
   '$cnnopt' batch status '$MANIFEST' '$reports' || echo 'run submit.sh again'")
echo "shards $left: array $array, merge $merge"
