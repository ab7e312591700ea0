package symvers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

func TestParseForms(t *testing.T) {
	tests := []struct {
		name, line string
		want       Symbol
	}{
		{"5.7 with namespace", "0x0123abcd\tusb_stor\tdrivers/usb/storage/usb-storage\tEXPORT_SYMBOL_GPL\tUSB_STORAGE",
			Symbol{"usb_stor", 0x0123abcd, true, "drivers/usb/storage/usb-storage", ExportGPL, "USB_STORAGE", Unknown}},
		{"5.7 without namespace", "0xffffffff\tkmalloc\tvmlinux\tEXPORT_SYMBOL\t",
			Symbol{"kmalloc", 0xffffffff, true, "vmlinux", ExportAny, "", Unknown}},
		{"5.4 with namespace", "0x1\tusb_stor\tUSB_STORAGE\tdrivers/usb/usb-storage\tEXPORT_SYMBOL_GPL",
			Symbol{"usb_stor", 1, true, "drivers/usb/usb-storage", ExportGPL, "USB_STORAGE", Unknown}},
		{"5.4 without namespace", "0x1\tkmalloc\t\tvmlinux\tEXPORT_SYMBOL",
			Symbol{"kmalloc", 1, true, "vmlinux", ExportAny, "", Unknown}},
		{"5.3", "0xABCDEF01\tkmalloc\tvmlinux\tEXPORT_SYMBOL", Symbol{"kmalloc", 0xabcdef01, true, "vmlinux", ExportAny, "", Unknown}},
		{"2.6.17", "0x5\tkmalloc\tvmlinux", Symbol{"kmalloc", 5, true, "vmlinux", ExportUnknown, "", Unknown}},
		{"not versioned", "0x00000000\tbhb\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:kvm,kvm-amd",
			Symbol{"bhb", 0, false, "vmlinux", ExportGPL, "module:kvm,kvm-amd", Unknown}},
		{"unused", "0x1\ta\tm\tEXPORT_UNUSED_SYMBOL", Symbol{"a", 1, true, "m", ExportAny, "", Unknown}},
		{"unused gpl", "0x1\ta\tm\tEXPORT_UNUSED_SYMBOL_GPL", Symbol{"a", 1, true, "m", ExportGPL, "", Unknown}},
		{"gpl future", "0x1\ta\tm\tEXPORT_SYMBOL_GPL_FUTURE", Symbol{"a", 1, true, "m", ExportAny, "", Unknown}},
		{"unknown", "0x1\ta\tm\t(unknown)", Symbol{"a", 1, true, "m", ExportUnknown, "", Unknown}},
		{"namespace that is an export word", "0x1\ta\tm\tEXPORT_SYMBOL\tEXPORT_SYMBOL",
			Symbol{"a", 1, true, "m", ExportAny, "EXPORT_SYMBOL", Unknown}},
	}
	for _, tt := range tests {
		for _, end := range []string{"\n", "\r\n"} {
			tab, err := Parse([]byte(tt.line + end))
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if got := tab.Symbols(); len(got) != 1 || got[0] != tt.want {
				t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
			}
		}
	}
}

