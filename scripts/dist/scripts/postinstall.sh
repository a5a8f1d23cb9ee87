#!/bin/sh
# After installing or upgrading. dpkg says "configure OLD", rpm how many
# versions there are now.
set -e
case "$1" in
configure) old=$2 ;;
1) old= ;;
*) old=one ;;
esac
command -v systemctl >/dev/null || exit 0
# Enabled, it still does nothing before the machine is in a mesh.
[ -n "$old" ] || systemctl enable --quiet warren.service
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if [ -n "$old" ]; then
	systemctl --no-block try-restart warren.service
elif [ -e /var/lib/warren/member ]; then
	systemctl --no-block start warren.service
else
	echo "warren: this machine is in no mesh yet; try: warren join LINK, then systemctl start warren"
fi
if [ -e /etc/systemd/system/warren.service ]; then
	echo "warren: the unit that warren install wrote stands before the package's; warren uninstall removes it"
fi
