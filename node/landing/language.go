package landing

import (
	"strconv"
	"strings"
)

const (
	// maxRanges of a header are looked at; browsers send five or so.
	maxRanges = 16
	maxHeader = 512
)

// preferred is the language of have that an Accept-Language header (RFC 9110,
// 12.5.4) likes best, or the first.
func preferred(header string, have []string) string {
	best, liked := have[0], 0.0
	header = header[:min(len(header), maxHeader)]
	for _, part := range strings.SplitN(header, ",", maxRanges+1)[:min(maxRanges, strings.Count(header, ",")+1)] {
		tag, parameter, _ := strings.Cut(part, ";")
		tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := quality(parameter)
		if q <= liked { // of two that are liked alike, the one named first
			continue
		}
		for _, language := range have {
			if tag == language {
				best, liked = language, q
			}
		}
	}
	return best
}

// quality reads q=0.8; what is none counts as not asked for.
func quality(parameter string) float64 {
	parameter = strings.TrimSpace(parameter)
	if parameter == "" {
		return 1
	}
	value, ok := strings.CutPrefix(strings.ToLower(parameter), "q=")
	q, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}
