package web

import (
	"embed"
	"io/fs"
)

// Empty but for a placeholder until the pages are built.
//
//go:embed all:dist
var dist embed.FS

// Pages are the built pages, index.html among them where there are any.
func Pages() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil { // the name is a constant
		panic(err)
	}
	return sub
}
