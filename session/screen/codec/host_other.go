//go:build !linux

package codec

// Other systems have codecs of their own, which come with their way of looking
// at a screen.
type (
	program struct{}
	shared  struct{ bytes []byte }
)

func newProgram([]byte) (*program, error)     { return nil, ErrMissing }
func newShared(int) (*shared, error)          { return nil, ErrMissing }
func (*program) run(*shared) (*helper, error) { return nil, ErrMissing }
func (*program) close() error                 { return nil }
func (*shared) close() error                  { return nil }
