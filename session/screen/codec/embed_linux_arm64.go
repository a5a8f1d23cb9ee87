package codec

import "embed"

// Empty but for a placeholder until the helper is built, by make build.
//
//go:embed all:built/arm64
var built embed.FS

const helperFile = "built/arm64/helper.zst"
