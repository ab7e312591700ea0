//go:build small

package smallkernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/cdef"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest"
)

// release is a build in memory.
type release struct {
	dir     string
	image   []byte
	name    string // uname -r
	base    *btf.Raw
	modules []module // in an order in which they can be loaded
}

type module struct {
	name string
	data []byte
	*kmod.Facts
}

// linked reads a build as it was linked.
func linked(t *testing.T, build string) *release {
	t.Helper()
	r := &release{dir: Built(t, build)}
	var data [][]byte
	for _, path := range Modules(t, build) {
		data = append(data, read(t, path))
	}
	r.fill(t, read(t, filepath.Join(r.dir, "bzImage")), data)
	return r
}

// shipped reads a release's package.
func shipped(t *testing.T, build string) *release {
	t.Helper()
	r := &release{dir: Built(t, build)}
	b := vmtest.LoadBuild(t, func(string) bool { return true }, Package(t, build, "linux-image-"))
	var data [][]byte
	for _, m := range b.Modules {
		data = append(data, m.Data)
	}
	r.fill(t, b.Kernel.Image, data)
	return r
}

func (r *release) fill(t *testing.T, image []byte, modules [][]byte) {
	t.Helper()
	k, err := kimage.Parse(t.Context(), image, kimage.Options{})
	must(t, err)
	r.image, r.name = image, k.Release
	r.base, err = btf.Parse(k.BTF)
	must(t, err)
	waiting := map[string]module{}
	var names []string
	for _, ko := range modules {
		f, err := kmod.Parse(ko, kmod.Options{})
		must(t, err)
		name := strings.ReplaceAll(f.Modinfo.Name, "-", "_")
		waiting[name] = module{name: name, data: ko, Facts: f}
		names = append(names, name)
	}
	slices.Sort(names)
	var visit func(name string)
	visit = func(name string) {
		m, ok := waiting[name]
		if !ok {
			return
		}
		delete(waiting, name)
		for _, d := range m.Modinfo.Depends {
			visit(strings.ReplaceAll(d, "-", "_"))
		}
		r.modules = append(r.modules, m)
	}
	for _, name := range names {
		visit(name)
	}
	if len(r.modules) < 30 || len(waiting) != 0 {
		t.Fatalf("%d modules in %s", len(r.modules), r.dir)
	}
}

// boot loads modules on a booted release, each after those it needs, and asks more
// when they are present.
func (r *release) boot(t *testing.T, modules []module, cmdline []string, more ...vmtest.Case) *vmtest.Result {
	t.Helper()
	var ms []vmtest.Module
	for _, m := range modules {
		ms = append(ms, vmtest.Module{Name: m.name, Data: m.data})
	}
	cases := append(vmtest.InOrder(ms...), more...)
	res, err := vmtest.Boot(t.Context(), vmtest.Kernel{Image: r.image, Release: r.name}, vmtest.Job{Cases: cases, Cmdline: cmdline})
	must(t, err)
	t.Log(res.Speed())
	if res.Base != sum(r.base.Bytes()) {
		t.Fatalf("/sys/kernel/btf/vmlinux is not the image's base")
	}
	return res
}

// meant is what a module's types are on a base, as C: its own definitions, the
// definitions that they name of the base, and for each kfunc set its functions
// with their flags. It does not ask the code that judges.
func meant(m *module, base *btf.Raw) string {
	split, err := btf.ParseSplit(m.BTF.Bytes(), base)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	named := map[btf.ID]bool{}
	for rec := range split.Types {
		def := cdef.Of(split, rec.ID)
		fmt.Fprintln(&b, def.String())
		for _, id := range rec.Refs {
			if leaf := split.Leaf(id); id < split.FirstID() && leaf.ID < split.FirstID() && !named[leaf.ID] {
				named[leaf.ID] = true
				def := cdef.Of(base, leaf.ID)
				fmt.Fprintln(&b, def.String())
			}
		}
	}
	flags := kfuncs(m, split)
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		fmt.Fprintf(&b, "%s %#x\n", name, flags[name])
	}
	return b.String()
}

// kfuncs are the flags of the functions that a module registers, by name.
func kfuncs(m *module, split *btf.Raw) map[string]uint32 {
	out := map[string]uint32{}
	if m.IDs == nil {
		return out
	}
	for _, set := range m.IDs.Sets {
		for i, id := range set.IDs {
			if set.Set8 {
				out[split.CType(btf.ID(id))] = set.PairFlags[i]
			}
		}
	}
	return out
}

