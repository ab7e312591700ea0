package kimage

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// exported describes the tables of a fake kernel.
type exported struct {
	is32, big bool
	relative  bool
	words     int  // 2 or 3
	empty     bool // names are left to .rela.dyn
	crcs      string
	flags     []byte // __kflagstab
	any, gpl  []symvers.Symbol
}

const loadAddr = 0xffffffff81000000

// elf builds the kernel in two steps: the sections with their sizes, then,
// once their places are known, addresses and contents.
func (x exported) elf(t testing.TB) []byte {
	t.Helper()
	word := 8
	if x.is32 || x.relative {
		word = 4
	}
	var strs strings.Builder
	pos := map[string]int{}
	for _, s := range append(append([]symvers.Symbol{}, x.any...), x.gpl...) {
		for _, n := range []string{s.Name, s.Namespace} {
			if _, ok := pos[n]; !ok {
				pos[n] = strs.Len()
				strs.WriteString(n + "\x00")
			}
		}
	}
	k := fake{is32: x.is32, big: x.big, texts: []string{strings.Repeat("\xaa", 256)}}
	add := func(name string, typ uint32, size, entsize int, data []byte) {
		if data == nil {
			data = make([]byte, size)
		}
		k.sections = append(k.sections, elftest.Section{Name: name, Type: typ, Flags: elfx.SHFAlloc, Data: data, Align: 8, Entsize: uint64(entsize)})
	}
	add("__ksymtab_strings", 0, 0, 0, []byte(strs.String()))
	lists := map[string][]symvers.Symbol{"": x.any, "_gpl": x.gpl}
	for _, suffix := range []string{"", "_gpl"} {
		n := len(lists[suffix])
		add("__ksymtab"+suffix, 0, n*x.words*word, 0, nil)
		if x.crcs != "" {
			add("__kcrctab"+suffix, 0, 4*n, 0, nil)
		}
	}
	if x.flags != nil {
		add("__kflagstab", 0, 0, 0, x.flags)
	}
	if x.empty {
		add(".rela.dyn", elfx.SHTRela, 24*x.words*(len(x.any)+len(x.gpl)), 24, nil)
	}
	b := k.elf()
	f, err := elfx.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	x.addresses(b, f)
	if f, err = elfx.Parse(b); err != nil {
		t.Fatal(err)
	}
	x.fill(f, lists, pos, word)
	return b
}

// addresses loads every section where it lies in the file.
func (x exported) addresses(b []byte, f *elfx.File) {
	for i := range f.Sections {
		s := &f.Sections[i]
		if s.Flags&elfx.SHFAlloc == 0 {
			continue
		}
		h := b[f.HeaderOff(s):]
		if x.is32 {
			f.Order().PutUint32(h[12:], uint32(0x80000000+s.Off))
		} else {
			f.Order().PutUint64(h[16:], loadAddr+s.Off)
		}
	}
}

func (x exported) fill(f *elfx.File, lists map[string][]symvers.Symbol, pos map[string]int, word int) {
	names, rodata := f.Section("__ksymtab_strings").Addr, f.Section(".rodata")
	var rela []byte
	if s := f.Section(".rela.dyn"); s != nil {
		rela = f.RawData(s)
	}
	for suffix, list := range lists {
		tab := f.Section("__ksymtab" + suffix)
		data := f.RawData(tab)
		for i, s := range list {
			for w, addr := range []uint64{rodata.Addr, names + uint64(pos[s.Name]), names + uint64(pos[s.Namespace])}[:x.words] {
				at := (i*x.words + w) * word
				switch {
				case x.empty:
					f.Order().PutUint64(rela, tab.Addr+uint64(at))
					f.Order().PutUint64(rela[16:], addr)
					rela = rela[24:]
				case w == 2 && s.Namespace == "" && x.crcs == "distance": // an old kernel
				case x.relative:
					f.Order().PutUint32(data[at:], uint32(addr-tab.Addr-uint64(at)))
				case x.is32:
					f.Order().PutUint32(data[at:], uint32(addr))
				default:
					f.Order().PutUint64(data[at:], addr)
				}
			}
		}
		if x.crcs == "" {
			continue
		}
		crcs := f.Section("__kcrctab" + suffix)
		data = f.RawData(crcs)
		for i, s := range list {
			switch {
			case x.crcs == "distance" && s.CRC != 0:
				to := rodata.Size - uint64(8*(i+1))
				f.Order().PutUint32(f.RawData(rodata)[to:], s.CRC)
				f.Order().PutUint32(data[4*i:], uint32(rodata.Addr+to-crcs.Addr-uint64(4*i)))
			default:
				f.Order().PutUint32(data[4*i:], s.CRC)
			}
		}
	}
}

