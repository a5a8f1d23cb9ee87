package codec

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxProgram bounds what the embedded helper unpacks to.
const maxProgram = 64 << 20

func unpack(packed []byte) ([]byte, error) {
	d, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxProgram))
	if err != nil {
		return nil, fmt.Errorf("unpack the codec helper: %w", err)
	}
	defer d.Close()
	text, err := io.ReadAll(d)
	if err != nil {
		return nil, fmt.Errorf("unpack the codec helper: %w", err)
	}
	return text, nil
}
