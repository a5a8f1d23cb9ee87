package main

// escape finds ~. at the beginning of a line in what is typed. As in ssh, ~~
// is one tilde, and a tilde before anything else is itself.
//
//	line start --~--> tilde --.--> end
//	    ^               | other: both are sent
//	    +--- CR or LF --+
type escape struct {
	atLineStart bool
	tilde       bool
}

// filter returns what to send of data, and whether the session is to end. The
// result may alias data.
func (e *escape) filter(data []byte) (send []byte, end bool) {
	out := make([]byte, 0, len(data)+1)
	for _, b := range data {
		if e.tilde {
			e.tilde = false
			switch b {
			case '.':
				return out, true
			case '~':
				out = append(out, '~')
				e.atLineStart = false
				continue
			}
			out = append(out, '~')
		} else if e.atLineStart && b == '~' {
			e.tilde = true
			continue
		}
		out = append(out, b)
		e.atLineStart = b == '\r' || b == '\n'
	}
	return out, false
}
