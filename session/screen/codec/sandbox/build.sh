#!/usr/bin/env bash
# build.sh ARCH OUT [FLAG...]: the codec helper for amd64 or arm64, static.
# Where that cannot be built here it says why, and ends with 3. The same
# compiler and libraries give the same bytes, in any folder.
set -euo pipefail
arch=$1 out=$2
shift 2

missing() {
	echo "$*"
	exit 3
}
case $arch in
amd64) cpu=x86_64 ;;
arm64) cpu=aarch64 ;;
*) missing "no codec helper is written for $arch" ;;
esac
cc=$cpu-linux-gnu-gcc
command -v "$cc" >/dev/null || missing "there is no C compiler for $arch ($cc)"
# musl, because glibc in a static program binds who passes it on (LGPL).
musl=/usr/lib/$cpu-linux-musl/musl-gcc.specs
[ -e "$musl" ] || missing "there is no musl for $arch (musl-dev)"
libraries=()
for l in vpx aom yuv; do
	[ -e "/usr/lib/$cpu-linux-gnu/lib$l.a" ] || missing "there is no static lib$l for $arch (lib$l-dev)"
	libraries+=("/usr/lib/$cpu-linux-gnu/lib$l.a")
done

cd "$(dirname "$0")"
# The kernel's headers and the libraries' own lie beside glibc's, and come last.
# Encoders' threads need more stack than musl gives by itself.
"$cc" -specs "$musl" -idirafter /usr/include -idirafter "/usr/include/$cpu-linux-gnu" \
	-std=gnu11 -O2 -Wall -Wextra -Werror -fstack-protector-strong \
	-static -s -Wl,--build-id=none -Wl,--gc-sections -Wl,-z,noexecstack -Wl,-z,stack-size=8388608 \
	"$@" -o "$out" main.c confine.c vp9.c av1.c shrink.c libc.c "${libraries[@]}"
