package elfx

// Prog is one program header.
type Prog struct {
	Type, Flags  uint32
	Off          uint64
	Vaddr, Paddr uint64
	Filesz       uint64
	Memsz        uint64
	Align        uint64
}

// Progs reads the program headers. Whether a segment lies within the file is
// for SegmentData to say.
func (f *File) Progs() ([]Prog, error) {
	if f.Phnum == 0 {
		return nil, nil
	}
	size := uint64(32)
	if f.Is64 {
		size = 56
	}
	if uint64(f.Phentsize) != size {
		return nil, bad(0, "program header size is %d, not %d", f.Phentsize, size)
	}
	total := uint64(len(f.data))
	if f.Phoff > total || uint64(f.Phnum) > (total-f.Phoff)/size {
		return nil, bad(0, "%d program headers at 0x%x run past the end of %d bytes", f.Phnum, f.Phoff, total)
	}
	out := make([]Prog, f.Phnum)
	for i := range out {
		out[i] = f.prog(f.data[f.Phoff+uint64(i)*size:][:size])
	}
	return out, nil
}

func (f *File) prog(b []byte) Prog {
	if f.Is64 {
		return Prog{
			Type: f.U32(b), Flags: f.U32(b[4:]), Off: f.U64(b[8:]), Vaddr: f.U64(b[16:]), Paddr: f.U64(b[24:]),
			Filesz: f.U64(b[32:]), Memsz: f.U64(b[40:]), Align: f.U64(b[48:]),
		}
	}
	w := func(i int) uint64 { return uint64(f.U32(b[4*i:])) }
	return Prog{
		Type: f.U32(b), Off: w(1), Vaddr: w(2), Paddr: w(3), Filesz: w(4), Memsz: w(5), Flags: f.U32(b[24:]), Align: w(7),
	}
}

// SegmentData returns the file content of a segment as a part of the input.
func (f *File) SegmentData(p *Prog) ([]byte, error) {
	total := uint64(len(f.data))
	if p.Off > total || p.Filesz > total-p.Off {
		return nil, bad(int64(f.WordSize()+24), "segment: 0x%x bytes at 0x%x are past the end of %d bytes", p.Filesz, p.Off, total)
	}
	return f.data[p.Off : p.Off+p.Filesz : p.Off+p.Filesz], nil
}
