package klog

import "strings"

// stripJob takes off what gh run view --log writes before a line's stamp, a
// job's and a step's name with tabs behind them; also fields of TSV before a
// stamp or a message.
func stripJob(s string, _ *Record) (string, bool) {
	head := s[:min(len(s), 256)]
	i := strings.IndexByte(head, '\t')
	if i < 1 {
		return s, false
	}
	rest := strings.TrimLeft(s[i+1:], "\t ")
	if dateLength(rest) > 0 || strings.HasPrefix(rest, "[") || strings.HasPrefix(rest, "<") {
		return rest, true
	}
	if j := strings.IndexByte(rest[:min(len(rest), 128)], '\t'); j > 0 && dateLength(rest[j+1:]) > 0 {
		return rest[j+1:], true
	}
	return s, false
}
