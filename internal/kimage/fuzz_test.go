package kimage

import (
	"context"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/symvers"
)

// FuzzParse: any input gives facts or an error, never both nor none; the base
// of facts is a readable BTF that ends where its header says, and what Parse
// reads, Is knows by its head.
func FuzzParse(f *testing.F) {
	elf := fake{}.elf()
	raw := fake{}.raw(head64(56, "ARM\x64"), 0)
	for _, c := range formats {
		f.Add(bzImage(compressed(f, c, elf), len(elf), c == "gzip"))
		f.Add(zImage(compressed(f, c, fake{is32: true}.raw(nil, 0)), true))
		f.Add(compressed(f, c, raw))
	}
	f.Add(elf)
	f.Add(raw)
	f.Add(zboot(compressed(f, "gzip", fake{}.raw(loongHead(), 0)), "gzip"))
	f.Add(s390(fake{big: true}.raw(nil, 0)))
	f.Add(uki([]byte("x"), elf))
	f.Add(ppcBoot(compressed(f, "gzip", fake{is32: true, big: true, machine: 20}.elf())))
	f.Add(fake{is32: true, big: true, machine: 8, texts: []string{"IKCFG_ST" + string(compressed(f, "gzip", []byte("CONFIG_X=y\n"))) + "IKCFG_ED"}}.elf())
	one := []symvers.Symbol{sym("alpha", 1, "", symvers.ExportAny), sym("beta", 2, "NS", symvers.ExportAny)}
	f.Add(exported{relative: true, words: 3, crcs: "plain", any: one, gpl: one}.elf(f))
	f.Add(exported{is32: true, big: true, words: 3, crcs: "plain", any: one}.elf(f))
	f.Add(exported{words: 3, empty: true, flags: []byte{0, 1}, any: one}.elf(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := Options{MaxImage: 1 << 20}
		facts, err := Parse(context.Background(), data, o)
		if (facts == nil) == (err == nil) {
			t.Fatalf("facts %v, error %v", facts != nil, err)
		}
		if facts == nil {
			return
		}
		if facts.BTF != nil {
			cut, err := btf.Cut(facts.BTF)
			if err != nil || len(cut) != len(facts.BTF) || int64(len(cut)) > facts.BTFSize {
				t.Fatalf("base of %d bytes is cut to %d of %d: %v", len(facts.BTF), len(cut), facts.BTFSize, err)
			}
		} else if facts.Banner == "" {
			t.Fatal("facts of nothing")
		}
		if !Is(data[:min(len(data), sniffSize)]) && facts.Format[0] != "PE-UKI" && facts.Format[0] != rawName {
			t.Fatalf("Is does not know %v", facts.Format)
		}
		for i := 1; i < len(facts.Exports); i++ {
			if facts.Exports[i-1].Name > facts.Exports[i].Name {
				t.Fatal("exports are not sorted")
			}
		}
	})
}