// windows are what the judge predicts of each module of newer on older, by name.
func windows(t *testing.T, newer []string, older string, want int) map[string]model.ModuleWindow {
	t.Helper()
	args := append([]string{"check", "--against", older, "--signatures", "ignored"}, newer...)
	out, complaint, code := realtest.Run(t, append(args, "--format", "json")...)
	if code != want {
		text, _, _ := realtest.Run(t, args...)
		t.Errorf("%q: exit %d, want %d\n%s%s", args, code, want, text, complaint)
	}
	var doc model.Report
	must(t, json.Unmarshal([]byte(out), &doc))
	found := map[string]model.ModuleWindow{}
	for _, m := range doc.Releases[0].Modules {
		if len(m.Windows) != 1 {
			t.Fatalf("%s has %d windows", m.Path, len(m.Windows))
		}
		found[strings.ReplaceAll(m.Name, "-", "_")] = m.Windows[0]
	}
	return found
}

// tally is how modules of one build fare on another, as booted.
type tally struct{ same, differ, refused, without int }

// compare boots older with newer's modules and holds each answer against what was
// predicted, and the types that the kernel has then against what the build meant.
func compare(t *testing.T, newer, older *release, predicted map[string]model.ModuleWindow) (got tally) {
	t.Helper()
	res := older.boot(t, newer.modules, nil, programs(t))
	tracked := false
	for i := range newer.modules {
		v, m := &res.Verdicts[i], &newer.modules[i]
		tracked = tracked || m.name == "nf_conntrack" && v.Loaded()
		p, ok := predicted[m.name]
		if !ok {
			t.Errorf("%s is not in the report", m.name)
		}
		if m.BTF.Missing() {
			got.without++
			if !v.Loaded() || v.Attached || p.Verdict == model.Rejected || p.Meaning != model.MeaningNone {
				t.Errorf("predicted %s and %s: %v", p.Verdict, p.Meaning, v)
			}
			continue
		}
		if attached := p.Verdict == model.Attached; v.Attached != attached || v.Loaded() != attached {
			t.Errorf("predicted %s: %v", p.Verdict, v)
		}
		same := meant(m, newer.base) == meant(m, older.base)
		if same != (p.Meaning == model.Same) {
			t.Errorf("%s: predicted to mean %s, the types read on both bases are equal: %v", m.name, p.Meaning, same)
		}
		switch {
		case !v.Loaded():
			got.refused++
		case v.Digest != sum(m.BTF.Bytes()) || v.Printed("missing module BTF") || v.Printed("cannot register kfunc"):
			t.Errorf("want its own BTF in sysfs and its kfuncs registered: %v", v)
		case same:
			got.same++
		default:
			got.differ++
		}
	}
	answered(t, older, &res.Verdicts[len(newer.modules)], tracked)
	t.Logf("modules of %s on %s: %+v", newer.dir, older.dir, got)
	return got
}

// TestPinned: of two releases with one series of ids, every module attaches to
// the other's booted kernel with the types and kfuncs that its build meant, both
// ways, and that is what was predicted.
func TestPinned(t *testing.T) {
	a, b := shipped(t, PinnedA), shipped(t, PinnedB)
	if a.base.NumTypes() != b.base.NumTypes() || a.base.StrLen() != b.base.StrLen() || bytes.Equal(a.base.Bytes(), b.base.Bytes()) {
		t.Errorf("want two bases of equal counts: %d and %d types, %d and %d bytes of strings", a.base.NumTypes(), b.base.NumTypes(), a.base.StrLen(), b.base.StrLen())
	}
	if _, ok := a.base.Find(btf.Struct, "kpkg_fix_state"); ok {
		t.Error("A has the fix")
	}
	if _, ok := b.base.Find(btf.Struct, "kpkg_fix_state"); !ok {
		t.Error("B does not have the fix")
	}
	ofA, ofB := Package(t, PinnedA, "linux-image-"), Package(t, PinnedB, "linux-image-")
	// overlay names a type that A's base does not have: the build stripped it.
	if got, want := compare(t, b, a, windows(t, []string{ofB}, ofA, 0)), (tally{same: len(a.modules) - 1, without: 1}); got != want {
		t.Errorf("B's modules on A: %+v, want %+v", got, want)
	}
	if got, want := compare(t, a, b, windows(t, []string{ofA}, ofB, 0)), (tally{same: len(a.modules)}); got != want {
		t.Errorf("A's modules on B: %+v, want %+v", got, want)
	}
	equal := 0
	for i := range a.modules {
		if a.modules[i].BTF.Equal(b.modules[i].BTF) {
			equal++
		}
	}
	t.Logf("the BTF of %d of %d modules is byte for byte the same", equal, len(a.modules))
}

