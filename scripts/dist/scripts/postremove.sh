#!/bin/sh
# After removing or upgrading. Keys are never deleted by a package, not even
# when it is purged: without them the machine cannot come back by itself, and
# on the only controller they are the mesh.
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
case "$1" in
remove | purge | 0) ;;
*) exit 0 ;;
esac
[ -e /var/lib/warren ] || exit 0
echo "warren: the machine's keys and state stay in /var/lib/warren, and its mesh still lists it; to delete them: rm -r /var/lib/warren"
