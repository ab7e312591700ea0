package evidence_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/evidence"
)

// FuzzJudge: any split that parses gets a result that agrees with itself, and
// the same one twice.
func FuzzJudge(f *testing.F) {
	kernel := btftest.Kernel(btftest.Plain)
	f.Add(module(kernel).Bytes(), uint32(3), 0)
	f.Add(module(btftest.Kernel(btftest.Permuted)).Bytes(), uint32(50), 1)
	f.Add(module(btftest.Kernel(btftest.Grown)).Bytes(), uint32(50000), 9)
	raw := kernel.Parse()
	base := evidence.Index(raw)
	f.Fuzz(func(t *testing.T, blob []byte, id uint32, entries int) {
		r, err := btf.ParseSplit(blob, raw)
		if err != nil {
			return
		}
		m := evidence.Module{Words: []evidence.Word{{ID: id, Kind: "struct", Name: "net", Set: -1}, {ID: id + 1, Kind: "func", Name: "printk"}}, Versions: entries}
		res := base.Judge(r, m)
		hits, looked := 0, 0
		for _, c := range res.Checks {
			hits, looked = hits+c.Hits, looked+c.Looked
			if (c.Hits > 0) != (c.First != nil) {
				t.Fatalf("%+v", c)
			}
			if c.First != nil && (c.First.Text == "" || c.First.ID != 0 && int(c.First.Off) >= len(r.Bytes())) {
				t.Fatalf("%+v in %d bytes", c.First, len(r.Bytes()))
			}
		}
		want := evidence.Silent
		if looked > 0 {
			want = evidence.Consistent
		}
		if hits > 0 {
			want = evidence.Contradicted
		}
		if again := base.Judge(r, m); res.Conclusion != want || again.Conclusion != want {
			t.Fatalf("%v after %d hits of %d", res.Conclusion, hits, looked)
		}
	})
}

// FuzzIndex: any base can be indexed.
func FuzzIndex(f *testing.F) {
	f.Add(btftest.Kernel(btftest.Plain).Bytes())
	f.Add(btftest.BigKernel(btftest.Grown).Bytes())
	f.Fuzz(func(t *testing.T, blob []byte) {
		raw, err := btf.Parse(blob)
		if err != nil {
			return
		}
		if b := evidence.Index(raw); b.Raw() != raw {
			t.Fatal("another base")
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	base := btftest.Kernel(btftest.Plain)
	x, r := on(b, base, module(base))
	b.SetBytes(int64(len(r.Bytes())))
	b.ReportAllocs()
	for b.Loop() {
		if res := x.Judge(r, evidence.Module{}); res.Conclusion != evidence.Consistent {
			b.Fatal(res.First().Text)
		}
	}
}
