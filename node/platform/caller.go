package platform

import (
	"os"
	"strconv"
)

// CallerUID is the local user on whose behalf this process runs: the one who
// called sudo, where that is how it became root. It is -1 on Windows.
func CallerUID() int { return callerUID(os.Getuid(), os.Geteuid(), os.Getenv("SUDO_UID")) }

func callerUID(uid, effective int, sudo string) int {
	if effective != 0 {
		return uid
	}
	if n, err := strconv.ParseUint(sudo, 10, 31); err == nil {
		return int(n)
	}
	return uid
}
