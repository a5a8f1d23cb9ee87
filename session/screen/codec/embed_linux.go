//go:build linux && (amd64 || arm64)

package codec

// embedded is the helper, packed.
func embedded() ([]byte, error) {
	packed, err := built.ReadFile(helperFile)
	if err != nil {
		return nil, ErrMissing
	}
	return packed, nil
}
