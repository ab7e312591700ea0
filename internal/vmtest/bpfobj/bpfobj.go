// Package bpfobj writes BPF objects as a compiler would: programs made of
// instructions, kfuncs that they call by name and prototype, CO-RE relocations.
// With it tests ask loaders and kernels about kfuncs and types without clang.
// Only tests import it.
package bpfobj

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// Prog is a program. Its section says what it is to loaders, "tc" or "xdp", and
// is its own: "tc/NAME".
type Prog struct {
	Section, Name string
	Insns         asm.Instructions
}

// Call calls a kfunc that the object declares so.
func Call(f *btf.Func) asm.Instruction {
	ins := asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Call), Src: asm.PseudoCall, Constant: -1}
	ins.Metadata.Set(callKey{}, f)
	return ins
}

// Kind is what a CO-RE relocation asks (enum bpf_core_relo_kind).
type Kind uint32

const (
	FieldOffset Kind = 0
	FieldExists Kind = 2
	TypeExists  Kind = 8
)

// Core loads the answer to a CO-RE question into a register: about a type as the
// program knows it, and the member that access names ("0:1" is its second one;
// "0" the type itself). The offset of a member is 0 in the program's own type.
func Core(dst asm.Register, kind Kind, t btf.Type, access string) asm.Instruction {
	answer := int32(1) // as the program's own type has it
	if kind == FieldOffset {
		answer = 0
	}
	ins := asm.Mov.Imm(dst, answer)
	ins.Metadata.Set(coreKey{}, core{kind, t, access})
	return ins
}

type (
	callKey struct{}
	coreKey struct{}
	core    struct {
		kind   Kind
		typ    btf.Type
		access string
	}
)

// Write writes the object.
func Write(progs ...Prog) ([]byte, error) {
	w := &writer{strs: []byte{0}, undefined: map[string]uint32{}}
	b, err := btf.NewBuilder(nil, nil)
	if err != nil {
		return nil, err
	}
	w.types = b
	w.section("license", elf.SHT_PROGBITS, elf.SHF_ALLOC, []byte("GPL\x00"))
	for i := range progs {
		if err := w.prog(&progs[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", progs[i].Name, err)
		}
	}
	if err := w.debug(); err != nil {
		return nil, err
	}
	return w.finish()
}

type section struct {
	elf.Section64
	name string
	data []byte
}

type info struct {
	section string
	records []byte
	n       uint32
}

type accessor struct {
	at     *info
	record int
	text   string
}

type writer struct {
	sections  []section
	strs      []byte // of symbols
	symbols   []elf.Sym64
	undefined map[string]uint32 // number of a kfunc's symbol
	kfuncs    []btf.VarSecinfo
	types     *btf.Builder
	funcs     []*info
	lines     []*info // libbpf wants some
	relocs    []*info
	accessors []accessor
}

func (w *writer) section(name string, typ elf.SectionType, flags elf.SectionFlag, data []byte) *elf.Section64 {
	s := section{name: name, data: data}
	s.Type, s.Flags, s.Addralign = uint32(typ), uint64(flags), 8
	w.sections = append(w.sections, s)
	return &w.sections[len(w.sections)-1].Section64
}

func (w *writer) symbol(name string, typ elf.SymType, shndx, size int) uint32 {
	w.symbols = append(w.symbols, elf.Sym64{
		Name: uint32(len(w.strs)), Info: elf.ST_INFO(elf.STB_GLOBAL, typ), Shndx: uint16(shndx), Size: uint64(size),
	})
	w.strs = append(append(w.strs, name...), 0)
	return uint32(len(w.symbols)) // the null symbol is the first
}

func (w *writer) prog(p *Prog) error {
	var code, rels bytes.Buffer
	if err := p.Insns.Marshal(&code, binary.LittleEndian); err != nil {
		return err
	}
	name := p.Section + "/" + p.Name
	relo := &info{section: name}
	at := uint32(0)
	for i := range p.Insns {
		ins := &p.Insns[i]
		if f, ok := ins.Metadata.Get(callKey{}).(*btf.Func); ok {
			put(&rels, elf.Rel64{Off: uint64(at) * asm.InstructionSize, Info: elf.R_INFO(w.kfunc(f), 10)}) // R_BPF_64_32
		}
		if c, ok := ins.Metadata.Get(coreKey{}).(core); ok {
			id, err := w.types.Add(c.typ)
			if err != nil {
				return err
			}
			w.accessors = append(w.accessors, accessor{relo, len(relo.records), c.access})
			relo.records = words(relo.records, at*asm.InstructionSize, uint32(id), 0, uint32(c.kind))
			relo.n++
		}
		at += uint32(ins.Size() / asm.InstructionSize)
	}
	id, err := w.types.Add(&btf.Func{
		Name: p.Name, Linkage: btf.GlobalFunc,
		Type: &btf.FuncProto{Return: integer, Params: []btf.FuncParam{{Name: "ctx", Type: &btf.Pointer{Target: &btf.Void{}}}}},
	})
	if err != nil {
		return err
	}
	w.section(name, elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_EXECINSTR, code.Bytes())
	n := len(w.sections) // the null section is the first
	w.symbol(p.Name, elf.STT_FUNC, n, code.Len())
	if rels.Len() > 0 {
		s := w.section(".rel"+name, elf.SHT_REL, 0, rels.Bytes())
		s.Info, s.Entsize = uint32(n), 16
	}
	w.funcs = append(w.funcs, &info{section: name, records: words(nil, 0, uint32(id)), n: 1})
	w.lines = append(w.lines, &info{section: name, records: words(nil, 0, 0, 0, 0), n: 1})
	if relo.n > 0 {
		w.relocs = append(w.relocs, relo)
	}
	return nil
}

var integer = &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}

