#!/usr/bin/env bash
# Makes sure of Go and of the Debian packages for the purposes given.
#   scripts/setup.sh base [bench ...]
set -euo pipefail
cd "$(dirname "$0")/.."

need_go=$(awk '$1 == "go" { print $2; exit }' go.mod)
if ! command -v go >/dev/null; then
	echo "setup: Go is missing; install $need_go or newer from https://go.dev/dl" >&2
	exit 1
fi
# Older releases fetch the right one by themselves where they may.
if ! go list -f '{{.Name}}' ./scripts/shape >/dev/null; then
	echo "setup: go.mod needs Go $need_go, this is $(GOTOOLCHAIN=local go env GOVERSION); install it from https://go.dev/dl" >&2
	exit 1
fi

# Where the machine has no Node of its own, Debian's is taken.
purposes=("$@")
command -v npm >/dev/null || purposes+=(pages)

if ! command -v dpkg-query >/dev/null; then
	echo "setup: no Debian; see scripts/packages.txt for what the tests need" >&2
	exit 0
fi

missing=()
for purpose in "${purposes[@]}"; do
	while read -r for_what package _; do
		[ "$for_what" = "$purpose" ] || continue
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$state" = installed ] || missing+=("$package")
	done <scripts/packages.txt
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "setup: not installed, and this user may not: ${missing[*]}; try: sudo apt-get install ${missing[*]}" >&2
	exit 0
fi

# No daemon that comes along starts by itself.
guard=/usr/sbin/policy-rc.d
if [ ! -e $guard ]; then
	trap 'rm -f $guard' EXIT
	printf '#!/bin/sh\nexit 101\n' >$guard
	chmod 755 $guard
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q </dev/null
apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
# Nor at the next boot.
if [[ " ${missing[*]} " == *" openssh-server "* ]] && command -v systemctl >/dev/null; then
	systemctl -q disable ssh.service ssh.socket || true
fi
