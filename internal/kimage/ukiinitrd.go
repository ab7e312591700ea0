package kimage

// Span is a range of bytes of a file.
type Span struct{ Off, Size int64 }

// UKIInitrds returns where the .initrd sections of a unified kernel image lie,
// by the head of the file (the section table is within its first 4 KiB); nil
// when it is none. Sizes are as the headers claim.
func UKIInitrds(head []byte) []Span {
	if !isUKI(head) {
		return nil
	}
	var out []Span
	peSections(head, func(name string, h []byte, _ int64) bool {
		if name != ".initrd" {
			return true
		}
		size, off := uint64(le.Uint32(h[16:])), uint64(le.Uint32(h[20:]))
		if v := uint64(le.Uint32(h[8:])); v != 0 {
			size = min(size, v)
		}
		out = append(out, Span{int64(off), int64(size)})
		return true
	})
	return out
}
