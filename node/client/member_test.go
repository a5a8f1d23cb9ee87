package client

import (
	"errors"
	"fmt"
	"testing"

	"warren/node/fault"
)

func TestUnansweredSaysTheCauseAlone(t *testing.T) {
	t.Parallel()
	refused := errors.New("[::1]:41820: connection refused")
	one := fault.New(fault.Unavailable, "controller 0011 does not answer: %w", refused).Because(Unreached).Try("whether it runs")
	for want, last := range map[string]error{
		"warren: no controller answers: none is known; try: warren status":                   nil,
		"warren: no controller answers: [::1]:41820: connection refused; try: warren status": fault.New(fault.Unavailable, "%w", fmt.Errorf("ask: %w", one)).Because(Unreached),
		"warren: no controller answers: no controller leads just now; try: warren status":    fault.New(fault.Unavailable, "no controller leads just now"),
	} {
		err := Unanswered(last)
		if got := fault.Format(err); got != want || fault.Of(err).Reason != "no-controller" {
			t.Errorf("%q (%s), want %q", got, fault.Of(err).Reason, want)
		}
	}
}
