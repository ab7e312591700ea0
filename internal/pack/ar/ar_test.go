package ar

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	bar "github.com/blakesmith/ar"

	"kpkg-btf/internal/where"
)

func header(name, size string) string {
	return fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10s`\n", name, 0, 0, 0, "100644", size)
}

// TestReadWritten reads what another implementation writes, and finds the
// whole file again in the members' raw headers and contents.
func TestReadWritten(t *testing.T) {
	var b bytes.Buffer
	w := bar.NewWriter(&b)
	if err := w.WriteGlobalHeader(); err != nil {
		t.Fatal(err)
	}
	data := []string{"2.0\n", "odd", ""}
	for i, d := range data {
		if err := w.WriteHeader(&bar.Header{Name: fmt.Sprintf("m%d", i), Mode: 0o100644, Size: int64(len(d))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, d); err != nil {
			t.Fatal(err)
		}
	}
	members, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(members) != 3 {
		t.Fatalf("%v %v", members, err)
	}
	again := []byte(Magic)
	for i, m := range members {
		got, err := io.ReadAll(m.Content(bytes.NewReader(b.Bytes())))
		if err != nil || string(got) != data[i] || m.Name != fmt.Sprintf("m%d", i) {
			t.Errorf("member %d: %q %q %v", i, m.Name, got, err)
		}
		again = append(append(again, m.Raw[:]...), b.Bytes()[m.Data:m.End()]...)
	}
	if !bytes.Equal(again, b.Bytes()) {
		t.Error("the members do not make up the file")
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		in   string
		off  int64
		want string
	}{
		{"", 0, "truncated: 0 of 8 bytes of the ar magic"},
		{"!<thin>\n", 0, "not an ar archive"},
		{Magic + "short", 8, "5 of 60 bytes of the ar header"},
		{Magic + strings.Replace(header("x", "0"), "`", "'", 1), 66, "ends with 27 0a"},
		{Magic + header("", "0"), 8, "without a name"},
		{Magic + header("/", "0"), 8, "without a name"},
		{Magic + header("//", "0"), 8, "without a name"},
		{Magic + header("x", ""), 56, "size is empty"},
		{Magic + header("x", "-1"), 56, "not a decimal number"},
		{Magic + header("x", "+1"), 56, "not a decimal number"},
		{Magic + header("x", "1 1"), 56, "not a decimal number"},
		{Magic + header("x", "0x1"), 56, "not a decimal number"},
		{Magic + header("x", "99999999999999")[:60], 66, "ends with"},
		{Magic + header("x", "4") + "abc", 68, "needs 4 bytes, 3 are left"},
		{Magic + header("x", "3") + "abc", 68, "needs 4 bytes, 3 are left"},
		{Magic + header("x", "9999999999"), 68, "needs 10000000000 bytes, 0 are left"},
		{Magic + strings.Repeat(header("x", "0"), maxMembers+1), 8 + 60*maxMembers, "more than 1024"},
	}
	for _, tt := range tests {
		m, err := Read(strings.NewReader(tt.in), int64(len(tt.in)))
		e, ok := err.(*where.Error)
		if m != nil || !ok || e.Off != tt.off || !strings.Contains(e.Msg, tt.want) {
			t.Errorf("%.80q: %v, %v", tt.in, m, err)
		}
	}
	if _, err := Read(strings.NewReader(Magic), 100); where.KindOf(err) != where.IO {
		t.Errorf("a file that shrank: %v", err)
	}
}

// FuzzRead: members or an error, and members make up the file byte for byte.
func FuzzRead(f *testing.F) {
	f.Add([]byte(Magic + header("debian-binary", "4") + "2.0\n" + header("data.tar/", "3") + "abc\n"))
	f.Add([]byte(Magic))
	f.Fuzz(func(t *testing.T, in []byte) {
		members, err := Read(bytes.NewReader(in), int64(len(in)))
		if err != nil {
			if members != nil {
				t.Fatal("members and an error")
			}
			return
		}
		again := []byte(Magic)
		for _, m := range members {
			again = append(append(again, m.Raw[:]...), in[m.Data:m.End()]...)
		}
		if !bytes.Equal(again, in) {
			t.Fatal("the members do not make up the file")
		}
	})
}
