package release

import (
	"bytes"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

func TestReadContent(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 300000)
	for range 3 { // buffers are used again
		c, err := readContent(bytes.NewReader(want), int64(len(want)))
		if err != nil || !bytes.Equal(c.data, want) {
			t.Fatalf("%d bytes, %v", len(c.data), err)
		}
		c.free()
	}
	if c, err := readContent(strings.NewReader(""), 0); err != nil || len(c.data) != 0 {
		t.Errorf("empty: %v", err)
	}
}

// A claimed size is not believed: memory grows with the bytes that come.
func TestReadContentClaims(t *testing.T) {
	_, err := readContent(strings.NewReader("short"), 150<<20)
	if where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), "ends after 5 of 157286400 bytes") {
		t.Errorf("%v", err)
	}
	if _, err := readContent(strings.NewReader(""), 1<<40); where.KindOf(err) != where.Limit {
		t.Errorf("a terabyte: %v", err)
	}
	n := testing.AllocsPerRun(3, func() { readContent(strings.NewReader("short"), 150<<20) })
	if n > 50 {
		t.Errorf("%v allocations", n)
	}
}

func TestSpool(t *testing.T) {
	want := bytes.Repeat([]byte("spool"), 1000)
	c, err := spool(bytes.NewReader(want), int64(len(want)))
	if err != nil || !bytes.Equal(c.data, want) {
		t.Fatalf("%v", err)
	}
	c.free()
	if _, err := spool(bytes.NewReader(want), int64(len(want))+1); where.KindOf(err) != where.Malformed {
		t.Errorf("short: %v", err)
	}
}
