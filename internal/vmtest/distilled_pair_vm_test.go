//go:build vm

package vmtest

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/realtest"
)

// TestDistilledPairB: every module of pair B's newer build, distilled here, on
// the booted older one. All are predicted to attach and do; undistilled they
// attach too, but with types that mean something else.
func TestDistilledPairB(t *testing.T) {
	old, newer := load(t, realtest.PairBOld), load(t, realtest.PairBNew)
	own, err := btf.Parse(imageBTF(t, newer.Kernel))
	if err != nil {
		t.Fatal(err)
	}
	profile := debian(6, 12, 115)
	kernel, err := verdict.NewBase(&profile, imageBTF(t, old.Kernel))
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Template: old.Template}
	var d distill.Distiller
	predicted := 0
	for _, m := range newer.Modules {
		split, err := btf.ParseSplit(m.BTF, own)
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Distill(split)
		if err != nil {
			t.Fatalf("%s: %v", m.Path, err)
		}
		if res := kernel.Module(r.Split, r.Base); res.OK {
			predicted++
		}
		job.Cases = append(job.Cases, Case{ID: m.Path, Kind: DistilledBTF, BTF: r.Split, Base: r.Base})
	}
	res, err := Boot(t.Context(), old.Kernel, job)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("pair B distilled: %d of %d attached, %d predicted; %s", res.Attached(), len(res.Verdicts), predicted, res.Speed())
	if len(res.Verdicts) != 4230 || res.Attached() != 4230 || predicted != 4230 {
		t.Errorf("%d of %d attached, %d predicted: want 4230", res.Attached(), len(res.Verdicts), predicted)
	}
}
