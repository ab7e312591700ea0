package klog

import "strings"

// stripStream takes off CRI's "stdout F " and "stderr P " (containerd, cri-o)
// and docker's bare stream.
func stripStream(s string, _ *Record) (string, bool) {
	for _, stream := range []string{"stdout ", "stderr "} {
		rest, ok := strings.CutPrefix(s, stream)
		if !ok {
			continue
		}
		if len(rest) > 1 && (rest[0] == 'F' || rest[0] == 'P') && rest[1] == ' ' {
			return rest[2:], true
		}
		return rest, true
	}
	return s, false
}

// stripLabel takes off the name that docker compose, kubectl and their like
// put before a line, "node-1  | ", logcli's "{host=…} ", and the streams of
// GitHub's and GitLab's commands.
func stripLabel(s string, _ *Record) (string, bool) {
	if strings.HasPrefix(s, "{") {
		if i := strings.Index(s[:min(len(s), 512)], "} "); i > 0 && strings.Contains(s[:i], "=") {
			return s[i+2:], true
		}
	}
	for _, section := range []string{"section_start:", "section_end:", "##[error]", "##[warning]", "##[debug]", "::error::", "::warning::"} {
		if rest, ok := strings.CutPrefix(s, section); ok {
			return rest, true
		}
	}
	head := s[:min(len(s), 96)]
	i := strings.IndexByte(head, '|')
	if i < 1 {
		return s, false
	}
	name := strings.TrimRight(head[:i], " \t")
	if name == "" || strings.IndexFunc(name, notLabel) >= 0 {
		return s, false
	}
	return strings.TrimPrefix(s[i+1:], " "), true
}

// notLabel reports whether a character cannot be in a container's name.
func notLabel(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' && r != '.' && r != '/'
}
