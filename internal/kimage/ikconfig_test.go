package kimage

import (
	"context"
	"testing"

	"kpkg-btf/internal/tri"
	"kpkg-btf/internal/where"
)

func TestConfig(t *testing.T) {
	const text = "# CONFIG_FOO is not set\nCONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n"
	gz := string(compressed(t, "gzip", []byte(text)))
	f := mustParse(t, fake{texts: []string{"IKCFG_ST not it", "IKCFG_ST" + gz + "IKCFG_ED"}}.elf())
	if string(f.Config) != text || f.Abilities.AllowMismatch.Is != tri.Yes {
		t.Errorf("%q, mismatch %+v", f.Config, f.Abilities.AllowMismatch)
	}
	other := string(compressed(t, "gzip", []byte("# CONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n")))
	if f = mustParse(t, fake{texts: []string{"IKCFG_ST" + other + "IKCFG_ED"}}.elf()); f.Abilities.AllowMismatch.Is != tri.No {
		t.Errorf("mismatch %+v", f.Abilities.AllowMismatch)
	}
	if f = mustParse(t, fake{texts: []string{"IKCFG_ST alone IKCFG_ED"}}.elf()); f.Config != nil {
		t.Errorf("config %q", f.Config)
	}
	for name, mark := range map[string]string{"no end": gz + "IKCFG_XX", "cut": gz[:len(gz)-9], "garbage": "\x1f\x8bgarbage"} {
		_, err := Parse(context.Background(), fake{texts: []string{"IKCFG_ST" + mark}}.elf(), Options{})
		if where.KindOf(err) != where.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
