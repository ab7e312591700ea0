// Package explain turns lines of a kernel's log into cause and cure: what each
// message about a module means and, given releases, which module of which
// build made which kernel say it. It finds that out by asking: the verdict of
// every candidate is compared with the words that were logged.
//
// A log is hostile input like any other. There are no regular expressions in
// here; each line is cut at fixed words, in one pass.
package explain

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Bounds of what is kept of a log.
const (
	maxLine   = 4096     // bytes of a line; the kernel's own limit is 1024
	maxEvents = 10000    // a boot can log one for each of 4000 modules
	maxKept   = 96       // lines of one event
	maxLog    = 64 << 20 // bytes read
)

// lines yields a log line by line, the rest of long ones cut off.
func lines(r io.Reader, yield func(n int, line string)) error {
	br := bufio.NewReaderSize(io.LimitReader(r, maxLog+1), maxLine)
	total := 0
	for n := 1; ; n++ {
		part, err := br.ReadSlice('\n')
		total += len(part)
		line := string(bytes.TrimRight(part, "\r\n"))
		for errors.Is(err, bufio.ErrBufferFull) {
			part, err = br.ReadSlice('\n')
			total += len(part)
		}
		if total > maxLog {
			return where.New(where.Limit, "a log of more than %d bytes", maxLog).WithHint("dmesg | grep -i -e btf -e bpf -e module keeps what matters")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return where.New(where.IO, "%w", err)
		}
		if err == nil || line != "" {
			yield(n, line)
		}
		if err != nil {
			return nil
		}
	}
}

// message cuts what loggers put before the kernel's own words: the level of
// the raw ring buffer, the time stamps of dmesg (also -T and -x) and the host
// and sender of syslog and journalctl. Inner spaces stay as they are.
func message(line string) string {
	s := line
	if i := strings.Index(s, " kernel: "); i >= 0 && i < 120 {
		s = s[i+len(" kernel: "):]
	} else if i := strings.Index(s, " kernel:"); i >= 0 && i < 120 && strings.HasSuffix(s, " kernel:") {
		s = ""
	}
	s = strings.TrimLeft(s, " ")
	if strings.HasPrefix(s, "<") {
		if i := strings.IndexByte(s[:min(len(s), 6)], '>'); i > 0 && digits(s[1:i]) {
			s = s[i+1:]
		}
	}
	if i := strings.IndexByte(s, '['); i > 0 && i < 20 && facility(s[:i]) {
		s = s[i:]
	}
	for strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s[:min(len(s), 48)], ']')
		if i < 0 || !stamp(s[1:i]) {
			break
		}
		s = strings.TrimPrefix(s[i+1:], " ")
	}
	return s
}

// stamp tells a time stamp, "   12.345678", "Mon Nov 23 10:57:04 2026",
// "2026-11-23T10:57:04" or a caller, "T1234", "C0", from a type's "[12]".
func stamp(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" {
		return false
	}
	if a, b, ok := strings.Cut(s, "."); ok && digits(a) && digits(b) {
		return true
	}
	if (s[0] == 'T' || s[0] == 'C') && digits(strings.TrimSpace(s[1:])) {
		return true
	}
	return strings.Count(s, ":") >= 2 && strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' }) >= 0
}

// facility is what dmesg -x puts before the stamp, "kern  :err   : ".
func facility(s string) bool {
	return strings.Count(s, ":") == 2 && strings.HasSuffix(s, ": ") && strings.IndexFunc(s, func(r rune) bool {
		return r != ' ' && r != ':' && (r < 'a' || r > 'z')
	}) < 0
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// number reads a decimal number of at most 32 bits.
func number(s string) (uint32, bool) {
	if !digits(s) || len(s) > 10 {
		return 0, false
	}
	n := uint64(0)
	for i := range len(s) {
		n = n*10 + uint64(s[i]-'0')
	}
	return uint32(n), n < 1<<32
}

// errno reads "-22", "22"; 0 when it is none.
func errno(s string) int {
	s = strings.TrimSpace(s)
	n, ok := number(strings.TrimPrefix(s, "-"))
	if !ok || n > 4095 {
		return 0
	}
	return -int(n)
}

// between cuts s into what is before, between and after two words; ok only
// when both are there.
func between(s, open, closing string) (before, inner, after string, ok bool) {
	before, rest, ok := strings.Cut(s, open)
	if !ok {
		return "", "", "", false
	}
	inner, after, ok = strings.Cut(rest, closing)
	return before, inner, after, ok
}

// moduleName is a module's name as the kernel spells it, from a name, a path
// or a file name; "" when it cannot be one.
func moduleName(s string) string {
	s = model.ModuleName(strings.Trim(strings.TrimSpace(s), `'"`))
	if s == "" || len(s) > 64 {
		return ""
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' || s[i] == '[' || s[i] == ']' {
			return ""
		}
	}
	return s
}
