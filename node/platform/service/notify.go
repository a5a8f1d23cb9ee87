package service

import (
	"net"
	"os"
	"strings"
)

// Notify tells the service manager how the node is, in lines such as READY=1
// and STATUS=text (sd_notify(3)). That nobody listens is no error, nor that
// the message is lost: it is for show, but for READY, and a manager that waits
// for that one says so itself.
func Notify(lines ...string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if rest, abstract := strings.CutPrefix(path, "@"); abstract {
		path = "\x00" + rest
	}
	c, err := net.Dial("unixgram", path) //nolint:noctx // a local datagram does not wait
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(strings.Join(lines, "\n")))
}
