package manifest

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

func TestConfigOptions(t *testing.T) {
	text := "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.192 Kernel Configuration\n#\n" +
		"CONFIG_MODVERSIONS=y\r\nCONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian = 12)\"\n\n# CONFIG_MODULE_SIG_FORCE is not set\n" +
		"CONFIG_E1000=m\nCONFIG_MODVERSIONS=y\n# CONFIG_E1000E is not set\nCONFIG_PAHOLE_VERSION=125\n" +
		"CONFIG_ARCH_USES_GCC_VERMAGIC=y\nCONFIG_LOCALVERSION=\"\"\n# CONFIG_DEBUG_INFO_BTF is not set"
	got, err := ConfigOptions([]byte(text))
	want := []Option{
		{Name: "CONFIG_ARCH_USES_GCC_VERMAGIC", Value: "y"}, {Name: "CONFIG_CC_VERSION_TEXT", Value: `"gcc-12 (Debian = 12)"`},
		{Name: "CONFIG_DEBUG_INFO_BTF", Value: "n"}, {Name: "CONFIG_LOCALVERSION", Value: `""`}, {Name: "CONFIG_MODULE_SIG_FORCE", Value: "n"},
		{Name: "CONFIG_MODVERSIONS", Value: "y"}, {Name: "CONFIG_PAHOLE_VERSION", Value: "125"},
	}
	// It is whole: what decides and is not mentioned is off.
	for _, name := range deciding {
		if !slices.ContainsFunc(want, func(o Option) bool { return o.Name == name }) {
			want = append(want, Option{Name: name, Value: "n"})
		}
	}
	slices.SortFunc(want, func(a, b Option) int { return strings.Compare(a.Name, b.Name) })
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v\nwant %v", got, err, want)
	}
}

func TestConfigOptionsFaults(t *testing.T) {
	for text, off := range map[string]int64{
		"#x\nhello\n":                     3,
		"CONFIG_=y\n":                     0,
		"CONFIG_X\n":                      0,
		"CONFIG_A B=y\n":                  0,
		"CONFIG_BPF=y\nCONFIG_BPF=n\n":    13,
		"\x1f\x8b\x08binary":              0,
		"# CONFIG_A is not set\nx=\x00\n": 22,
	} {
		got, err := ConfigOptions([]byte(text))
		var e *where.Error
		if got != nil || !errors.As(err, &e) || e.Kind != where.Malformed || e.Off != off {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := ConfigOptions(make([]byte, limits.MaxText+1)); where.KindOf(err) != where.Limit {
		t.Errorf("too much text: %v", err)
	}
}

func FuzzConfigOptions(f *testing.F) {
	f.Add([]byte("CONFIG_MODVERSIONS=y\r\n# CONFIG_BPF is not set\n#\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ConfigOptions(text)
		if (got == nil) == (err == nil) {
			t.Fatalf("%v and %v", got, err)
		}
		again := ""
		for _, o := range got {
			again += o.Name + "=" + o.Value + "\n"
		}
		if err == nil {
			if twice, err := ConfigOptions([]byte(again)); err != nil || !reflect.DeepEqual(got, twice) {
				t.Fatalf("%v, %v, %v", got, twice, err)
			}
		}
	})
}

func TestConfigValue(t *testing.T) {
	const head = "# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.192 Kernel Configuration\n"
	c, err := ConfigOptions([]byte(head + "CONFIG_MODVERSIONS=y\n# CONFIG_MODULE_SIG is not set\nCONFIG_PAHOLE_VERSION=130\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"CONFIG_MODVERSIONS": "y", "CONFIG_MODULE_SIG": "n", "CONFIG_PAHOLE_VERSION": "130",
		"CONFIG_DEBUG_INFO_BTF_MODULES": "n", // not asked about when DEBUG_INFO_BTF is off
	} {
		if got, ok := c.Value(name); got != want || !ok {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
		if _, ok := Config(nil).Value(name); ok {
			t.Errorf("%s: known without a config", name)
		}
	}
	// A fragment says what it says and no more.
	c, err = ConfigOptions([]byte("CONFIG_MODULES=y\n# CONFIG_MODULE_SIG is not set\n"))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := c.Value("CONFIG_MODULE_SIG"); v != "n" || !ok {
		t.Errorf("a fragment's own option: %q, %v", v, ok)
	}
	if v, ok := c.Value("CONFIG_DEBUG_INFO_BTF_MODULES"); ok {
		t.Errorf("an option that a fragment does not name: %q", v)
	}
}
