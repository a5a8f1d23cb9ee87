#!/bin/sh
# After installing or upgrading. dpkg says "configure", rpm how many versions
# there are now.
set -e
new=
case "$1" in
1) new=yes ;;
*) [ ! -e /run/warren-installs ] || new=yes ;;
esac
rm -f /run/warren-installs
command -v systemctl >/dev/null || exit 0
# Enabled, it still does nothing before the machine is in a mesh.
[ -z "$new" ] || systemctl enable --quiet warren.service
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if [ -z "$new" ]; then
	systemctl --no-block try-restart warren.service
elif [ -e /var/lib/warren/member ]; then
	systemctl --no-block start warren.service
else
	echo "warren: this machine is in no mesh yet. To join one: sudo warren join LINK"
	echo "warren: to found one, in the browser: sudo warren up"
	echo "warren: after either: sudo systemctl start warren"
fi
if [ -e /etc/systemd/system/warren.service ]; then
	echo "warren: the unit that warren install wrote stands before the package's; warren uninstall removes it"
fi
