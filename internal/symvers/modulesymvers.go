package symvers

import (
	"bytes"
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// MaxSymbols bounds the symbols of one kernel; the largest seen has 33 000.
const MaxSymbols = 1 << 20

// presized is the most that is allocated by counting line ends alone.
const presized = 1 << 16

// Parse reads the text of a Module.symvers; the decompressed symvers.gz, .xz
// and .zst of Fedora and SUSE are the same text. Its lines are those of
// scripts/mod/modpost.c (write_dump), fields separated by single tabs:
//
//	crc name module                    before 2.6.18
//	crc name module export             to 5.3
//	crc name namespace module export   5.4 to 5.6
//	crc name module export namespace   5.7 on, and stable updates of 5.4 to 5.6
//
// The two forms of five fields are told apart line by line by which field is
// an export word. Errors are Malformed, or Limit above limits.MaxText, with
// the byte offset, line and column (both from 1, in bytes).
func Parse(text []byte) (*Table, error) {
	if len(text) > limits.MaxText {
		return nil, where.New(where.Limit, "%d bytes of Module.symvers, the limit is %d", len(text), limits.MaxText)
	}
	all := string(text) // every name is a part of this one string
	syms := make([]Symbol, 0, min(bytes.Count(text, []byte{'\n'}), presized))
	for n, off := 1, 0; off < len(all); n++ {
		end := strings.IndexByte(all[off:], '\n')
		if end < 0 {
			return nil, lineError(n, 0, off, "the last line has no line end: truncated?")
		}
		s, col, msg := parseLine(strings.TrimSuffix(all[off:off+end], "\r"))
		if msg != "" {
			return nil, lineError(n, col, off, msg)
		}
		if len(syms) == MaxSymbols {
			return nil, where.New(where.Limit, "line %d: more than %d symbols", n, MaxSymbols).At(int64(off))
		}
		syms = append(syms, s)
		off += end + 1
	}
	return newTable(syms), nil
}

func lineError(line, col, off int, msg string) error {
	return where.New(where.Malformed, "line %d column %d: %s", line, col+1, msg).At(int64(off + col))
}

const maxFields = 5

// parseLine reads one line without its end. A non-empty msg is the fault and
// col the byte of the line it is about.
func parseLine(line string) (s Symbol, col int, msg string) {
	var f [maxFields]string
	var at [maxFields]int
	n := 0
	for pos := 0; ; n++ {
		if n == maxFields {
			return s, pos, "more than five fields"
		}
		end := strings.IndexByte(line[pos:], '\t')
		at[n] = pos
		if end < 0 {
			f[n] = line[pos:]
			n++
			break
		}
		f[n] = line[pos : pos+end]
		pos += end + 1
	}
	if n < 3 {
		return s, len(line), "fewer than three fields"
	}
	for i := range n {
		if bad := badByte(f[i]); bad >= 0 {
			return s, at[i] + bad, "control character or blank in a field"
		}
	}
	crc, bad := parseCRC(f[0])
	if bad >= 0 {
		return s, bad, "not a checksum: want 0x and one to eight hexadecimal digits"
	}
	owner, export, namespace := 2, 3, 4
	if n == maxFields && !isExport(f[3]) && isExport(f[4]) {
		namespace, owner, export = 2, 3, 4
	}
	s = Symbol{Name: f[1], CRC: crc, HasCRC: crc != 0, Owner: f[owner], Namespace: f[namespace]}
	switch {
	case s.Name == "":
		return s, at[1], "no symbol name"
	case s.Owner == "":
		return s, at[owner], "no module"
	case n == 3:
		return s, 0, ""
	}
	e, ok := exportWords[f[export]]
	if !ok {
		return s, at[export], "unknown export type"
	}
	s.Export = e
	return s, 0, ""
}

// exportWords are what modpost has written in the export field. The unused and
// GPL-future kinds went in 5.12; a GPL-future symbol only warned.
var exportWords = map[string]Export{
	"EXPORT_SYMBOL":            ExportAny,
	"EXPORT_SYMBOL_GPL":        ExportGPL,
	"EXPORT_SYMBOL_GPL_FUTURE": ExportAny,
	"EXPORT_UNUSED_SYMBOL":     ExportAny,
	"EXPORT_UNUSED_SYMBOL_GPL": ExportGPL,
	"(unknown)":                ExportUnknown,
}

func isExport(word string) bool {
	_, ok := exportWords[word]
	return ok
}

// badByte returns the index of the first control byte or blank, or -1.
func badByte(s string) int {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return i
		}
	}
	return -1
}

// parseCRC reads "0x0123abcd"; bad is the index of the wrong byte, or -1.
func parseCRC(s string) (crc uint32, bad int) {
	if !strings.HasPrefix(s, "0x") && !strings.HasPrefix(s, "0X") {
		return 0, 0
	}
	if len(s) == 2 {
		return 0, 2
	}
	for i := 2; i < len(s); i++ {
		if i == 10 {
			return 0, i
		}
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			crc = crc<<4 | uint32(c-'0')
		case c >= 'a' && c <= 'f':
			crc = crc<<4 | uint32(c-'a'+10)
		case c >= 'A' && c <= 'F':
			crc = crc<<4 | uint32(c-'A'+10)
		default:
			return 0, i
		}
	}
	return crc, -1
}
