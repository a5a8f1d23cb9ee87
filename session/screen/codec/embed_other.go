//go:build !linux || !(amd64 || arm64)

package codec

func embedded() ([]byte, error) { return nil, ErrMissing }
