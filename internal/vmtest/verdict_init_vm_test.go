//go:build vm

package vmtest

import (
	"slices"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/kmod"
)

// initOrder are the modules that register kfuncs, and what they need.
var initOrder = []string{
	"crc32c_generic", "crc32c_cryptoapi", "libcrc32c", "nf_defrag_ipv4", "nf_defrag_ipv6", "nf_conntrack", "nf_nat", "tcp_bbr", "tcp_dctcp",
}

// registering are the ones whose init is judged.
var registering = []string{"nf_conntrack", "nf_nat", "tcp_bbr", "tcp_dctcp"}

// TestVerdictOfInit: modules that register kfuncs, with their BTF, with one
// more type before the others (every id in .BTF_ids one too low), without BTF,
// and with a kfunc that has the name of a function of the kernel: what init
// returns is what was predicted.
func TestVerdictOfInit(t *testing.T) {
	for _, k := range verdictKernels[1:] {
		if k.alone {
			continue
		}
		t.Run(k.version.Series(), func(t *testing.T) {
			b := load(t, k.specs...)
			p := verdict.ForVersion(k.version[0], k.version[1], k.version[2])
			p.AllowMismatch = k.allow
			base, err := verdict.NewBase(&p, imageBTF(t, b.Kernel))
			if err != nil {
				t.Fatal(err)
			}
			var job Job
			var want []verdict.Init
			for _, name := range initOrder {
				i := slices.IndexFunc(b.Modules, func(m Module) bool { return m.Name == name && m.Data != nil })
				if i < 0 {
					t.Logf("%s is not a module here", name)
					continue
				}
				ko := b.Modules[i].Data
				if slices.Contains(registering, name) {
					reg := registered(t, ko)
					for _, c := range []struct {
						what  string
						split []byte
					}{
						{"stale", shifted(t, b.Modules[i].BTF, base.Raw())}, {"stripped", nil},
						{"taken", renamed(t, b.Modules[i].BTF, base.Raw(), reg.Kfuncs[0].IDs[0])},
					} {
						changed, err := ReplaceBTF(ko, c.split, nil)
						if err != nil {
							t.Fatal(name, err)
						}
						job.Cases = append(job.Cases, Case{ID: name + " " + c.what, Kind: WholeModule, Module: changed})
						want = append(want, base.InitIDs(c.split, nil, reg, nil))
					}
					want = append(want, base.InitIDs(b.Modules[i].BTF, nil, reg, nil))
				} else {
					want = append(want, verdict.Init{OK: true})
				}
				job.Cases = append(job.Cases, Case{ID: name, Kind: WholeModule, Module: ko, Keep: true})
			}
			res, err := Boot(t.Context(), b.Kernel, job)
			if err != nil {
				t.Fatal(err)
			}
			for i := range res.Verdicts {
				v := &res.Verdicts[i]
				t.Logf("predicted %+v: %v", want[i], v)
				if int(v.Errno) != -int(want[i].Errno) {
					t.Errorf("%s: errno %d, predicted %d", v.ID, int(v.Errno), -int(want[i].Errno))
				}
				if want[i].Text != "" && !v.Printed(want[i].Text) {
					t.Errorf("%s: not printed: %q", v.ID, want[i].Text)
				}
			}
		})
	}
}

// registered are a module's set8s as package verdict wants them.
func registered(t *testing.T, ko []byte) (reg verdict.Registered) {
	t.Helper()
	f, err := kmod.Parse(ko, kmod.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f.IDs == nil {
		return reg
	}
	for _, s := range f.IDs.Sets {
		if s.Set8 {
			reg.Kfuncs = append(reg.Kfuncs, verdict.Kfuncs{Name: s.Name, Flags: s.Flags, IDs: s.IDs, PairFlags: pairFlags(f.IDs.Data, s.Off, len(s.IDs))})
		}
	}
	return reg
}

// pairFlags reads the second word of each pair of a set8 at an offset.
func pairFlags(data []byte, off, n int) (out []uint32) {
	l := elfx.Layout{Is64: true}
	for i := range n {
		out = append(out, l.Order().Uint32(data[off+8+8*i+4:]))
	}
	return out
}

// shifted is BTF with a pointer to void in front, its references moved along,
// so that it is right in itself and .BTF_ids is stale.
func shifted(t *testing.T, blob []byte, base *btf.Raw) []byte {
	t.Helper()
	r, err := btf.ParseSplit(blob, base)
	if err != nil {
		t.Fatal(err)
	}
	h := r.Header()
	out := slices.Clone(blob)
	put := func(at, v uint32) {
		for i := range uint32(4) {
			out[at+i] = byte(v >> (8 * i))
		}
	}
	for rec := range r.Types {
		rec.Refs(func(pos uint32, id btf.ID) bool {
			if id >= r.FirstID() {
				put(pos, uint32(id)+1)
			}
			return true
		})
	}
	put(12, h.TypeLen+12)
	put(16, h.StrOff+12)
	at := h.Len + h.TypeOff
	return slices.Insert(out, int(at), 0, 0, 0, 0, 0, 0, 0, byte(btf.Ptr), 0, 0, 0, 0)
}

// renamed is BTF whose function of an id has the name of one in the kernel.
func renamed(t *testing.T, blob []byte, base *btf.Raw, id uint32) []byte {
	t.Helper()
	fn, ok := base.Find(btf.Func, "_printk")
	r, err := btf.ParseSplit(blob, base)
	if err != nil || !ok {
		t.Fatal("no FUNC _printk in the base", err)
	}
	rec, ok := r.Record(btf.ID(id))
	if !ok || rec.Kind != btf.Func {
		t.Fatalf("id %d is no function", id)
	}
	out := slices.Clone(blob)
	for i := range uint32(4) {
		out[rec.Pos+i] = byte(fn.Name >> (8 * i))
	}
	return out
}
