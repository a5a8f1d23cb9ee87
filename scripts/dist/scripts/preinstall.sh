#!/bin/sh
# Before installing or upgrading. dpkg says "install OLD" too where the package
# was removed and is back; what comes after could not tell that from an upgrade.
set -e
[ "$1" != install ] || : >/run/warren-installs
