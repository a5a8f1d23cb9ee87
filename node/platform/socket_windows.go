package platform

import "io/fs"

const maxSocketPath = 107 // sun_path of afunix.h, less the zero byte

// Windows shows unix sockets as reparse points that Go calls irregular.
func isSocket(info fs.FileInfo) bool {
	return info.Mode()&(fs.ModeSocket|fs.ModeIrregular) != 0
}
