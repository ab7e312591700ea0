package evidence

// strBits marks, per byte of a string section, where strings begin and which
// of them are identifiers.
type strBits struct {
	start, ident []uint64
	n            uint32
}

// fill marks the strings of a section; the slices are reused when they are
// large enough.
func (s *strBits) fill(strs []byte) {
	s.n = uint32(len(strs))
	words := (len(strs) + 63) / 64
	s.start, s.ident = zeroed(s.start, words), zeroed(s.ident, words)
	for i := 0; i < len(strs); {
		first := i
		class := byte(identFirst)
		ok := byte(1)
		for ; i < len(strs) && strs[i] != 0; i++ {
			if charClass[strs[i]]&class == 0 {
				ok = 0
			}
			class = identRest
		}
		if i == first {
			ok = 0
		}
		s.start[first/64] |= 1 << (first % 64)
		s.ident[first/64] |= uint64(ok) << (first % 64)
		i++
	}
}

func zeroed(s []uint64, n int) []uint64 {
	if cap(s) < n {
		return make([]uint64, n)
	}
	s = s[:n]
	clear(s)
	return s
}

func (s *strBits) isStart(off uint32) bool { return s.start[off/64]>>(off%64)&1 != 0 }
func (s *strBits) isIdent(off uint32) bool { return s.ident[off/64]>>(off%64)&1 != 0 }

const (
	identFirst = 1
	identRest  = 2
)

// charClass is C's identifier rule plus '.' and '$', which compilers put into
// the names of clones ("foo.isra.0").
var charClass = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '.' || c == '$' || c >= 0x80:
			t[c] = identFirst | identRest
		case c >= '0' && c <= '9':
			t[c] = identRest
		}
	}
	return t
}()
