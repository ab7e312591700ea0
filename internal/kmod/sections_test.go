package kmod_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/kmodtest"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

func TestExportStyles(t *testing.T) {
	for style := kmodtest.PREL32; style <= kmodtest.RelCRCs; style++ {
		for _, l := range layouts {
			m := full()
			m.Is32, m.BigEndian, m.Machine, m.Style = l.is32, l.big, l.machine, style
			f := mustParse(t, m.Bytes())
			want(t, fmt.Sprint("style ", style, l.arch), f.Exports, []symvers.Symbol{m.Exports[1], m.Exports[0], m.Exports[2]})
		}
	}
}

func TestLoadersOwnSymbols(t *testing.T) {
	f := mustParse(t, kmodtest.Module{Imports: []string{"b", ".TOC.", "a", "_GLOBAL_OFFSET_TABLE_"}}.Bytes())
	want(t, "imports", f.Imports, []kmod.Import{{Name: "a"}, {Name: "b"}})
	if f := mustParse(t, (kmodtest.Module{}).Bytes()); f.Imports != nil {
		t.Errorf("no imports: %#v", f.Imports)
	}
}

func TestExtVersions(t *testing.T) {
	m := full()
	m.ExtVersions = true
	m.Versions = append(m.Versions, kmod.Version{Name: strings.Repeat("long_", 40), CRC: 5})
	want(t, "extended versions", mustParse(t, m.Bytes()).Versions, m.Versions)
	m = kmodtest.Module{Versions: []kmod.Version{}}
	if f := mustParse(t, m.Bytes()); f.Versions == nil || len(f.Versions) != 0 {
		t.Errorf("empty __versions: %#v", f.Versions)
	}
}

func TestStrippedIDs(t *testing.T) {
	m := full()
	m.StripIDs = true
	ids := mustParse(t, m.Bytes()).IDs
	if ids == nil || ids.Located || ids.Words != nil || ids.Sets != nil || len(ids.Data) != ids.Size || ids.Size == 0 {
		t.Errorf("got %+v", ids)
	}
	if f := mustParse(t, (kmodtest.Module{}).Bytes()); f.IDs != nil {
		t.Errorf("no section: %+v", f.IDs)
	}
}

// TestSetCounts: a count that the set does not hold is told, not followed.
func TestSetCounts(t *testing.T) {
	for _, c := range []struct{ count, ids uint32 }{{0, 0}, {1, 1}, {2, 2}, {3, 2}, {1 << 31, 2}, {1<<32 - 1, 2}} {
		data := full().Bytes()
		set := []byte{2, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0}
		i := bytes.Index(data, set)
		binary.LittleEndian.PutUint32(data[i:], c.count)
		s := mustParse(t, data).IDs.Sets[0]
		if s.Count != c.count || len(s.IDs) != int(c.ids) {
			t.Errorf("count %d: got %d and %d ids", c.count, s.Count, len(s.IDs))
		}
	}
}

// TestBadModinfo is row M3.
func TestBadModinfo(t *testing.T) {
	f := mustParse(t, kmodtest.Module{NoVermagic: true, OutOfTree: true, Modinfo: []string{"", "flag", "=x", "a=b=c"}}.Bytes())
	if f.Modinfo.Vermagic != "" || f.Modinfo.Intree || f.Modinfo.Depends != nil {
		t.Errorf("got %+v", f.Modinfo)
	}
	want(t, "entries", f.Modinfo.All[1:4], []kmod.KeyValue{{Key: "flag"}, {Value: "x"}, {Key: "a", Value: "b=c"}})

	data := kmodtest.Module{}.Bytes()
	i := bytes.Index(data, []byte("modversions \x00"))
	data[i+len("modversions ")] = 'x'
	f = mustParse(t, data)
	if !strings.HasSuffix(f.Modinfo.Vermagic, "modversions x") || len(f.Anomalies) != 1 {
		t.Errorf("without its last NUL: %q, %q", f.Modinfo.Vermagic, f.Anomalies)
	}
	many := kmodtest.Module{Modinfo: []string{strings.Repeat("a=b\x00", 1e6)}}.Bytes()
	if f, err := kmod.Parse(many, kmod.Options{}); f != nil || where.KindOf(err) != where.Limit {
		t.Errorf("a million entries: %v", err)
	}
	renamed := bytes.ReplaceAll(data, []byte(".modinfo"), []byte(".madinfo"))
	if f := mustParse(t, renamed); f.Modinfo.All != nil || len(f.Anomalies) != 1 {
		t.Errorf("no section: %+v", f)
	}
}

func TestAgainstModinfo(t *testing.T) {
	path := file(t, "vsock_test.ko", key.Sign(full().Bytes()))
	tool, err := exec.LookPath("modinfo")
	if err != nil {
		if tool, err = exec.LookPath("/sbin/modinfo"); err != nil {
			t.Fatal("modinfo is missing: make deps installs kmod")
		}
	}
	f := mustParse(t, key.Sign(full().Bytes()))
	for field, want := range map[string]string{
		"vermagic": f.Modinfo.Vermagic, "depends": strings.Join(f.Modinfo.Depends, ","), "intree": "Y", "name": f.Modinfo.Name,
		"import_ns": strings.Join(f.Modinfo.ImportNS, "\n"), "signer": f.Sig.Issuer, "sig_hashalgo": f.Sig.Hash, "sig_key": f.Sig.KeyID,
	} {
		out, err := exec.Command(tool, "-F", field, path).Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.TrimRight(string(out), "\n")
		if field == "sig_key" {
			got = strings.ToLower(strings.ReplaceAll(got, ":", ""))
		}
		if got != want {
			t.Errorf("%s: modinfo says %q, we %q", field, got, want)
		}
	}
}

func TestBadSections(t *testing.T) {
	word := func(v ...uint32) (b []byte) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, x)
		}
		return b
	}
	section := func(name string, data []byte) kmodtest.Module {
		return kmodtest.Module{Sections: []elftest.Section{{Name: name, Flags: 2, Data: data}}}
	}
	ext := section("__version_ext_crcs", word(1, 2))
	ext.Sections = append(ext.Sections, elftest.Section{Name: "__version_ext_names", Data: []byte("one\x00")})
	odd := section("__version_ext_crcs", []byte{1})
	odd.Sections = append(odd.Sections, elftest.Section{Name: "__version_ext_names"})
	flags := full()
	flags.Sections = []elftest.Section{{Name: "__kflagstab", Data: []byte{1, 1, 1}}}
	for _, c := range []struct {
		want string
		m    kmodtest.Module
	}{
		{"65 bytes are no whole number", section("__versions", make([]byte, 65))},
		{"name without NUL", section("__versions", bytes.Repeat([]byte{'x'}, 64))},
		{"1 names for 2 checksums", ext},
		{"no whole number of words", odd},
		{"is missing", section("__version_ext_crcs", word(1))},
		{"without relocations", section("__ksymtab_gpl", make([]byte, 12))},
		{"3 flags for 1 symbols", flags},
	} {
		f, err := kmod.Parse(c.m.Bytes(), kmod.Options{})
		if f != nil || where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
