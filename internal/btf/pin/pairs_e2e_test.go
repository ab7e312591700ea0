//go:build e2e

package pin_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
)

// base is the base of a real image.
func base(t *testing.T, spec string) *btf.Raw {
	t.Helper()
	image := realtest.Member(t, realtest.Deb(t, spec), "vmlinuz*")
	facts, err := kimage.Parse(context.Background(), image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, facts.BTF)
}

// TestRealPairs pins the newer base of real pairs on the older one.
func TestRealPairs(t *testing.T) {
	const newer72, older72 = "trixie-backports/linux-binary-7.2.12+deb13-amd64=7.2.12-1~bpo13+1", "trixie-backports/linux-binary-7.2.11+deb13-amd64=7.2.11-1~bpo13+1"
	for _, p := range []struct {
		name, old, new string
		slack          pin.Slack
	}{
		{"A", realtest.PairAOld, realtest.PairANew, pin.Slack{}},
		{"B", realtest.PairBOld, realtest.PairBNew, pin.Slack{}},
		{"6.1.190 to 192", realtest.PairCOld, realtest.PairAOld, pin.Slack{Types: 4096, Strings: 128 << 10}},
		{"7.2", older72, newer72, pin.Slack{Types: 9808, Strings: 128 << 10}},
	} {
		t.Run(p.name, func(t *testing.T) {
			old, built := base(t, p.old), base(t, p.new)
			if p.slack.Types > 0 {
				start, err := pin.Start(old, p.slack, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				old = parse(t, start.Data)
			}
			runtime.GC()
			begun := time.Now()
			res, err := pin.On(built, old, nil)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(begun)
			rep := res.Report
			lost := len(rep.Lost)
			rep.Lost = nil
			t.Logf("%v: %d lost, %+v", took, lost, rep)
			is := parse(t, res.Data)
			if is.NumTypes() != old.NumTypes() || is.StrLen() != old.StrLen() {
				t.Errorf("%d types, %d bytes of strings; %d and %d", is.NumTypes(), is.StrLen(), old.NumTypes(), old.StrLen())
			}
			if !rep.Sorted && rep.Moved != 0 {
				t.Errorf("%d types moved", rep.Moved)
			}
		})
	}
}
