package klog

import "strings"

// quoted returns the content of the quoted string in which the message at i
// stands: logfmt's msg="…", a field of CSV, YAML, a shell's echo. ok is false
// where it stands in none.
func quoted(s string, i int) (inner string, ok bool) {
	if i < 0 || strings.IndexByte(s, '"') < 0 {
		return "", false
	}
	start := -1
	for j := 0; j < i; j++ {
		switch s[j] {
		case '\\':
			j++
		case '"':
			if start < 0 {
				start = j + 1
			} else {
				start = -1
			}
		}
	}
	if start < 0 {
		return "", false
	}
	end, csv := len(s), false
	for j := i; j < len(s); j++ {
		if s[j] == '\\' {
			j++
			continue
		}
		if s[j] != '"' {
			continue
		}
		if j+1 < len(s) && s[j+1] == '"' { // CSV doubles it
			csv = true
			j++
			continue
		}
		end = j
		break
	}
	inner = s[start:end]
	if csv {
		return strings.ReplaceAll(inner, `""`, `"`), true
	}
	return backslashes(inner), true
}

// backslashes undoes the escapes that JSON, Go, C and YAML share.
func backslashes(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
		case '"', '\\', '/':
			b.WriteByte(s[i])
		case 'x':
			if i+2 < len(s) && s[i+1:i+3] == "09" {
				b.WriteByte('\t')
				i += 2
				continue
			}
			b.WriteString(`\x`)
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
