#!/usr/bin/env bash
# make reproduce: what dist/ holds is built again from a copy of the sources in
# another folder, with another home, umask, zone and language and an empty
# build cache, and compared byte for byte. It ends with "reproduce: the same", or
# names the files that differ.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
there="$work/another folder"/warren-again
mkdir -p "$there" "$work/home"
# What is in git, as it is now, and what npm fetched.
git ls-files -z | while IFS= read -r -d '' f; do [ ! -e "$f" ] || printf '%s\0' "$f"; done |
	tar -c --null -T - | tar -x -C "$there"
mkdir -p "$there/web/app/node_modules"
cp -a web/app/node_modules/. "$there/web/app/node_modules/"
mkdir -p "$there/.bin"
cp .bin/nfpm "$there/.bin/"

modules=$(go env GOMODCACHE)
echo "reproduce: building in $there, from nothing"
(
	cd "$there"
	umask 077
	export HOME=$work/home GOCACHE=$work/cache GOMODCACHE=$modules TZ=Asia/Tokyo LANG=C
	make --no-print-directory -o .bin/nfpm dist >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; exit 1; }
)
if ! diff -r dist "$there/dist"; then
	echo "reproduce: two builds of one commit differ" >&2
	exit 1
fi
sed 's/^/    /' dist/SHA256SUMS
echo "reproduce: the same"
