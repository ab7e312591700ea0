package btftest_test

import (
	"bytes"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// The variants are what their names promise; other packages' tests rest on it.
func TestVariants(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain).Parse()
	for _, c := range []struct {
		v              btftest.Variant
		types, strings bool // as in Plain: the number of types, the strings
	}{{btftest.Permuted, true, true}, {btftest.Grown, false, false}, {btftest.Changed, true, true}} {
		r := btftest.Kernel(c.v).Parse()
		if (r.NumTypes() == plain.NumTypes()) != c.types || bytes.Equal(r.Strings(), plain.Strings()) != c.strings {
			t.Errorf("variant %d: %d types, %d string bytes", c.v, r.NumTypes(), r.StrLen())
		}
		if bytes.Equal(r.Bytes(), plain.Bytes()) {
			t.Errorf("variant %d is the plain kernel", c.v)
		}
		big := btftest.BigKernel(c.v).Parse()
		if !big.BigEndian() || big.NumTypes() != r.NumTypes() {
			t.Errorf("variant %d, big endian: %d types", c.v, big.NumTypes())
		}
	}
}

// No type of the fake kernel repeats another, as after btf__dedup, and every
// reference leads somewhere.
func TestKernelIsDeduplicated(t *testing.T) {
	for v := btftest.Plain; v <= btftest.Changed; v++ {
		r := btftest.Kernel(v).Parse()
		seen := map[string]btf.ID{}
		for rec := range r.Types {
			key := string(r.RecordBytes(&rec))
			if of := seen[key]; of != 0 {
				t.Errorf("variant %d: %s repeats %s", v, r.Label(rec.ID), r.Label(of))
			}
			seen[key] = rec.ID
			for _, id := range rec.Refs {
				if _, ok := r.Record(id); !ok {
					t.Errorf("variant %d: %s leads to %d", v, r.Label(rec.ID), id)
				}
			}
		}
	}
}
