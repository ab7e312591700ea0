package deb822

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

func TestParagraphs(t *testing.T) {
	r := NewReader(strings.NewReader("\n \nPackage: a\r\nDepends: b,\n c (>= 1)\n .\n\tlast\nempty:\n\n\nPackage: b"))
	first, err := r.Next()
	want := Stanza{{"Package", "a"}, {"Depends", "b,\nc (>= 1)\n\nlast"}, {"empty", ""}}
	if err != nil || !reflect.DeepEqual(first, want) || first.Get("PACKAGE") != "a" || first.Get("no") != "" {
		t.Errorf("%q %v", first, err)
	}
	second, err := r.Next()
	if err != nil || !reflect.DeepEqual(second, Stanza{{"Package", "b"}}) {
		t.Errorf("%q %v", second, err)
	}
	for range 2 {
		if s, err := r.Next(); s != nil || err != io.EOF {
			t.Errorf("%q %v", s, err)
		}
	}
	long := strings.Repeat("x", 200<<10)
	if s, err := One([]byte("A: " + long + "\n")); err != nil || s.Get("a") != long {
		t.Errorf("a line of 200 KiB: %v", err)
	}
}

func TestRefused(t *testing.T) {
	var many strings.Builder
	for i := range MaxFields + 1 {
		fmt.Fprintf(&many, "f%d: x\n", i)
	}
	for _, tt := range []struct {
		in, want string
		off      int64
		kind     where.Kind
	}{
		{"", "no fields", 0, where.Malformed},
		{"A: 1\nno field\n", "is not a field", 5, where.Malformed},
		{" x\nA: 1\n", "continuation line", 0, where.Malformed},
		{"A: 1\na: 2\n", "field a twice", 5, where.Malformed},
		{"# c\nA: 1\n", "is not a field", 0, where.Malformed},
		{"-A: 1\n", "is not a field", 0, where.Malformed},
		{"A B: 1\n", "is not a field", 0, where.Malformed},
		{"A\x7f: 1\n", `A\x7f`, 0, where.Malformed},
		{": 1\n", "is not a field", 0, where.Malformed},
		{"A: 1\x00\n", "NUL", 4, where.Malformed},
		{"A: 1\n\nB: 2\n", "second paragraph", 6, where.Malformed},
		{"A: " + strings.Repeat("x", MaxStanza) + "\n", "paragraph of more than", 0, where.Limit},
		{many.String(), "fields", 0, where.Limit},
	} {
		s, err := One([]byte(tt.in))
		if s != nil || err == nil || where.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) || tt.off != 0 && err.(*where.Error).Off != tt.off {
			t.Errorf("%.40q: %v", tt.in, err)
		}
	}
}

func TestUnsigned(t *testing.T) {
	in := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nA: 1\n- -dash\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n\n"
	got, err := Unsigned([]byte(in))
	if err != nil || string(got) != "A: 1\n-dash\n" {
		t.Errorf("%q %v", got, err)
	}
	if plain, err := Unsigned([]byte("A: 1\n")); err != nil || string(plain) != "A: 1\n" {
		t.Errorf("%q %v", plain, err)
	}
	in = strings.TrimRight(in, "\n") + "\n"
	for n := 1; n < len(in)-1; n++ {
		if got, err := Unsigned([]byte(in[:n])); err == nil && n > len(signedBegin) {
			t.Fatalf("cut to %d bytes: %q", n, got)
		}
	}
}

func TestChecksums(t *testing.T) {
	sum := strings.Repeat("0A", 32)
	got, err := Checksums("\n" + sum + " 12 a.deb\n  " + sum + "  0   main/b\n")
	want := []Listed{{strings.ToLower(sum), 12, "a.deb"}, {strings.ToLower(sum), 0, "main/b"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{sum + " 1", sum + " x a", sum + " 9223372036854775808 a", sum[1:] + " 1 a", "zz" + sum[2:] + " 1 a"} {
		if got, err := Checksums(bad); got != nil || where.KindOf(err) != where.Malformed || err == nil {
			t.Errorf("%s: %v %v", bad, got, err)
		}
	}
}

// FuzzDeb822: paragraphs or an error; written out again they read the same.
func FuzzDeb822(f *testing.F) {
	f.Add([]byte("Package: a\nDepends: b,\n c\n .\n d\n\nPackage: b\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		text, err := Unsigned(in)
		if err != nil {
			return
		}
		all, err := stanzas(text)
		if err != nil {
			return
		}
		var b bytes.Buffer
		for _, s := range all {
			for _, field := range s {
				lines := strings.Split(field.Value, "\n")
				fmt.Fprintf(&b, "%s: %s\n", field.Name, lines[0])
				for _, l := range lines[1:] {
					if strings.Trim(l, " \t") == "" {
						l = "."
					}
					fmt.Fprintf(&b, " %s\n", l)
				}
			}
			b.WriteByte('\n')
		}
		again, err := stanzas(b.Bytes())
		if err != nil || !reflect.DeepEqual(again, all) {
			t.Fatalf("%q\n%q\n%v", all, again, err)
		}
	})
}

func stanzas(text []byte) (all []Stanza, err error) {
	r := NewReader(bytes.NewReader(text))
	for {
		s, err := r.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
}
