package kmod

import (
	"strings"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// Bounds of .modinfo; the largest seen has 4 700 entries in 300 KB.
const (
	maxModinfo      = 1 << 17
	maxModinfoBytes = 16 << 20
)

// modinfo reads .modinfo: NUL-terminated key=value strings. Where a key is
// asked for once the kernel takes its first value (get_modinfo).
func (s *scratch) modinfo(f *Facts, _ *elfx.Symtab) error {
	sec := s.elf.Section(".modinfo")
	if sec == nil {
		f.odd("no .modinfo section")
		return nil
	}
	data, err := s.elf.Data(sec)
	if err != nil || len(data) == 0 {
		return err
	}
	if len(data) > maxModinfoBytes {
		return where.New(where.Limit, "%d bytes, the limit is %d", len(data), maxModinfoBytes).At(int64(sec.Off))
	}
	text := string(data)
	n := strings.Count(text, "\x00")
	if n > maxModinfo {
		return where.New(where.Limit, "%d entries, the limit is %d", n, maxModinfo).At(int64(sec.Off))
	}
	if text[len(text)-1] != 0 {
		f.odd(".modinfo does not end with NUL")
		n++
	}
	m := &f.Modinfo
	m.All = make([]KeyValue, 0, n)
	for len(text) > 0 {
		entry, rest, _ := strings.Cut(text, "\x00")
		text = rest
		if entry == "" { // padding
			continue
		}
		key, value, _ := strings.Cut(entry, "=")
		m.All = append(m.All, KeyValue{key, value})
	}
	m.Name, m.Vermagic = m.first("name"), m.first("vermagic")
	m.Srcversion, m.License = m.first("srcversion"), m.first("license")
	m.Intree = m.has("intree")
	if d := m.first("depends"); d != "" {
		m.Depends = strings.Split(d, ",")
	}
	for _, kv := range m.All {
		if kv.Key == "import_ns" {
			m.ImportNS = append(m.ImportNS, kv.Value)
		}
	}
	return nil
}

func (m *Modinfo) first(key string) string {
	for i := range m.All {
		if m.All[i].Key == key {
			return m.All[i].Value
		}
	}
	return ""
}

func (m *Modinfo) has(key string) bool {
	for i := range m.All {
		if m.All[i].Key == key {
			return true
		}
	}
	return false
}
