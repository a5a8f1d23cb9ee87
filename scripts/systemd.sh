#!/usr/bin/env bash
# make lab-systemd: warren as a service of systemd, in a Debian that is booted
# in a container. It needs root, and about a minute once for the Debian, which
# stays in bin/lab. Ends with "systemd: all is well", or at what is not.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "systemd: the container needs root; try: sudo make lab-systemd" >&2; exit 3; }

debian=$PWD/bin/lab/debian
if [ ! -e "$debian/done" ]; then
	rm -rf "$debian"
	mkdir -p "$debian"
	echo "systemd: making a Debian in bin/lab (once)"
	debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps \
		bookworm "$debian" http://deb.debian.org/debian >"$debian.log" 2>&1 || { tail -n 20 "$debian.log" >&2; exit 1; }
	touch "$debian/done"
fi

work=$(mktemp -d)
container=
finish() {
	status=$?
	trap - EXIT
	if [ $status != 0 ] && [ -n "$container" ]; then
		box journalctl -u warren -u tech -n 30 --no-pager >&2 || true
	fi
	if [ -n "$container" ]; then
		kill "$container" 2>/dev/null || true
		wait "$container" 2>/dev/null || true
	fi
	umount "$work/root" 2>/dev/null || true
	umount "$work" 2>/dev/null || true
	rmdir "$work" 2>/dev/null || true
	exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

# What the story does to the Debian is gone afterwards.
mount -t tmpfs -o mode=755 warren-lab "$work"
mkdir "$work"/{upper,scratch,root}
mount -t overlay -o "lowerdir=$debian,upperdir=$work/upper,workdir=$work/scratch" warren-lab "$work/root"
install -m 755 bin/warren "$work/root/usr/local/bin/warren"

systemd-nspawn -q -D "$work/root" --boot --register=no --keep-unit --private-network --console=pipe \
	</dev/null >"$work/boot.log" 2>&1 &
container=$!

# box runs a command in the container, as its root.
box() { nsenter -t "$first" -m -u -i -n -p -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }
# tech is warren as the technician's node.
tech() { box warren --state /root/tech "$@"; }

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

first=
child() { first=$(pgrep -P "$container" | head -n 1) && [ -n "$first" ]; }
until_true child
until_true box systemctl is-system-running
echo "ok  Debian is booted"
box useradd --create-home --shell /bin/bash lena
box ip link add lan0 type veth peer name lan1
box ip addr add 192.0.2.1/24 dev lan0
box ip link set lan0 up
box ip link set lan1 up

# Who may install what.
refused "only root installs" 3 'only root may install a service; try: sudo warren install' box setpriv --reuid lena --regid lena --clear-groups warren install
box install -m 777 /usr/local/bin/warren /opt/warren
refused "a program that others can change" 3 'others than root can change /opt/warren' box /opt/warren install
refused "nothing to uninstall" 4 'no warren service is installed' box warren uninstall --yes
box mkdir -p /etc/systemd/system
box sh -c 'echo "[Unit]" > /etc/systemd/system/warren.service'
refused "a unit of another hand" 5 'warren did not write it' box warren install
box rm /etc/systemd/system/warren.service

# Without a mesh there is nothing to run.
refused "installed before there is a mesh" 0 'in no mesh yet' box warren install --now
same "nothing runs without a mesh" "$(box systemctl is-active warren || true)" inactive
same "it starts at boot" "$(box systemctl is-enabled warren)" enabled

# A technician's node of another hand founds a mesh, the service joins it.
tech init --name lab --node tech >/dev/null 2>&1
box systemd-run -q --unit tech warren --state /root/tech up --tun userspace --listen :42000
until_true tech status
leads() { tech status --json | grep -q '"leader": "tech"'; }
until_true leads
link=$(tech invite)
box warren join "$link" --name box --yes --no-wait >/dev/null 2>&1
box systemctl start warren
same "a machine that waits for approval is active" "$(box systemctl is-active warren)" active
tech approve box --yes >/dev/null 2>&1
ready() { box warren status --json | grep -q '"ready": true'; }
until_true ready
until_true box ip -br address show warren0
echo "ok  approved, ready, with a tunnel of the kernel"
box systemctl status warren --no-pager --lines 3 | sed 's/^/    /'
box systemd-analyze security warren.service --no-pager >"$work/security"
cp "$work/security" /tmp/verbs/security; exposure=$(sed -n '$s/.*: \([0-9]*\.[0-9]*\) .*/\1/p' "$work/security")
echo "systemd-analyze security: exposure $exposure of 10"
[ "${exposure%.*}" -lt 9 ] || fail "the unit is more open than it was"

# Terminals, as granted, are whole.
pong() { tech ping box; }
until_true pong
same "a terminal as a login user" "$(tech shell box --user lena -- id -un)" lena
same "its home is writable" "$(tech shell box --user lena -- sh -c 'touch made && pwd')" /home/lena
box test -e /home/lena/made
same "a terminal as root" "$(tech shell box --user root -- id -u)" 0
same "root can change the system" "$(tech shell box --user root -- sh -c 'touch /usr/local/bin/made && echo made')" made
same "root's mounts are everybody's" "$(tech shell box --user root -- mount -t tmpfs none /mnt && box mountpoint -q /mnt && echo seen)" seen
box touch /tmp/outside
same "/tmp is the system's" "$(tech shell box --user lena -- ls /tmp/outside)" /tmp/outside
same "set-uid programs work" "$(tech shell box --user lena -- sh -c 'grep -c NoNewPrivs:.0 /proc/self/status')" 1
same "a terminal has a tty" "$(tech shell box --user lena -t -- sh -c 'test -t 0 && echo tty' | tr -d '\r')" tty

# The node itself is confined.
main() { box systemctl show -P MainPID warren; }
inside() { box nsenter -t "$(main)" -m -- "$@"; }
refused "the node cannot change the system" 1 'Read-only file system' inside touch /usr/made
refused "nor homes" 1 'Read-only file system' inside touch /home/lena/by-node
refused "nor see /tmp" 2 'No such file' inside ls /tmp/outside
same "the state folder is 0711" "$(box stat -c '%a %U' /var/lib/warren)" "711 root"

# Its log, and its end.
box journalctl -u warren -o cat --no-pager | grep -q '^ready$' || fail "the journal does not say ready"
echo "ok  the journal has its log"
before=$(main)
box kill -9 "$before"
again() { [ "$(main)" != "$before" ] && [ "$(main)" != 0 ] && box systemctl -q is-active warren && ready; }
until_true again
until_true pong
same "after kill -9 it is back, and opens terminals" "$(tech shell box --user lena -- id -un)" lena
refused "installing again changes nothing" 0 'is there already' box warren install --now
same "the node was not restarted for that" "$(box systemctl show -P NRestarts warren)" 1
box warren down
stopped() { [ "$(box systemctl is-active warren || true)" = inactive ]; }
until_true stopped
echo "ok  told to stop, it stays down"
box systemctl start warren
until_true ready

# A machine that was shut out does not come up again, and nobody tries for ever.
tech revoke box --reason lab --yes >/dev/null 2>&1
told() { box warren status | grep -q 'this machine was revoked'; }
until_true told
box systemctl restart warren 2>/dev/null || true
failed() { [ "$(box systemctl is-active warren || true)" = failed ]; }
until_true failed
same "revoked, it is not started again and again" "$(box systemctl show -P NRestarts warren)" 0

box warren uninstall --yes 2>/dev/null
refused "uninstalled" 4 'could not be found' box systemctl status warren
box test -e /var/lib/warren/member
echo "ok  the state folder stays"
echo "systemd: all is well"
