//go:build vm

package vmtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/elfx/edit"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/repair/modfile"
	"kpkg-btf/internal/vmtest/wire"
)

// repairOrder are the modules that are repaired, and what they need, in the
// order of loading.
var repairOrder = []string{
	"crc32c_generic", "crc32c_cryptoapi", "libcrc32c", "nf_defrag_ipv4", "nf_defrag_ipv6", "nf_conntrack", "nf_nat",
	"nf_flow_table", "tcp_bbr", "tcp_dctcp", "overlay",
}

// wholeModules returns the named modules of a build that it has, whole, in the
// order of the names.
func wholeModules(t *testing.T, spec string) (b *Build, names []string, whole map[string][]byte) {
	t.Helper()
	b = LoadBuild(t, func(name string) bool { return slices.Contains(repairOrder, name) }, realtest.Deb(t, spec))
	whole = map[string][]byte{}
	for _, name := range repairOrder {
		if i := slices.IndexFunc(b.Modules, func(m Module) bool { return m.Name == name && m.Data != nil }); i >= 0 {
			names = append(names, name)
			whole[name] = wire.Unsigned(b.Modules[i].Data)
		}
	}
	return b, names, whole
}

// TestStrippedLoads: stripped by modfile, the modules that kernels are most
// particular about load on a booted 6.1.192-1, with the warning where kfuncs
// were to be registered; so do those that were only emptied.
func TestStrippedLoads(t *testing.T) {
	b, names, whole := wholeModules(t, realtest.PairAOld)
	base := btf61(t, b)
	for _, o := range []modfile.StripOptions{{Base: &base}, {Neutralize: true}} {
		job := Job{}
		zeroed := 0
		for _, name := range names {
			r, err := stripModule(whole[name], o)
			if err != nil || !r.Changed {
				t.Fatalf("%s: %v", name, err)
			}
			zeroed += len(r.Words)
			job.Cases = append(job.Cases, Case{ID: name, Kind: WholeModule, Module: r.Data, Keep: true})
		}
		res, err := Boot(t.Context(), b.Kernel, job)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("neutralized %v, %d words zeroed: %s", o.Neutralize, zeroed, res.Speed())
		for i := range res.Verdicts {
			v := &res.Verdicts[i]
			kfuncs := slices.Contains(registering, v.ID)
			t.Logf("%v", v)
			if !v.Loaded() || v.Attached || v.Printed("failed to validate") || v.Printed("missing module BTF, cannot register kfuncs") != kfuncs {
				t.Errorf("want it loaded without BTF, and a warning only of kfuncs (%v): %v", kfuncs, v)
			}
		}
		for _, name := range []string{"nf_conntrack", "nf_nat", "tcp_bbr", "tcp_dctcp", "overlay"} {
			if !slices.Contains(names, name) {
				t.Errorf("%s is not among the modules", name)
			}
		}
		if zeroed != 2 {
			t.Errorf("%d words zeroed, want the 2 of nf_conntrack", zeroed)
		}
	}
}