func TestParseFaults(t *testing.T) {
	const ok = "0x1\ta\tvmlinux\tEXPORT_SYMBOL\t\n"
	tests := []struct {
		text string
		off  int64 // within the second line
		want string
	}{
		{"\n", 0, "line 2 column 1: fewer than three fields"},
		{"0x1\ta\n", 5, "line 2 column 6: fewer than three fields"},
		{"1\ta\tm\n", 0, "line 2 column 1: not a checksum"},
		{"0x\ta\tm\n", 2, "line 2 column 3: not a checksum"},
		{"0x12g\ta\tm\n", 4, "line 2 column 5: not a checksum"},
		{"0x123456789\ta\tm\n", 10, "line 2 column 11: not a checksum"},
		{"0x1\t\tm\n", 4, "line 2 column 5: no symbol name"},
		{"0x1\ta\t\tEXPORT_SYMBOL\n", 6, "line 2 column 7: no module"},
		{"0x1\ta\tm\tEXPORT_SYMBAL\n", 8, "line 2 column 9: unknown export type"},
		{"0x1\ta\tm\tx\ty\n", 8, "line 2 column 9: unknown export type"},
		{"0x1\ta\tm\tEXPORT_SYMBOL\t\t\n", 23, "line 2 column 24: more than five fields"},
		{"0x1\ta b\tm\n", 5, "line 2 column 6: control character"},
		{"0x1\ta\tm\x00\n", 7, "line 2 column 8: control character"},
		{"0x1\ta\tm\r\r\n", 7, "line 2 column 8: control character"},
		{"0x1\ta\tm", 0, "line 2 column 1: the last line has no line end"},
	}
	for _, tt := range tests {
		tab, err := Parse([]byte(ok + tt.text))
		var e *where.Error
		if tab != nil || !errors.As(err, &e) {
			t.Errorf("%q: table %v, error %v", tt.text, tab, err)
			continue
		}
		if e.Kind != where.Malformed || e.Off != int64(len(ok))+tt.off || !strings.HasPrefix(e.Msg, tt.want) {
			t.Errorf("%q: %v at %d: %s; want %s", tt.text, e.Kind, e.Off-int64(len(ok)), e.Msg, tt.want)
		}
	}
}

func TestParseLimits(t *testing.T) {
	if _, err := Parse(make([]byte, limits.MaxText+1)); where.KindOf(err) != where.Limit {
		t.Errorf("too much text: %v", err)
	}
	many := []byte(strings.Repeat("0x1\ta\tm\n", MaxSymbols+1))
	if _, err := Parse(many); where.KindOf(err) != where.Limit {
		t.Errorf("too many symbols: %v", err)
	}
	tab, err := Parse(nil)
	if err != nil || tab.Len() != 0 {
		t.Errorf("empty file: %v symbols, %v", tab.Len(), err)
	}
}

// A file cut anywhere but after a line is an error.
func TestParseTruncated(t *testing.T) {
	text := "0x1\ta\tvmlinux\tEXPORT_SYMBOL\t\n0x2\tb\tvmlinux\tEXPORT_SYMBOL_GPL\tNS\n"
	for cut := range len(text) {
		_, err := Parse([]byte(text[:cut]))
		whole := cut == 0 || text[cut-1] == '\n'
		if whole != (err == nil) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

// write is what modpost does since 5.7.
func write(tab *Table) string {
	words := map[Export]string{ExportAny: "EXPORT_SYMBOL", ExportGPL: "EXPORT_SYMBOL_GPL", ExportUnknown: "(unknown)"}
	var b strings.Builder
	for _, s := range tab.Symbols() {
		fmt.Fprintf(&b, "0x%08x\t%s\t%s\t%s\t%s\n", s.CRC, s.Name, s.Owner, words[s.Export], s.Namespace)
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("0x0123abcd\tusb_stor\tdrivers/usb/usb-storage\tEXPORT_SYMBOL_GPL\tUSB_STORAGE\n"))
	f.Add([]byte("0x1\tkmalloc\t\tvmlinux\tEXPORT_SYMBOL\r\n0x00000000\ta\tb\n"))
	f.Add([]byte("0x1\ta\tm\tEXPORT_UNUSED_SYMBOL_GPL\n0x1\ta\tm\t(unknown)\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tab, err := Parse(text)
		if (tab == nil) == (err == nil) {
			t.Fatalf("table %v and error %v", tab, err)
		}
		if err != nil {
			var e *where.Error
			if !errors.As(err, &e) || e.Off > int64(len(text)) {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		again, err := Parse([]byte(write(tab)))
		if err != nil {
			t.Fatalf("own text: %v", err)
		}
		if !slices.Equal(tab.Symbols(), again.Symbols()) {
			t.Fatalf("read %v, wrote and read %v", tab.Symbols(), again.Symbols())
		}
	})
}