func sym(name string, crc uint32, ns string, e symvers.Export) symvers.Symbol {
	return symvers.Symbol{Name: name, CRC: crc, HasCRC: crc != 0, Owner: symvers.Vmlinux, Export: e, Namespace: ns, What: symvers.Data}
}

func TestExports(t *testing.T) {
	a, b, c := sym("alpha", 0x11111111, "", symvers.ExportAny), sym("beta", 0, "", symvers.ExportAny), sym("delta", 0x33333333, "NS", symvers.ExportAny)
	g := sym("charlie", 0x22222222, "module:kvm", symvers.ExportGPL)
	anyList, gpl, all := []symvers.Symbol{a, b, c}, []symvers.Symbol{g}, []symvers.Symbol{a, b, g, c}
	plain := func(list []symvers.Symbol, crc, ns bool) []symvers.Symbol {
		out := append([]symvers.Symbol{}, list...)
		for i := range out {
			if !crc {
				out[i].CRC, out[i].HasCRC = 0, false
			}
			if !ns {
				out[i].Namespace = ""
			}
		}
		return out
	}
	var many []symvers.Symbol
	for i := range 20 {
		many = append(many, sym("sym_"+string(rune('a'+i)), uint32(i)*0x01010101, "", symvers.ExportAny))
	}
	gplB := sym("beta", 0, "", symvers.ExportGPL)
	for _, x := range []struct {
		name string
		exported
		want []symvers.Symbol
	}{
		{"distances", exported{relative: true, words: 3, crcs: "plain", any: anyList, gpl: gpl}, all},
		{"distances, big endian", exported{big: true, relative: true, words: 3, crcs: "plain", any: anyList, gpl: gpl}, all},
		{"distances, 32 bit", exported{is32: true, relative: true, words: 3, crcs: "plain", any: anyList, gpl: gpl}, all},
		{"addresses", exported{words: 3, crcs: "plain", any: anyList, gpl: gpl}, all},
		{"addresses, 32 bit big endian", exported{is32: true, big: true, words: 3, crcs: "plain", any: anyList, gpl: gpl}, all},
		{"addresses to be relocated", exported{words: 3, empty: true, any: anyList, gpl: gpl}, plain(all, false, true)},
		{"5.3", exported{relative: true, words: 2, crcs: "plain", any: anyList, gpl: gpl}, plain(all, true, false)},
		{"5.3, addresses", exported{words: 2, crcs: "plain", any: anyList, gpl: gpl}, plain(all, true, false)},
		{"relative checksums, no namespaces", exported{relative: true, words: 3, crcs: "distance", any: many}, many},
		{"flags", exported{relative: true, words: 3, flags: []byte{0, 1, 2}, any: anyList},
			[]symvers.Symbol{plain([]symvers.Symbol{a}, false, true)[0], gplB, plain([]symvers.Symbol{c}, false, true)[0]}},
		{"none", exported{relative: true, words: 3}, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			if got := mustParse(t, x.elf(t)).Exports; !reflect.DeepEqual(got, x.want) {
				t.Errorf("\n got %+v\nwant %+v", got, x.want)
			}
		})
	}
}

// TestExportsBroken: tables that contradict each other are refused with the
// place of the section.
func TestExportsBroken(t *testing.T) {
	x := exported{relative: true, words: 3, crcs: "plain", flags: []byte{0}, any: []symvers.Symbol{sym("alpha", 1, "", symvers.ExportAny)}}
	good := x.elf(t)
	for _, c := range []struct {
		section, text string
		kind          where.Kind
		edit          func(f *elfx.File, s *elfx.Section)
	}{
		{"__ksymtab", "no known form", where.Unsupported, func(f *elfx.File, s *elfx.Section) { f.Order().PutUint32(f.RawData(s)[4:], 0x40000000) }},
		{"__ksymtab_strings", "no known form", where.Unsupported, func(f *elfx.File, s *elfx.Section) { copy(f.RawData(s), bytes.Repeat([]byte{'x'}, int(s.Size))) }},
		{"__kcrctab", "__kcrctab has 3 bytes for 1 symbols", where.Malformed, shrink},
		{"__kflagstab", "__kflagstab has 0 flags for 1 symbols", where.Malformed, shrink},
	} {
		b := bytes.Clone(good)
		f, err := elfx.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		c.edit(f, f.Section(c.section))
		_, err = Parse(context.Background(), b, Options{})
		var e *where.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Off <= 0 || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.section, err)
		}
	}
}

// shrink makes a section one byte shorter in its header.
func shrink(f *elfx.File, s *elfx.Section) {
	f.Order().PutUint64(f.Bytes()[f.HeaderOff(s)+32:], s.Size-1)
}
