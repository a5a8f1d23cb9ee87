# The rpm of dist/, installed by rpm in a Debian, which has its own idea of what
# a package needs. Read by scripts/systemd.sh.
# shellcheck shell=bash

rpm=$(ls dist/*."$(uname -m)".rpm)
deb=$(ls dist/*_"$(dpkg --print-architecture)".deb)
cp "$rpm" "$work/root/opt/warren.rpm"
# by_rpm VERB ... : Debian's rpm says with every call that dpkg is preferred.
by_rpm() { box rpm --force-debian --nodeps "$@"; }

box rpm -K --nosignature /opt/warren.rpm >/dev/null
refused "installed" 0 'in no mesh yet' by_rpm -i /opt/warren.rpm
same "it starts at boot" "$(state is-enabled)" enabled
same "nothing runs without a mesh" "$(state)" inactive
box rpm -V --nodeps warren
echo "ok  rpm finds all files as they were packed"
deb_has() { dpkg-deb --fsys-tarfile "$deb" | tar -xO "./$1"; }
for file in usr/bin/warren usr/lib/systemd/system/warren.service usr/share/man/man1/warren.1.gz; do
	cmp "$work/root/$file" <(deb_has "$file") || fail "$file is another than in the deb"
done
box test -s /usr/share/zsh/site-functions/_warren
box test -s /usr/share/licenses/warren/LICENSE
echo "ok  the same as in the deb"

founded
box warren join "$(tech invite 2>/dev/null)" --name box --yes --no-wait >/dev/null 2>&1
box systemctl start warren
tech approve box --yes >/dev/null 2>&1
until_true ready
until_true pong
echo "ok  joined"

before=$(box systemctl show -P MainPID warren)
by_rpm -U --replacepkgs /opt/warren.rpm >/dev/null
restarted() { [ "$(box systemctl show -P MainPID warren)" != "$before" ] && ready; }
until_true restarted
same "upgraded, it still starts at boot" "$(state is-enabled)" enabled
until_true pong

refused "removed" 0 'stay in /var/lib/warren' by_rpm -e warren
gone() { [ "$(state)" = inactive ] && ! box test -e /usr/bin/warren; }
until_true gone
refused "nothing of the service is left" 4 'could not be found' box systemctl status warren
box test -e /var/lib/warren/member || fail "removing deleted the state folder"
by_rpm -i /opt/warren.rpm >/dev/null
until_true ready
until_true pong
echo "ok  installed again, it is a member again"
