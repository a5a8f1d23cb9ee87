# warren install, its unit, and what runs in it. Read by scripts/systemd.sh.
# shellcheck shell=bash

install -m 755 bin/warren "$work/root/usr/local/bin/warren"

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
same "nothing runs without a mesh" "$(state)" inactive
same "it starts at boot" "$(state is-enabled)" enabled

# The service joins a mesh.
founded
link=$(tech invite 2>/dev/null)
box warren join "$link" --name box --yes --no-wait >/dev/null 2>&1
box systemctl start warren
same "a machine that waits for approval is active" "$(state)" active
tech approve box --yes >/dev/null 2>&1
until_true ready
until_true box ip -br address show warren0
echo "ok  approved, ready, with a tunnel of the kernel"
box systemctl status warren --no-pager --lines 3 | sed 's/^/    /'
box systemd-analyze security warren.service --no-pager >"$work/security"
exposure=$(sed -n '$s/.*: \([0-9]*\.[0-9]*\) .*/\1/p' "$work/security")
echo "systemd-analyze security: exposure $exposure of 10"
[ "${exposure%.*}" -lt 9 ] || fail "the unit is more open than it was"

# Terminals, as granted, are whole.
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
box mkdir -p /var/lib/warren/held
box touch /var/lib/warren/held/99 # as of keys on a display that is gone
box kill -9 "$before"
again() { [ "$(main)" != "$before" ] && [ "$(main)" != 0 ] && box systemctl -q is-active warren && ready; }
until_true again
until_true pong
same "after kill -9 it is back, and opens terminals" "$(tech shell box --user lena -- id -un)" lena
same "what it held on displays is let go" "$(box ls /var/lib/warren/held)" ""
refused "installing again changes nothing" 0 'is there already' box warren install --now
same "the node was not restarted for that" "$(box systemctl show -P NRestarts warren)" 1
box warren down
stopped() { [ "$(state)" = inactive ]; }
until_true stopped
echo "ok  told to stop, it stays down"
box systemctl start warren
until_true ready

# A machine that was shut out does not come up again, and nobody tries for ever.
tech revoke box --reason lab --yes >/dev/null 2>&1
told() { box warren status | grep -q 'this machine was revoked'; }
until_true told
box systemctl restart warren 2>/dev/null || true
failed() { [ "$(state)" = failed ]; }
until_true failed
same "revoked, it is not started again and again" "$(box systemctl show -P NRestarts warren)" 0

box warren uninstall --yes 2>/dev/null
refused "uninstalled" 4 'could not be found' box systemctl status warren
box test -e /var/lib/warren/member
echo "ok  the state folder stays"
