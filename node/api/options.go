package api

import (
	"connectrpc.com/connect"

	"warren/node/fault"
)

// compressFrom is the size from which a message to another machine is
// compressed, in bytes. Compressing a key's echo took longer than the way.
const compressFrom = 4 << 10

// far is how services answer other machines.
func far(limit int) []connect.HandlerOption {
	return []connect.HandlerOption{
		connect.WithInterceptors(fault.Interceptor()), connect.WithReadMaxBytes(limit),
		connect.WithCompressMinBytes(compressFrom),
	}
}
