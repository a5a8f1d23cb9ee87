package platform

import (
	"os"
	"strconv"

	"warren/node/fault"
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

// Private refuses a folder in which other users could have a hand: one that is
// a link, is not this user's, or lets others write.
func Private(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return explain(err, "look at folder", dir)
	}
	if _, own := owner(info); !info.IsDir() || !own || writableByOthers(info) {
		return fault.New(fault.Denied, "folder %s is not this user's own", dir).Try("another --dir DIR").Because("foreign")
	}
	return nil
}
