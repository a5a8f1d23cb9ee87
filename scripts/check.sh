#!/usr/bin/env bash
# Format, vet, lint, schemas, shape. Stops at the first that finds something.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.bin:$PATH"

step() { echo "check: $*"; }

step format
unformatted=$(gofumpt -l .)
if [ -n "$unformatted" ]; then
	printf '%s\n' "$unformatted"
	echo "check: not formatted; try: .bin/gofumpt -w ." >&2
	exit 1
fi

step shape
go run ./scripts/shape

step schemas
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
(cd api && buf lint && buf generate -o "$fresh")
if ! diff -r -x '*.proto' -x 'buf*' -x '*.binpb' api "$fresh"; then
	echo "check: api/ does not hold what its schemas generate; try: make generate" >&2
	exit 1
fi

step "schemas keep what they promised"
if ! (cd api && buf breaking --against baseline.binpb); then
	echo "check: old bytes would read differently; undo it, or, before a release, make baseline" >&2
	exit 1
fi

step vet
go vet ./...

step lint
golangci-lint run ./...
