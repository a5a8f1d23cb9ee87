#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -d scripts/bench ]; then
	echo "make bench: there is nothing to measure yet" >&2
	exit 2
fi
exec go run ./scripts/bench
