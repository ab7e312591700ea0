package explain

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/release/releasetest"
)

// load makes a release out of a description, packed as name 1.0-1, with a
// kernel of the version that refuses what does not fit.
func load(t *testing.T, name string, k releasetest.Kernel, p verdict.Profile, keep func(path string) bool) Given {
	t.Helper()
	files := k.Files()
	for path := range files {
		if keep != nil && !keep(path) {
			delete(files, path)
		}
	}
	deb := filepath.Join(t.TempDir(), name+".deb")
	if err := os.WriteFile(deb, releasetest.Deb(name, "1.0-1", "amd64", files), 0o644); err != nil {
		t.Fatal(err)
	}
	inputs, err := pack.Expand([]string{deb})
	if err != nil {
		t.Fatal(err)
	}
	l, err := release.Load(context.Background(), inputs, release.Options{Jobs: 1})
	if err != nil || len(l.Releases) != 1 {
		t.Fatal(err, l)
	}
	g := Given{Release: l.Releases[0]}
	if blob, _ := g.Release.Base(); blob != nil {
		if g.Rules, err = verdict.NewBase(&p, blob); err != nil {
			t.Fatal(err)
		}
	} else {
		g.Why = "no image"
	}
	return g
}

const name61 = "6.1.0-1-amd64"

// pair is two builds under one name.
func pair(t *testing.T, p verdict.Profile) (older, newer Given) {
	t.Helper()
	older = load(t, "older", releasetest.Kernel{Release: name61}, p, nil)
	newer = load(t, "newer", releasetest.Kernel{Release: name61, Image: btftest.Grown, Build: btftest.Grown}, p, nil)
	return older, newer
}

// logOf is what a kernel logs for a module, with time stamps.
func logOf(t *testing.T, on, of Given, module string) string {
	t.Helper()
	for _, m := range of.Release.Modules {
		if moduleName(m.Path) != module {
			continue
		}
		r := on.Rules.Module(m.Facts.BTF.Bytes(), m.Facts.BTFBase.Bytes())
		if r.OK {
			t.Fatalf("%s is accepted", module)
		}
		var b strings.Builder
		for i, l := range append(slices.Clone(r.Lines), on.Rules.Profile().FailureLine(module, r.Errno)) {
			fmt.Fprintf(&b, "[   12.%06d] %s\n", i, l)
		}
		return b.String()
	}
	t.Fatalf("no module %s", module)
	return ""
}

