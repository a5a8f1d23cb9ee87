#!/usr/bin/env bash
# make lab-systemd: warren as a service of systemd, in a Debian that is booted
# in a container. It needs root, and about a minute once for the Debian, which
# stays in bin/lab. Each story of scripts/systemd has a Debian of its own:
#
#   service  warren install, confinement, terminals through it, kill -9
#   package  the deb of dist/: installed, joined, upgraded, removed, purged
#   begin    the deb on a machine in no mesh: a page founds one, the service takes over
#   rpm      the rpm of dist/, by Debian's rpm: its scripts, run by rpm
#
# LAB=NAME tells one alone. Ends with "systemd: all is well", or at what is not.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "systemd: the container needs root; try: sudo make lab-systemd" >&2; exit 3; }

debian=$PWD/bin/lab/debian
packages=systemd,systemd-sysv,dbus,iproute2,procps,rpm
if [ "$(cat "$debian/done" 2>/dev/null)" != "$packages" ]; then
	rm -rf "$debian"
	mkdir -p "$debian"
	echo "systemd: making a Debian in bin/lab (once)"
	debootstrap --variant=minbase --include="$packages" \
		bookworm "$debian" http://deb.debian.org/debian >"$debian.log" 2>&1 || { tail -n 20 "$debian.log" >&2; exit 1; }
	echo "$packages" >"$debian/done"
fi

work=$(mktemp -d)
container=
# power_off ends the container, and what the story did to the Debian is gone.
power_off() {
	if [ -n "$container" ]; then
		kill "$container" 2>/dev/null || true
		wait "$container" 2>/dev/null || true
		container=
	fi
	umount "$work/root" 2>/dev/null || true
	umount "$work" 2>/dev/null || true
}
finish() {
	status=$?
	trap - EXIT
	if [ $status != 0 ] && [ -n "$container" ]; then
		box journalctl -u warren -u tech -n 30 --no-pager >&2 || true
	fi
	power_off
	rmdir "$work" 2>/dev/null || true
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

# power_on boots a fresh Debian.
power_on() {
	mount -t tmpfs -o mode=755 warren-lab "$work"
	mkdir "$work"/{upper,scratch,root}
	mount -t overlay -o "lowerdir=$debian,upperdir=$work/upper,workdir=$work/scratch" warren-lab "$work/root"
	systemd-nspawn -q -D "$work/root" --boot --register=no --keep-unit --private-network --console=pipe \
		</dev/null >"$work/boot.log" 2>&1 &
	container=$!
	until_true booted
	echo "ok  Debian is booted"
	box useradd --create-home --shell /bin/bash lena
	box ip link add lan0 type veth peer name lan1
	box ip addr add 192.0.2.1/24 dev lan0
	box ip link set lan0 up
	box ip link set lan1 up
}

first=
# booted looks for the first process anew each time: the one that nspawn starts
# before it ends soon.
booted() {
	first=$(pgrep -P "$container" | head -n 1) && [ -n "$first" ] && box systemctl is-system-running
}
# box runs a command in the container, as its root.
box() { nsenter -t "$first" -m -u -i -n -p -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }
# tech is warren as the technician's node, whose program is not the service's.
tech() { box /opt/tech --state /root/tech "$@"; }

fail() { echo "systemd: $*" >&2; exit 1; }
# until_true repeats a command for up to a minute.
until_true() {
	for _ in $(seq 300); do
		if "$@" >"$work/last" 2>&1; then return 0; fi
		sleep 0.2
	done
	cat "$work/last" >&2
	fail "did not come true within a minute: $*"
}
# same NAME GOT WANT
same() { [ "$2" = "$3" ] || fail "$1: got \"$2\", want \"$3\""; echo "ok  $1"; }
# refused NAME CODE TEXT COMMAND ... must end with CODE and say TEXT.
refused() {
	local name=$1 code=$2 text=$3 got=0
	shift 3
	"$@" >"$work/last" 2>&1 || got=$?
	[ "$got" = "$code" ] || { cat "$work/last" >&2; fail "$name: exit code $got, want $code"; }
	grep -q -- "$text" "$work/last" || { cat "$work/last" >&2; fail "$name: not said: $text"; }
	echo "ok  $name"
}

# founded has a technician's node of another hand found a mesh.
founded() {
	install -m 755 bin/warren "$work/root/opt/tech"
	tech init --name lab --node tech >/dev/null 2>&1
	box systemd-run -q --unit tech /opt/tech --state /root/tech up --tun userspace --listen :42000
	until_true tech status
	until_true leads
}
leads() { tech status --json | grep -q '"leader": "tech"'; }
ready() { box warren status --json | grep -q '"ready": true'; }
pong() { tech ping box; }
# state is what systemd says of the service.
state() { box systemctl "${1:-is-active}" warren 2>/dev/null || true; }

for story in service package begin rpm; do
	[ -z "${LAB:-}" ] || [ "$LAB" = "$story" ] || continue
	echo "systemd: $story"
	power_on
	# shellcheck source=/dev/null
	. "scripts/systemd/$story.sh"
	power_off
done
echo "systemd: all is well"
