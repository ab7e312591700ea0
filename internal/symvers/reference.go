package symvers

import (
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// ParseReference reads the symbols that a packager keeps of an earlier
// release: Debian's debian/abi/<abiname>/<arch>_<featureset>_<flavour> and
// RHEL's Module.kabi, which are lines of Module.symvers, the former with
// fields left out at the end; and the abi files of Ubuntu and Proxmox
// (abi-prev-<release>-<arch>), whose generator turns the last two fields of
// such a line to its front:
//
//	EXPORT_SYMBOL_GPL drivers/net/mii 0x1234abcd name
//	NAMESPACE EXPORT_SYMBOL_GPL 0x1234abcd name<tab>drivers/net/mii
//
// The second is what becomes of a symbol with a namespace, and read as the
// first it would be a symbol of another name and module.
func ParseReference(text []byte) (*Table, error) {
	if len(text) > limits.MaxText {
		return nil, where.New(where.Limit, "%d bytes of symbols, the limit is %d", len(text), limits.MaxText)
	}
	all := string(text)
	if !turned(all) {
		return Parse(text)
	}
	var syms []Symbol
	for n, off := 1, 0; off < len(all); n++ {
		line, _, ended := strings.Cut(all[off:], "\n")
		if !ended {
			return nil, lineError(n, 0, off, "the last line has no line end: truncated?")
		}
		s, msg := parseTurned(line)
		if msg != "" {
			return nil, lineError(n, 0, off, msg)
		}
		if len(syms) == MaxSymbols {
			return nil, where.New(where.Limit, "line %d: more than %d symbols", n, MaxSymbols).At(int64(off))
		}
		syms = append(syms, s)
		off += len(line) + 1
	}
	return newTable(syms), nil
}

// turned reports whether the first line is of the turned form.
func turned(all string) bool {
	line, _, _ := strings.Cut(all, "\n")
	f := strings.Fields(line)
	return len(f) >= 4 && (isExport(f[0]) || isExport(f[1])) && strings.HasPrefix(f[2], "0x")
}

// parseTurned reads one line of the turned form. A non-empty msg is the fault.
func parseTurned(line string) (s Symbol, msg string) {
	f := strings.Fields(line)
	if len(f) < 4 || len(f) > 5 {
		return s, "not four or five fields"
	}
	crc, bad := parseCRC(f[2])
	if bad >= 0 {
		return s, "the third field is no checksum"
	}
	s = Symbol{Name: f[3], CRC: crc, HasCRC: crc != 0}
	switch {
	case len(f) == 4 && isExport(f[0]):
		s.Export, s.Owner = exportWords[f[0]], f[1]
	case len(f) == 5 && isExport(f[1]):
		s.Namespace, s.Export, s.Owner = f[0], exportWords[f[1]], f[4]
	default:
		return s, "no export type where one belongs"
	}
	return s, ""
}