// explained reads a log and explains it, twice: the second time must not
// remember the first.
func explained(t *testing.T, log string, given ...Given) *model.Explanation {
	t.Helper()
	l, err := Read(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	x := Explain(l, given)
	if again := Explain(l, given); !reflect.DeepEqual(x, again) {
		t.Errorf("%q: another answer the second time", log)
	}
	return x
}

// The build a refused module belongs to, and the kernel that refused it, are
// found by the words alone, in both spacing forms and however they were
// mangled on the way.
func TestSourceOfARefusal(t *testing.T) {
	for _, minor := range []int{1, 12} {
		older, newer := pair(t, verdict.ForVersion(6, minor, 50))
		log := logOf(t, older, newer, "beta")
		oneLine := strings.Join(strings.Fields(strings.ReplaceAll(noStamps(log), "BPF:", "")), " ")
		head, last, _ := strings.Cut(oneLine, " failed to validate")
		for what, log := range map[string]string{
			"as printed":          log,
			"without spaces":      strings.ReplaceAll(log, "BPF: ", "BPF:"),
			"trailing space lost": strings.ReplaceAll(log, " \n", "\n"),
			"other lines between": strings.ReplaceAll(log, "\n", "\n[   12.5] usb 1-1: new device\n"),
			"one line":            "BPF: " + head + "\nfailed to validate" + last + "\n",
			"CRLF":                strings.ReplaceAll(log, "\n", "\r\n"),
			"no last line":        log[:strings.Index(log, "failed")],
		} {
			x := explained(t, log, older, newer)
			if len(x.Events) != 1 {
				t.Errorf("6.%d %s: %d events: %+v", minor, what, len(x.Events), x.Events)
				continue
			}
			e := x.Events[0]
			i := slices.IndexFunc(e.Sources, func(s model.LogSource) bool { return s.Module == "kernel/drivers/beta.ko" })
			if e.Kind != Refused || i < 0 {
				t.Errorf("6.%d %s: %+v", minor, what, e)
				continue
			}
			s := e.Sources[i]
			if !s.Exact || label(&s.Of) != "newer 1.0-1" || label(&s.On) != "older 1.0-1" || s.Own != "accepted" {
				t.Errorf("6.%d %s: %+v", minor, what, s)
			}
			if what != "no last line" && (len(e.Sources) != 1 || !strings.HasPrefix(e.Meaning, "the running kernel is that of older 1.0-1; the module is of newer 1.0-1, another build under the same name")) {
				t.Errorf("6.%d %s: %d sources, %s", minor, what, len(e.Sources), e.Meaning)
			}
		}
	}
}

func noStamps(log string) string {
	var out []string
	for l := range strings.Lines(log) {
		out = append(out, message(l))
	}
	return strings.Join(out, "\n")
}

// What the record is in its own build is told beside the garbled name.
func TestNameInItsOwnBuild(t *testing.T) {
	older, newer := pair(t, verdict.ForVersion(6, 1, 50))
	e := explained(t, logOf(t, older, newer, "alpha"), older, newer).Events[0]
	if e.Type == nil || e.Sources[0].OwnType == "" || !strings.Contains(e.Name, e.Sources[0].OwnType) {
		t.Fatalf("%+v %+v", e.Type, e)
	}
	if e.Type.Kind != member || e.Sources[0].OwnType != "[45] STRUCT alpha_dev" {
		t.Errorf("own type %s", e.Sources[0].OwnType)
	}
}

// The reverse pair is another event: older modules on the newer kernel.
func TestDirection(t *testing.T) {
	older, newer := pair(t, verdict.ForVersion(6, 1, 50))
	e := explained(t, logOf(t, newer, older, "gamma"), older, newer).Events[0]
	if len(e.Sources) != 1 || label(&e.Sources[0].On) != "newer 1.0-1" || label(&e.Sources[0].Of) != "older 1.0-1" {
		t.Errorf("%+v", e.Sources)
	}
}

// Modules that do not fit the image beside them: the build is wrong, no
// reboot helps.
func TestWrongInItself(t *testing.T) {
	p := verdict.ForVersion(6, 1, 50)
	bad := load(t, "bad", releasetest.Kernel{Release: name61, Build: btftest.Grown}, p, nil)
	e := explained(t, logOf(t, bad, bad, "alpha"), bad).Events[0]
	if len(e.Sources) != 1 || !strings.Contains(e.Meaning, "wrong in itself") || !strings.Contains(e.Cures[0], "rebuild") || e.Sources[0].Own == "accepted" {
		t.Errorf("%+v", e)
	}
}

// Image and modules in two packages: the module's own build is found by name
// and by what takes it.
func TestSplitPackages(t *testing.T) {
	p := verdict.ForVersion(6, 1, 50)
	older, newer := pair(t, p)
	modules := load(t, "modules", releasetest.Kernel{Release: name61, Build: btftest.Grown}, p, func(path string) bool { return strings.HasSuffix(path, ".ko") })
	image := load(t, "image", releasetest.Kernel{Release: name61, Image: btftest.Grown}, p, func(path string) bool { return strings.Contains(path, "vmlinuz") })
	e := explained(t, logOf(t, older, newer, "beta"), older, image, modules).Events[0]
	if len(e.Sources) != 1 || e.Sources[0].Own != "accepted" || label(&e.Sources[0].Of) != "modules 1.0-1" {
		t.Errorf("%+v", e.Sources)
	}
}

func TestSourceNotFound(t *testing.T) {
	older, newer := pair(t, verdict.ForVersion(6, 1, 50))
	for log, want := range map[string]string{
		"BPF: [106314] STRUCT rimary_device size=40 vlen=3 Invalid name\nfailed to validate module [overlay] BTF: -22": "no release given has a module overlay",
		"BPF: [106314] STRUCT rimary_device size=40 vlen=3 Invalid name\nfailed to validate module [beta] BTF: -22":    "no module and kernel given reproduce this",
		"BPF: [106314] STRUCT rimary_device size=40 vlen=3 Invalid name":                                               "no module given makes one of the 2 kernels given say this",
	} {
		e := explained(t, log, older, newer).Events[0]
		if len(e.Sources) != 0 || !strings.HasPrefix(e.Open, want) {
			t.Errorf("%q: %q", log, e.Open)
		}
	}
	modules := load(t, "modules", releasetest.Kernel{Release: name61}, verdict.Profile{}, func(path string) bool { return strings.HasSuffix(path, ".ko") })
	e := explained(t, logOf(t, older, newer, "beta"), modules).Events[0]
	if !strings.HasPrefix(e.Open, "none of the releases given has a kernel image") {
		t.Error(e.Open)
	}
}

// A line that was cut off, or the last line alone, gives a source that is
// said not to be certain.
func TestUncertain(t *testing.T) {
	older, newer := pair(t, verdict.ForVersion(6, 1, 50))
	log := logOf(t, older, newer, "beta")
	last := log[strings.LastIndex(strings.TrimSpace(log), "\n")+1:]
	first, _, _ := strings.Cut(log, "\n")
	for _, log := range []string{last, first + "…\n" + last} {
		e := explained(t, log, older, newer).Events[0]
		i := slices.IndexFunc(e.Sources, func(s model.LogSource) bool { return label(&s.Of) == "newer 1.0-1" && label(&s.On) == "older 1.0-1" })
		if i < 0 || e.Sources[i].Exact || !strings.HasPrefix(e.Meaning, "not certain") {
			t.Errorf("%q: %+v", log, e)
		}
	}
}

func TestWarnOnce(t *testing.T) {
	p := verdict.ForVersion(6, 12, 0)
	p.AllowMismatch = true
	older, newer := pair(t, p)
	e := explained(t, p.FailureLine("beta", verdict.EINVAL), older, newer).Events[0]
	if e.Kind != Mismatch || len(e.Sources) != 6 || !strings.Contains(e.Meaning, "another build under the same name") {
		t.Errorf("%+v", e)
	}
	e = explained(t, p.FailureLine("beta", verdict.EINVAL), older).Events[0]
	if len(e.Sources) != 0 || e.Open == "" {
		t.Errorf("%+v", e)
	}
}

func TestRegistering(t *testing.T) {
	p := verdict.ForVersion(6, 1, 0)
	older := load(t, "older", releasetest.Kernel{Release: name61, Modules: []string{"alpha:ids", "beta"}}, p, nil)
	newer := load(t, "newer", releasetest.Kernel{Release: name61, Modules: []string{"alpha:ids", "beta"}, Image: btftest.Grown, Build: btftest.Grown}, p, nil)
	e := explained(t, "[ 1.0] missing module BTF, cannot register kfuncs", older, newer).Events[0]
	if e.Kind != NoSetBTF || len(e.Sources) != 2 || e.Sources[0].Module != "kernel/drivers/alpha.ko" {
		t.Errorf("%+v", e)
	}
	if e = explained(t, "missing module BTF, cannot register dtor kfuncs", older, newer).Events[0]; len(e.Sources) != 0 || e.Open == "" {
		t.Errorf("%+v", e)
	}
}

func TestVermagicAndVersions(t *testing.T) {
	p := verdict.ForVersion(6, 1, 50)
	older := load(t, "older", releasetest.Kernel{Release: name61, Modules: []string{"alpha", "uses"}}, p, nil)
	other := load(t, "other", releasetest.Kernel{Release: "6.1.0-2-amd64"}, p, nil)
	log := "alpha: version magic '6.1.0-1-amd64 SMP preempt mod_unload modversions ' should be '6.1.0-2-amd64 SMP preempt mod_unload modversions '"
	e := explained(t, log, older, other).Events[0]
	if len(e.Sources) != 1 || label(&e.Sources[0].Of) != "older 1.0-1" || label(&e.Sources[0].On) != "other 1.0-1" {
		t.Errorf("%+v", e)
	}
	if e = explained(t, log, other).Events[0]; len(e.Sources) != 0 || e.Open == "" {
		t.Errorf("%+v", e)
	}
	e = explained(t, "alpha: disagrees about version of symbol printk", older, other).Events[0]
	if len(e.Sources) != 0 || e.Open == "" {
		t.Errorf("%+v", e)
	}
	for i := range older.Release.Modules[0].Facts.Versions {
		older.Release.Modules[0].Facts.Versions[i].CRC = 1
	}
	e = explained(t, "alpha: disagrees about version of symbol printk", older, other).Events[0]
	if len(e.Sources) != 2 || e.Sources[0].Says != "it wants printk with 0x00000001, the kernel exports 0x0a0b0c0d" {
		t.Errorf("%+v", e)
	}
}

// modprobe's word alone: what the kernel's rules say of the module's BTF, and
// of its kfunc ids, about which the kernel is silent.
func TestInserting(t *testing.T) {
	const einval, enoent = "modprobe: ERROR: could not insert 'alpha': Invalid argument", "modprobe: ERROR: could not insert 'alpha': No such file or directory"
	build := func(name string, v btftest.Variant, p verdict.Profile) Given {
		return load(t, name, releasetest.Kernel{Release: name61, Modules: []string{"alpha:ids"}, Image: v, Build: v}, p, nil)
	}
	strict, allow := verdict.ForVersion(6, 8, 0), verdict.ForVersion(6, 1, 0)
	allow.AllowMismatch = true
	for _, tc := range []struct {
		log  string
		p    verdict.Profile
		says string
	}{
		{einval, strict, "EINVAL (struct.member.name"},
		{enoent, allow, "init fails with ENOENT (kfunc.missing, set alpha_kfuncs"},
		{einval, allow, ""},
	} {
		e := explained(t, tc.log, build("older", btftest.Plain, tc.p), build("newer", btftest.Grown, tc.p)).Events[0]
		if tc.says == "" {
			if len(e.Sources) != 0 || !strings.Contains(e.Open, "the reason is another") {
				t.Errorf("%s: %+v", tc.log, e)
			}
		} else if len(e.Sources) != 2 || e.Sources[0].Own != "accepted" || !strings.HasPrefix(e.Sources[0].Says, tc.says) || e.Open != "" {
			t.Errorf("%s: %+v", tc.log, e)
		}
	}
	if e := explained(t, einval, load(t, "x", releasetest.Kernel{Release: name61, Modules: []string{"beta"}}, strict, nil)).Events[0]; !strings.HasPrefix(e.Open, "no release given has a module alpha") {
		t.Error(e.Open)
	}
}

// A set that names another function: the kernel tells its name and id (7.2+).
func TestTaken(t *testing.T) {
	g := load(t, "only", releasetest.Kernel{Release: name61, Modules: []string{"alpha:ids"}}, verdict.ForVersion(7, 3, 0), nil)
	facts := g.Release.Modules[0].Facts
	if len(facts.IDs.Sets) != 1 {
		t.Fatalf("%+v", facts.IDs)
	}
	printk := uint32(btftest.Kernel(btftest.Plain).ID(btf.Func, "printk"))
	facts.IDs.Sets[0].IDs, facts.IDs.Sets[0].Flags = []uint32{printk}, 1
	log := fmt.Sprintf("[ 1.0] kfunc printk (id: %d) is already present in vmlinux.", printk)
	e := explained(t, log, g).Events[0]
	if len(e.Sources) != 1 || !strings.HasPrefix(e.Sources[0].Says, "init fails with EINVAL (kfunc.duplicate") {
		t.Errorf("%+v", e)
	}
	if e = explained(t, "kfunc kfree_skb (id: 1) is already present in vmlinux.", g).Events[0]; len(e.Sources) != 0 || e.Open == "" {
		t.Errorf("%+v", e)
	}
}

// Loads in parallel, in any order, without callers' stamps: with both builds
// given each module's lines are found among the others', and nothing is
// claimed to be certain that is not.
func TestParallelWithBuilds(t *testing.T) {
	older, newer := pair(t, verdict.ForVersion(6, 12, 50))
	modules := []string{"alpha", "beta", "gamma"}
	for seed := range 60 {
		rnd := rand.New(rand.NewSource(int64(seed)))
		var loads [][]string
		for _, m := range modules {
			loads = append(loads, strings.Split(strings.TrimSpace(logOf(t, older, newer, m)), "\n"))
		}
		var log []string
		for len(loads) > 0 {
			i := rnd.Intn(len(loads))
			log = append(log, loads[i][0])
			if loads[i] = loads[i][1:]; len(loads[i]) == 0 {
				loads = slices.Delete(loads, i, i+1)
			}
		}
		x := explained(t, strings.Join(log, "\n"), older, newer)
		if len(x.Events) != len(modules) {
			t.Fatalf("seed %d: %d events\n%s", seed, len(x.Events), strings.Join(log, "\n"))
		}
		for i := range x.Events {
			e := &x.Events[i]
			if len(e.Sources) != 1 || !e.Sources[0].Exact || e.Sources[0].Module != "kernel/drivers/"+e.Module+".ko" || label(&e.Sources[0].Of) != "newer 1.0-1" ||
				label(&e.Sources[0].On) != "older 1.0-1" || len(e.Mixed) != 0 || e.Type == nil || e.Open != "" {
				t.Fatalf("seed %d: %+v\n%s", seed, e, strings.Join(log, "\n"))
			}
		}
		// A line that no module explains takes the certainty back.
		if seed == 0 {
			extra := slices.Insert(slices.Clone(log), 1, "[   12.5] BPF: [77] STRUCT stranger", "[   12.5] BPF: Invalid name")
			for _, e := range explained(t, strings.Join(extra, "\n"), older, newer).Events {
				if e.Module != "" && len(e.Sources) > 0 && e.Sources[0].Exact {
					t.Errorf("%s is certain beside lines of a stranger", e.Module)
				}
			}
		}
	}
}
