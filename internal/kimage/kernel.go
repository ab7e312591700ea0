package kimage

import (
	"bytes"
	"errors"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/where"
)

// kernel is an opened image: an ELF vmlinux or raw memory.
type kernel struct {
	data  []byte
	hint  hint
	elf   *elfx.File // nil for a raw image
	areas []area     // where strings of the kernel may be
	tail  []byte     // of a raw image: what follows its base
}

// area is a part of the image with constant data.
type area struct {
	off  int64
	data []byte
}

// kernel reads the facts of a candidate that is no container.
func (p *parser) kernel(n node) (*Facts, error) {
	if IsBTF(n.data) {
		return p.bare(n)
	}
	k, name, err := openKernel(n)
	if err != nil {
		return nil, p.reject(n, err)
	}
	f := &Facts{Format: append(n.chain[:len(n.chain):len(n.chain)], name)}
	f.Banner, f.Release = k.banner()
	if name == rawName && f.Banner == "" {
		return nil, p.reject(n, noKernel(n, "no version banner"))
	}
	base, err := k.base(f)
	if err != nil {
		p.broken = true
		return nil, err
	}
	switch {
	case f.BTF != nil:
	case f.Banner == "":
		if p.bootELF(n, k) {
			return nil, nil
		}
		return nil, p.reject(n, where.New(where.Malformed, "no kernel: %w in %d bytes", ErrBare, len(n.data)))
	case name == rawName && !n.hint.known:
		// a kernel log has a banner too
		return nil, p.reject(n, noKernel(n, "a version banner, but no BTF"))
	}
	p.broken = true
	f.Arch, f.BigEndian = k.hint.arch, k.hint.big
	if k.elf != nil {
		f.Arch, f.BigEndian = k.elf.Arch(), k.elf.BigEndian
	} else if base != nil {
		f.BigEndian = base.BigEndian()
	}
	if f.Config, err = k.config(p.dec); err != nil {
		return nil, err
	}
	if f.Exports, err = k.exports(f.Arch, f.BigEndian); err != nil {
		return nil, err
	}
	if f.IDs, err = k.ids(); err != nil {
		return nil, err
	}
	f.KfuncSets = k.kfuncSets(f, base)
	f.Certs = modsig.FindCertificates(k.loaded())
	f.Abilities = k.abilities(f, base)
	k.loader(f, base)
	return f, nil
}

// maxBoot is the size above which an ELF file is no boot wrapper.
const maxBoot = 128 << 20

// bootELF pushes what an ELF file that is no kernel itself may wrap: mips,
// parisc and others link the compressed kernel into a small program
// (arch/mips/boot/compressed). False when there is nothing.
func (p *parser) bootELF(n node, k *kernel) bool {
	if k.elf == nil || len(n.data) > maxBoot {
		return false
	}
	in, err := scanned(n.data, len(n.data), hint{arch: k.elf.Arch(), big: k.elf.BigEndian, known: true})
	if err != nil {
		return false
	}
	p.push(n, "ELF-boot", in)
	return true
}

// ErrBare is an ELF that may have been a vmlinux and has nothing left that tells.
var ErrBare = errors.New("neither a version banner nor BTF")

// noKernel is the error of a candidate without what a kernel has.
func noKernel(n node, what string) error {
	if len(n.chain) == 0 && !elfx.Is(n.data) && rawImage(n.data) == nil {
		return where.New(where.Unsupported, "no kernel image: no known magic, %s", what).At(0)
	}
	return where.New(where.Malformed, "no kernel: %s in %d bytes", what, len(n.data))
}

// reject keeps the buffer of a decompressed candidate for the next one.
func (p *parser) reject(n node, err error) error {
	if n.owned && cap(n.data) > cap(p.spare) {
		p.spare = n.data[:0]
	}
	return err
}

// rawName stands in a Format for a raw image without a header of its own.
const rawName = "raw"

func openKernel(n node) (*kernel, string, error) {
	k := &kernel{data: n.data, hint: n.hint}
	if !elfx.Is(n.data) {
		k.areas = []area{{0, n.data}}
		if r := rawImage(n.data); r != nil {
			k.hint = r.hint(n.data).or(n.hint)
			return k, r.name, nil
		}
		return k, rawName, nil
	}
	f, err := elfx.Parse(n.data)
	if err != nil {
		return nil, "", where.In("ELF", err)
	}
	if f.Type != elfx.TypeExec && f.Type != elfx.TypeDyn {
		return nil, "", where.New(where.Unsupported, "ELF file of type %d is no executable, so no kernel", f.Type).At(16)
	}
	k.elf = f
	k.areas = constants(f)
	return k, "ELF", nil
}

// loaded is the part of the file up to the last section that is loaded. In a
// debug vmlinux the other nine tenths come after it.
func (k *kernel) loaded() []byte {
	if k.elf == nil {
		return k.data
	}
	end := uint64(0)
	for i := range k.elf.Sections {
		if s := &k.elf.Sections[i]; s.Flags&elfx.SHFAlloc != 0 && s.HasData() {
			end = max(end, s.Off+s.Size)
		}
	}
	return k.data[:min(end, uint64(len(k.data)))]
}

// constants returns the sections that a kernel's string literals are in, .rodata
// first. Without that it is the whole file.
func constants(f *elfx.File) []area {
	if s := f.Section(".rodata"); s == nil || !s.HasData() || s.Compressed() {
		return []area{{0, f.Bytes()}}
	}
	var out []area
	for _, name := range []string{".rodata", ".data", ".init.data"} {
		if s := f.Section(name); s != nil && s.HasData() && !s.Compressed() {
			out = append(out, area{int64(s.Off), f.RawData(s)})
		}
	}
	return out
}

// find returns the file offset of the first occurrence of text in the first area
// only, which is where a kernel has its string literals; ok false without one.
func (k *kernel) find(text string) (off int64, ok bool) {
	if len(k.areas) == 0 {
		return 0, false
	}
	a := k.areas[0]
	if i := bytes.Index(a.data, []byte(text)); i >= 0 {
		return a.off + int64(i), true
	}
	return 0, false
}

// ids reads .BTF_ids of an image with sections.
func (k *kernel) ids() (*ids.Section, error) {
	if k.elf == nil {
		return nil, nil
	}
	found, err := ids.Open(k.elf)
	if err != nil || found.Section == nil {
		return nil, where.In("ELF", err)
	}
	symbols, err := k.elf.Symtab()
	if err != nil {
		return nil, where.In("ELF", err)
	}
	for _, sym := range symbols.All() {
		if found.Holds(&sym) {
			if err := found.Symbol(&symbols, &sym); err != nil {
				return nil, where.In("ELF", err)
			}
		}
	}
	return found.Finish(k.elf.Layout), nil
}

// maxTail is how far behind the base of a raw image its .BTF_ids is looked for:
// the section follows .BTF, from 6.15 on at the next page (BTF in
// include/asm-generic/vmlinux.lds.h). Its size is 11 KB in 7.3.
const maxTail = 128 << 10

// kfuncSets finds the kernel's own sets of kfuncs.
func (k *kernel) kfuncSets(f *Facts, base *btf.Raw) []ids.Set {
	if base == nil {
		return nil
	}
	data := k.tail
	switch {
	case f.IDs != nil && f.IDs.Located:
		return f.IDs.KfuncSets()
	case f.IDs != nil:
		data = f.IDs.Data
	}
	return ids.ScanKfuncs(data, elfx.Layout{BigEndian: base.BigEndian()}, base.NumTypes(), func(id uint32) bool {
		return base.Kind(btf.ID(id)) == btf.Func
	})
}