func btf61(t *testing.T, b *Build) stamp.Base {
	t.Helper()
	raw := parsedBase(t, b)
	base, err := stamp.BaseOf(raw.Bytes(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// TestDistilledKfuncs: distilled by modfile, the modules of 6.12.115-2 that
// register kfuncs attach and register them on the booted 6.12.115-2 and, given
// its name in their vermagic, on 6.12.115-1, whose base has other ids. Before
// each stands the same module with ids that lead to no function: its init
// fails, which shows that the kernel looks at them.
func TestDistilledKfuncs(t *testing.T) {
	newer, names, whole := wholeModules(t, realtest.PairBNew)
	own := parsedBase(t, newer)
	var d modfile.Distiller
	distilled, wrong := map[string][]byte{}, map[string][]byte{}
	for _, name := range names {
		r, err := d.Distill(whole[name], modfile.DistillOptions{Base: own})
		if err != nil || !r.Changed {
			t.Fatalf("%s: %v", name, err)
		}
		distilled[name] = r.Data
		if ids := parsed(t, r.Data).IDs; ids != nil && len(ids.Sets) > 0 {
			wrong[name] = replaced(t, r.Data, ".BTF_ids", noFunctions(ids))
		}
	}
	for _, spec := range []string{realtest.PairBNew, realtest.PairBOld} {
		t.Run(spec[strings.LastIndex(spec, "=")+1:], func(t *testing.T) {
			kernel := newer.Kernel
			if spec != realtest.PairBNew {
				kernel = load(t, spec).Kernel
			}
			named := func(ko []byte) []byte { return vermagic(t, ko, newer.Kernel.Release, kernel.Release) }
			job := Job{Quiet: 8 * time.Minute, Timeout: 10 * time.Minute} // a busy host takes its time to unpack the ramdisk
			for _, name := range names {
				if ko := wrong[name]; ko != nil {
					job.Cases = append(job.Cases, Case{ID: name + wrongIDs, Kind: WholeModule, Module: named(ko)})
				}
				job.Cases = append(job.Cases, Case{ID: name, Kind: WholeModule, Module: named(distilled[name]), Keep: true, WantDigest: true})
			}
			res, err := Boot(t.Context(), kernel, job)
			if err != nil {
				t.Fatal(err)
			}
			for i := range res.Verdicts {
				kfuncsRegister(t, &res.Verdicts[i], distilled)
			}
			for _, name := range []string{"nf_flow_table", "tcp_bbr", "nf_conntrack"} {
				if wrong[name] == nil {
					t.Errorf("%s with kfuncs is not among the modules", name)
				}
			}
		})
	}
}

const wrongIDs = " with wrong ids"

// noFunctions is .BTF_ids with type 1 in every set, which is in the distilled
// base and so no function.
func noFunctions(ids *kmod.IDs) []byte {
	out := bytes.Clone(ids.Data)
	for _, s := range ids.Sets {
		for i := range s.IDs {
			at := s.Off + 4 + 4*i // cnt, ids
			if s.Set8 {
				at = s.Off + 8 + 8*i // cnt, flags, pairs
			}
			binary.LittleEndian.PutUint32(out[at:], 1)
		}
	}
	return out
}

func kfuncsRegister(t *testing.T, v *Verdict, distilled map[string][]byte) {
	t.Helper()
	t.Logf("%v", v)
	switch {
	case strings.HasSuffix(v.ID, wrongIDs):
		if v.Errno != syscall.EINVAL || v.Printed("failed to validate module") {
			t.Errorf("want EINVAL of its init: %v", v)
		}
	case !v.Loaded() || !v.Attached || v.Printed("cannot register kfunc") || v.Printed("failed to validate"):
		t.Errorf("want it loaded with its BTF and its kfuncs: %v", v)
	case v.Digest == digest(parsed(t, distilled[v.ID]).BTF.Bytes()):
		t.Errorf("sysfs shows the bytes of the file, not relocated ones: %v", v)
	}
}

// TestStaleIDsAreBeyond: a module that was distilled without its .BTF_ids has
// ids of the whole base, at which the kernel reads its short map without a
// look at its length (btf_relocate_id). What it finds is luck, an oops or a
// number that is no function: no errno can be predicted, and none is.
func TestStaleIDsAreBeyond(t *testing.T) {
	b, names, whole := wholeModules(t, realtest.PairBNew)
	own := parsedBase(t, b)
	r, err := new(modfile.Distiller).Distill(whole["nf_conntrack"], modfile.DistillOptions{Base: own})
	if err != nil {
		t.Fatal(err)
	}
	stale := replaced(t, r.Data, ".BTF_ids", parsed(t, whole["nf_conntrack"]).IDs.Data)
	p := verdict.ForVersion(6, 12, 115)
	base, err := verdict.NewBase(&p, own.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	f := parsed(t, stale)
	init := base.InitIDs(f.BTF.Bytes(), f.BTFBase.Bytes(), encounter.Registered(f), nil)
	if !init.Undefined || init.Rule != "kfunc.beyond" {
		t.Errorf("predicted: %s", init.String())
	}
	var job Job
	for _, name := range names[:slices.Index(names, "nf_conntrack")] {
		job.Cases = append(job.Cases, Case{ID: name, Kind: WholeModule, Module: whole[name], Keep: true})
	}
	job.Cases = append(job.Cases, Case{ID: "stale", Kind: WholeModule, Module: stale})
	res, err := Boot(t.Context(), b.Kernel, job)
	fell := new(Failure)
	switch {
	case errors.As(err, &fell):
		t.Logf("%v", err)
		if fell.Answered != len(job.Cases)-1 || !strings.Contains(fell.Tail, "__register_btf_kfunc_id_set") {
			t.Errorf("the machine died elsewhere: %v", err)
		}
	case err != nil:
		t.Fatal(err)
	default:
		if v := &res.Verdicts[len(res.Verdicts)-1]; v.Errno != syscall.EINVAL || v.Printed("failed to validate module") {
			t.Errorf("want an oops, or EINVAL of its init: %v", v)
		}
	}
}

func parsed(t *testing.T, ko []byte) *kmod.Facts {
	t.Helper()
	f, err := kmod.Parse(ko, kmod.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// replaced returns a module other content in one section.
func replaced(t *testing.T, ko []byte, section string, data []byte) []byte {
	t.Helper()
	o, err := edit.Open(ko)
	if err == nil {
		err = o.Replace(section, data)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// vermagic gives a module the name of another release.
func vermagic(t *testing.T, ko []byte, from, to string) []byte {
	t.Helper()
	if from == to {
		return ko
	}
	o, err := edit.Open(ko)
	if err != nil {
		t.Fatal(err)
	}
	info := o.File().RawData(o.File().Section(".modinfo"))
	changed := bytes.Replace(info, []byte("\x00vermagic="+from+" "), []byte("\x00vermagic="+to+" "), 1)
	if bytes.Equal(info, changed) {
		t.Fatalf("no vermagic of %s", from)
	}
	return replaced(t, ko, ".modinfo", changed)
}

// stripModule strips a module in memory.
func stripModule(content []byte, o modfile.StripOptions) (*modfile.Result, error) {
	m, err := modfile.Open(content)
	if err != nil {
		return nil, err
	}
	return m.Strip(o)
}
