package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// SynthName is the name of the module that Synth makes.
const SynthName = "vmtest_blank"

// ModuleLayout is what a kernel's own BTF says of its struct module.
type ModuleLayout struct {
	Size int // sizeof
	Name int // offset of the member name, in bytes
}

// Synth makes a module of nothing: no code, no import, no symbol checksums.
// Kernels with CONFIG_MODULE_FORCE_LOAD (Debian's) take it, tainted, if
// vermagic is exactly theirs; so a kernel can be asked without its modules.
func Synth(l ModuleLayout, vermagic string) []byte {
	info := strings.Join([]string{"license=GPL", "depends=", "retpoline=Y", "intree=Y", "name=" + SynthName, "vermagic=" + vermagic}, "\x00") + "\x00"
	this := make([]byte, l.Size)
	copy(this[l.Name:], SynthName)
	return Assemble([]Sect{
		{Name: ".text", Type: Progbits, Flags: Alloc | 4, Align: 16},
		{Name: ".modinfo", Type: Progbits, Flags: Alloc, Data: []byte(info), Align: 1},
		{Name: ".gnu.linkonce.this_module", Type: Progbits, Flags: Alloc | Write, Data: this, Align: 64},
	})
}

// Vermagic takes from a line of the kernel's log what it wanted of a module
// with another one (kernel/module/main.c:check_modinfo), or gives "".
func Vermagic(line string) string {
	_, after, ok := strings.Cut(line, "' should be '")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(after, "'")
}

// BTF kinds and the bytes that follow a record of each, per vlen and fixed
// (Documentation/bpf/btf.rst); FLOAT and what has nothing more are left out.
const (
	kindStruct = 4
	btfRecord  = 12
	btfMember  = 12
)

var btfExtra = map[uint32]struct{ fixed, each int }{
	1:  {fixed: 4},  // INT
	3:  {fixed: 12}, // ARRAY
	4:  {each: 12},  // STRUCT
	5:  {each: 12},  // UNION
	6:  {each: 8},   // ENUM
	13: {each: 8},   // FUNC_PROTO
	14: {fixed: 4},  // VAR
	15: {each: 12},  // DATASEC
	17: {fixed: 4},  // DECL_TAG
	19: {each: 12},  // ENUM64
}

// FindModuleLayout looks for struct module in a kernel's BTF, which the
// kernel itself gave out.
func FindModuleLayout(btf []byte) (ModuleLayout, error) {
	le := binary.LittleEndian
	if len(btf) < 24 || le.Uint16(btf) != 0xeb9f {
		return ModuleLayout{}, fmt.Errorf("not BTF")
	}
	hdr := uint64(le.Uint32(btf[4:]))
	typeOff, typeLen := hdr+uint64(le.Uint32(btf[8:])), uint64(le.Uint32(btf[12:]))
	strOff, strLen := hdr+uint64(le.Uint32(btf[16:])), uint64(le.Uint32(btf[20:]))
	if typeOff+typeLen > uint64(len(btf)) || strOff+strLen > uint64(len(btf)) {
		return ModuleLayout{}, fmt.Errorf("BTF sections out of bounds")
	}
	types, strs := btf[typeOff:typeOff+typeLen], btf[strOff:strOff+strLen]
	for len(types) >= btfRecord {
		info := le.Uint32(types[4:])
		kind, vlen, bits := info>>24&0x1f, int(info&0xffff), info>>31 != 0
		extra := btfExtra[kind]
		end := btfRecord + extra.fixed + vlen*extra.each
		if end > len(types) {
			break
		}
		if kind == kindStruct && vlen > 0 && cString(strs, le.Uint32(types)) == "module" {
			return moduleLayout(types[:end], strs, bits)
		}
		types = types[end:]
	}
	return ModuleLayout{}, fmt.Errorf("no struct module in the BTF")
}

func moduleLayout(rec, strs []byte, bits bool) (ModuleLayout, error) {
	le := binary.LittleEndian
	l := ModuleLayout{Size: int(le.Uint32(rec[8:]))}
	for m := rec[btfRecord:]; len(m) >= btfMember; m = m[btfMember:] {
		if cString(strs, le.Uint32(m)) != "name" {
			continue
		}
		off := le.Uint32(m[8:])
		if bits {
			off &= 0xffffff
		}
		l.Name = int(off / 8)
		if l.Name+len(SynthName) >= l.Size || l.Size > 64<<10 {
			break
		}
		return l, nil
	}
	return ModuleLayout{}, fmt.Errorf("struct module has no name in it")
}
