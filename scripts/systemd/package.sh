# The deb of dist/: what a person does with it. Read by scripts/systemd.sh.
# shellcheck shell=bash

deb=$(ls dist/*_"$(dpkg --print-architecture)".deb)
cp "$deb" "$work/root/opt/warren.deb"
(cd dist && sha256sum --quiet -c SHA256SUMS)
echo "ok  dist/ is as its sums say"

refused "installed" 0 'in no mesh yet. To join one: sudo warren join LINK' box dpkg -i /opt/warren.deb
same "it starts at boot" "$(state is-enabled)" enabled
same "nothing runs without a mesh" "$(state)" inactive
same "nothing failed over it" "$(box systemctl is-system-running)" running
box systemd-analyze verify /usr/lib/systemd/system/warren.service
echo "ok  systemd reads the unit"
for file in /usr/share/man/man1/warren-invite.1.gz /usr/share/bash-completion/completions/warren \
	/usr/share/zsh/vendor-completions/_warren /usr/share/fish/vendor_completions.d/warren.fish \
	/usr/share/doc/warren/copyright /usr/share/doc/warren/third-party.txt.gz; do
	# minbase Debians leave some of these out where dpkg is told so.
	box test -s "$file" || fail "not there: $file"
done
box bash -c '. /usr/share/bash-completion/completions/warren && complete -p warren' >/dev/null
echo "ok  man pages, completions and licences lie where they are looked for"
version=$(box warren version)
case $(box dpkg-query -W -f '${Version}' warren) in
*"$(echo "$version" | sed -n 's/.*\([0-9a-f]\{7\}\).*/\1/p')"*) echo "ok  dpkg and the program name one version" ;;
*) fail "dpkg and the program name two versions" ;;
esac

# Joined from the package's program, run by the package's unit.
founded
box warren join "$(tech invite 2>/dev/null)" --name box --yes --no-wait >/dev/null 2>&1
box systemctl start warren
same "a machine that waits for approval is active" "$(state)" active
tech approve box --yes >/dev/null 2>&1
until_true ready
until_true box ip -br address show warren0
until_true pong
same "joined; the unit is the package's" "$(box readlink -f "$(box systemctl show -P FragmentPath warren)")" /usr/lib/systemd/system/warren.service
same "a terminal as a login user" "$(tech shell box --user lena -- id -un)" lena
same "the node is confined" "$(box systemctl show -P ProtectSystem warren)" strict
refused "install uses the package's unit" 0 '/usr/lib/systemd/system/warren.service is there already' box warren install --now
box test ! -e /etc/systemd/system/warren.service
refused "uninstall leaves it to the package" 5 'came with the package' box warren uninstall --yes

# Installed again, as an upgrade does: the node restarts and is who it was.
id=$(box warren status --json | sed -n '/"node"/,/}/s/.*"id": "\([0-9a-f]*\)".*/\1/p' | head -n 1)
before=$(box systemctl show -P MainPID warren)
box dpkg -i /opt/warren.deb >/dev/null
restarted() { [ "$(box systemctl show -P MainPID warren)" != "$before" ] && ready; }
until_true restarted
until_true pong
same "upgraded, it is the same machine" "$(box warren status --json | sed -n '/"node"/,/}/s/.*"id": "\([0-9a-f]*\)".*/\1/p' | head -n 1)" "$id"

# It comes back with the machine.
box systemctl stop warren
box systemctl restart multi-user.target
until_true ready
echo "ok  multi-user.target starts it"

# Removed: the service goes, the keys stay. Installed again, it goes on.
keys() { box sh -c 'cd /var/lib/warren && find . -type f ! -name "*.prev" | sort | head -n 100; sha256sum member node.key' 2>/dev/null; }
kept=$(keys)
refused "removed" 0 'stay in /var/lib/warren' box dpkg -r warren
gone() { [ "$(state)" = inactive ] && ! box test -e /usr/bin/warren && ! box test -e /usr/lib/systemd/system/warren.service; }
until_true gone
refused "nothing of the service is left" 4 'could not be found' box systemctl status warren
same "keys and state stay" "$(keys | grep -c .)" "$(echo "$kept" | grep -c .)"
refused "installed again" 0 'Setting up warren' box dpkg -i /opt/warren.deb
until_true ready
until_true pong
echo "ok  it is a member again, without anybody's doing"

# Purged: keys are not deleted silently, nor loudly.
refused "purged" 0 'to delete them: rm -r /var/lib/warren' box dpkg -P warren
until_true gone
box test -e /var/lib/warren/member || fail "purge deleted the state folder"
left=$(box sh -c 'find / -xdev \( -path /proc -o -path /sys -o -path /var/lib/warren -o -path /opt -o -path /root -o -path /var/log \) -prune -o -name "*warren*" -print')
same "nothing else is left" "$left" ""