// TestUnpinned is what happens without pin: of the same B, as it is linked
// without the wrapper, no module is right on a booted A, and each fares there as
// was predicted.
func TestUnpinned(t *testing.T) {
	a, b := shipped(t, PinnedA), linked(t, Unpinned)
	files := append(Modules(t, Unpinned), filepath.Join(b.dir, "bzImage"), filepath.Join(b.dir, "config"), filepath.Join(b.dir, "Module.symvers"))
	got := compare(t, b, a, windows(t, files, Package(t, PinnedA, "linux-image-"), 3))
	if got.same != 0 || got.refused != len(a.modules)-got.differ {
		t.Errorf("B's modules on A, unpinned: %+v", got)
	}
}

// TestMainFlow is what the documentation says first: of release A the manifest,
// its base and its references are committed; B is built with the kernel's own
// bindeb-pkg and the fragment, pinned on that manifest, and with a key that the
// build makes. The one module that A would misread is repaired and signed again
// with that key, the gate lets the build pass, and every command after it ends
// with 0. With signatures enforced all of it loads on its own kernel.
func TestMainFlow(t *testing.T) {
	log := string(read(t, filepath.Join(Built(t, PinnedB), "log")))
	if !strings.Contains(log, "DONE   modules changed: 1 of ") || !strings.Contains(log, "KEEP   ") || strings.Contains(log, "the build stops") {
		t.Errorf("the build's log:\n%s", log)
	}
	committed := Committed(t)
	packages := []string{Package(t, PinnedB, "linux-image-"), Package(t, PinnedB, "linux-headers-")}
	dir := t.TempDir()
	decision := filepath.Join(dir, "decision.json")
	for _, args := range [][]string{
		append([]string{"check", "--signatures", "ignored", "--against", committed, "--report", "json=" + decision}, packages...),
		append([]string{"apply", decision, "-o", filepath.Join(dir, "out")}, packages...),
		{"decide", decision},
		append([]string{"record", "-o", filepath.Join(dir, "new.json"), "--refs", dir}, packages...),
	} {
		if out, complaint, code := realtest.Run(t, args...); code != 0 {
			t.Errorf("%q: exit %d\n%s%s", args, code, out, complaint)
		}
	}
	b := shipped(t, PinnedB)
	res := b.boot(t, b.modules, []string{"module.sig_enforce=1"})
	for i := range res.Verdicts {
		if v := &res.Verdicts[i]; !v.Loaded() || !res.SigEnforced {
			t.Errorf("on its own kernel, signatures enforced %v: %v", res.SigEnforced, v)
		}
	}
}

// TestIncremental holds down what a build does that leaves A's finished modules in
// the tree: flags of kfuncs are spread over others, in every module that has two
// kfuncs of different flags, and in no other.
func TestIncremental(t *testing.T) {
	right := map[string]map[string]uint32{}
	b := linked(t, PinnedB)
	for i := range b.modules {
		m := &b.modules[i]
		split, err := btf.ParseSplit(m.BTF.Bytes(), b.base)
		must(t, err)
		right[m.name] = kfuncs(m, split)
	}
	again := linked(t, Incremental)
	var wrong []string
	for i := range again.modules {
		m := &again.modules[i]
		split, err := btf.ParseSplit(m.BTF.Bytes(), again.base)
		must(t, err)
		if got := kfuncs(m, split); !maps.Equal(got, right[m.name]) {
			wrong = append(wrong, m.name)
			t.Logf("%s: %v, right is %v", m.name, got, right[m.name])
		}
	}
	if !slices.Equal(wrong, []string{"nf_conntrack"}) {
		t.Errorf("wrong flags in %q", wrong)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return data
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
