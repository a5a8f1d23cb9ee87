#!/bin/sh
# Before removing or upgrading. dpkg says "remove" or "upgrade", rpm how many
# versions stay.
set -e
case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac
command -v systemctl >/dev/null || exit 0
# A unit that warren install wrote runs another program than the package's.
[ ! -e /etc/systemd/system/warren.service ] || exit 0
if [ -d /run/systemd/system ]; then
	systemctl disable --quiet --now warren.service
else
	systemctl disable --quiet warren.service
fi
