#!/usr/bin/env bash
# The long forms of the fault tests: all, or those whose names match $1
# (R01, say). One line of JSON each, and all of them in bin/soak.jsonl.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p bin
log=bin/soak.log
failed=0
mapfile -t packages < <(grep -rl --include='*_test.go' '^func TestFault' . | xargs -n1 dirname | sort -u)
# One package after the other: they measure, and would disturb each other.
WARREN_SOAK=1 go test -v -count=1 -p 1 -timeout 6h -run "^TestFault.*${1:-}" "${packages[@]}" >"$log" 2>&1 || failed=1
grep '^{"id":' "$log" | tee bin/soak.jsonl
if ((failed)); then
	grep -v '^{"id":\|^=== ' "$log" >&2 || true
	echo "soak: failed; a seed replays with WARREN_SEED=N" >&2
	exit 1
fi