func (w *writer) kfunc(f *btf.Func) uint32 {
	n, ok := w.undefined[f.Name]
	if !ok {
		n = w.symbol(f.Name, elf.STT_NOTYPE, int(elf.SHN_UNDEF), 0)
		w.undefined[f.Name] = n
		w.kfuncs = append(w.kfuncs, btf.VarSecinfo{Type: &btf.Func{Name: f.Name, Linkage: btf.ExternFunc, Type: f.Type}})
	}
	return n
}

// debug writes .BTF, with the strings of .BTF.ext after its own, and .BTF.ext.
func (w *writer) debug() error {
	if len(w.kfuncs) > 0 {
		if _, err := w.types.Add(&btf.Datasec{Name: ".ksyms", Vars: w.kfuncs}); err != nil {
			return err
		}
	}
	blob, err := w.types.Marshal(nil, &btf.MarshalOptions{Order: binary.LittleEndian})
	if err != nil {
		return err
	}
	const strLen = 20 // of struct btf_header
	le := binary.LittleEndian
	str := func(s string) uint32 {
		n := le.Uint32(blob[strLen:])
		blob = append(append(blob, s...), 0)
		le.PutUint32(blob[strLen:], n+uint32(len(s)+1))
		return n
	}
	for _, a := range w.accessors {
		le.PutUint32(a.at.records[a.record+8:], str(a.text))
	}
	part := func(size uint32, infos []*info) []byte {
		out := words(nil, size)
		for _, i := range infos {
			out = append(words(out, str(i.section), i.n), i.records...)
		}
		return out
	}
	funcs, lines, relocs := part(8, w.funcs), part(16, w.lines), part(16, w.relocs)
	if len(w.relocs) == 0 {
		relocs = nil
	}
	ext := le.AppendUint16(nil, 0xeb9f)
	ext = append(ext, 1, 0)
	nf, nl, nr := uint32(len(funcs)), uint32(len(lines)), uint32(len(relocs))
	ext = words(ext, 32, 0, nf, nf, nl, nf+nl, nr)
	w.section(".BTF", elf.SHT_PROGBITS, 0, blob)
	w.section(".BTF.ext", elf.SHT_PROGBITS, 0, slices.Concat(ext, funcs, lines, relocs))
	return nil
}

func (w *writer) finish() ([]byte, error) {
	var syms bytes.Buffer
	put(&syms, elf.Sym64{})
	for i := range w.symbols {
		put(&syms, w.symbols[i])
	}
	s := w.section(".symtab", elf.SHT_SYMTAB, 0, syms.Bytes())
	s.Info, s.Entsize = 1, elf.Sym64Size
	symtab := uint32(len(w.sections))
	s.Link = symtab + 1
	w.section(".strtab", elf.SHT_STRTAB, 0, w.strs)
	names := []byte{0}
	w.section(".shstrtab", elf.SHT_STRTAB, 0, nil)

	const headerSize = 64
	var body bytes.Buffer
	for i := range w.sections {
		s := &w.sections[i]
		s.Name = uint32(len(names))
		names = append(append(names, s.name...), 0)
		if s.Type == uint32(elf.SHT_REL) {
			s.Link = symtab
		}
	}
	w.sections[len(w.sections)-1].data = names
	for i := range w.sections {
		s := &w.sections[i]
		for body.Len()%8 != 0 {
			body.WriteByte(0)
		}
		s.Off, s.Size = uint64(headerSize+body.Len()), uint64(len(s.data))
		body.Write(s.data)
	}
	for body.Len()%8 != 0 {
		body.WriteByte(0)
	}
	var out bytes.Buffer
	put(&out, elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_BPF), Version: uint32(elf.EV_CURRENT),
		Shoff: uint64(headerSize + body.Len()), Ehsize: headerSize, Shentsize: 64,
		Shnum: uint16(len(w.sections) + 1), Shstrndx: uint16(len(w.sections)),
	})
	out.Write(body.Bytes())
	put(&out, elf.Section64{})
	for i := range w.sections {
		put(&out, w.sections[i].Section64)
	}
	return out.Bytes(), nil
}

func words(out []byte, vs ...uint32) []byte {
	for _, v := range vs {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out
}

// put writes a structure of fixed size, which into a buffer cannot fail.
func put(b *bytes.Buffer, v any) { _ = binary.Write(b, binary.LittleEndian, v) }
