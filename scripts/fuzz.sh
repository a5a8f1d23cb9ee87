#!/usr/bin/env bash
# Runs every fuzz target of the tree for FUZZTIME (20s); goes on after one
# that fails and names them all at the end.
#   FUZZTIME=5m scripts/fuzz.sh [PATTERN]     only targets whose name holds it
set -euo pipefail
cd "$(dirname "$0")/.."

targets=$(grep -rEo --include='*_test.go' --exclude-dir=.git --exclude-dir=testdata '^func Fuzz[A-Za-z0-9_]*' . |
	sed 's|^\./\(.*\)/[^/]*:func \(.*\)$|\1 \2|' | sort | grep -- "${1:-}" || true)
[ -n "$targets" ] || { echo "fuzz: no target" >&2; exit 1; }

failed=()
while read -r dir target; do
	echo "== $dir $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}" "./$dir" </dev/null || failed+=("$dir $target")
done <<<"$targets"

if [ ${#failed[@]} -gt 0 ]; then
	printf 'fuzz: failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
echo "fuzz: $(wc -l <<<"$targets") targets, nothing found"
