package client

import (
	"warren/consensus/policy"
	"warren/node/fault"
)

// CheckPolicy reads a policy text as every machine would, without a node: its
// form, not its tests. The error names line and column.
func CheckPolicy(text []byte) error {
	if _, err := policy.Parse(text); err != nil {
		return fault.New(fault.Invalid, "%w", err)
	}
	return nil
}
