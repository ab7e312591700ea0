//go:build vm

package vmtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/repair/modfile"
	"kpkg-btf/internal/vmtest/wire"
)

// hostModules are small modules that need no other, do nothing by themselves
// and can be unloaded, in 6.1, 6.12 and 7.3. Debian's tcp_bbr, which registers
// kfuncs, is among initOrder.
var hostModules = []string{
	"crc8", "crc16", "cordic", "nls_ascii", "nls_utf8", "nls_cp437", "nls_cp1250", "nls_cp1251",
	"ts_kmp", "ts_bm", "ts_fsm", "lru_cache", "bch", "libarc4", "libchacha",
}

// resident is a module somewhere on a machine.
type resident struct {
	path string // below the folder of modules
	ko   []byte
	base *btf.Raw // that its BTF was encoded against; nil when it has none
}

// machineTree is what is installed under one name.
type machineTree struct {
	release string
	folder  string // of modules: "/usr/lib/modules/RELEASE"
	disk    []resident
	added   []resident
	initrd  []resident
	files   []File
}

// lay adds a module to the tree, packed as its path's ending says.
func (m *machineTree) lay(t *testing.T, to *[]resident, rel string, ko []byte, base *btf.Raw) {
	t.Helper()
	*to = append(*to, resident{rel, ko, base})
	if to == &m.initrd {
		return
	}
	data := ko
	if strings.HasSuffix(rel, ".xz") {
		data = piped(t, ko, "xz", "-c", "--check=crc32", "--lzma2=dict=1MiB")
	}
	m.files = append(m.files, File{Path: m.folder + "/" + rel, Mode: 0o644, Data: data})
}

// boot adds the image, its config, an initrd of the modules that were laid
// there, and the program.
func (m *machineTree) boot(t *testing.T, image, config File) []File {
	t.Helper()
	program, err := os.ReadFile(realtest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	out := append(slices.Clone(m.files),
		File{Path: "/usr/bin/kpkg-btf", Mode: 0o755, Data: program},
		File{Path: "/boot/initrd.img-" + m.release, Mode: 0o644, Data: stackedInitrd(t, m.folder, m.initrd)})
	image.Path, config.Path = "/boot/vmlinuz-"+m.release, "/boot/config-"+m.release
	return append(out, image, config)
}

// stackedInitrd is what initramfs-tools makes: microcode in an archive as it
// is, then the modules in one packed by zstd.
func stackedInitrd(t *testing.T, folder string, modules []resident) []byte {
	t.Helper()
	out := archive(t, []File{{Path: "/kernel/x86/microcode/GenuineIntel.bin", Mode: 0o644, Data: make([]byte, 2048)}})
	out = append(out, make([]byte, -len(out)&511)...)
	var files []File
	for _, m := range modules {
		files = append(files, File{Path: folder + "/" + m.path, Mode: 0o644, Data: m.ko})
	}
	return append(out, piped(t, archive(t, files), "zstd", "-3", "-c")...)
}

// kernelView is what one booted kernel must do with a place's modules.
type kernelView struct {
	what, on string
	modules  []resident
	base     *btf.Raw // of that kernel
	seen     map[string]*Verdict
}

// class is what became of a module, in one word; "" for one whose types, if it
// has any, are there and right.
func (v *kernelView) class(t *testing.T, r *resident) string {
	t.Helper()
	seen := v.seen[r.path]
	blob, err := wire.Section(r.ko, ".BTF")
	if err != nil {
		t.Fatal(r.path, err)
	}
	switch {
	case seen == nil:
		t.Fatalf("%s: not put to the kernel", r.path)
		return ""
	case !seen.Loaded() && seen.Printed("failed to validate module ["):
		return string(model.Rejected)
	case !seen.Loaded() && (seen.Printed("version magic") || seen.Printed("disagrees about version") || seen.Printed("Unknown symbol")):
		return string(model.Blocked)
	case !seen.Loaded():
		return string(model.InitFails)
	case len(blob) > 0 && !seen.Attached:
		return string(model.Dropped)
	case len(blob) > 0 && seen.Digest != digest(blob):
		t.Errorf("%s: sysfs has other bytes than were given: %v", r.path, seen)
	case len(blob) > 0 && (!slices.Equal(spelled(t, blob, r.base), spelled(t, blob, v.base)) || idsAstray(t, r.ko, blob, v.base)):
		return string(model.Attached)
	}
	return ""
}

// spelled is what split BTF says on a base: kind, names and types referred to,
// in C, of each of its types. It looks one reference deep and no deeper.
func spelled(t *testing.T, blob []byte, base *btf.Raw) []string {
	t.Helper()
	raw, err := btf.ParseSplit(blob, base)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for rec := range raw.Types {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %q", rec.Kind, raw.Name(rec.Name))
		rec.Names(func(_ uint32, off btf.StrOff) bool {
			fmt.Fprintf(&b, " %q", raw.Name(off))
			return true
		})
		rec.Refs(func(_ uint32, id btf.ID) bool {
			fmt.Fprintf(&b, " %s", raw.CType(id))
			return true
		})
		out = append(out, b.String())
	}
	return out
}

// idsAstray reports whether the ids in .BTF_ids are of types of other names than
// its symbols ask for. Sets are sorted by id after they were filled, so that the
// names are compared as a whole.
func idsAstray(t *testing.T, ko, blob []byte, base *btf.Raw) bool {
	t.Helper()
	f := parsed(t, ko)
	if f.IDs == nil {
		return false
	}
	raw, err := btf.ParseSplit(blob, base)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, w := range f.IDs.Words {
		rec, _ := raw.Record(btf.ID(w.ID))
		want, got = append(want, w.Name), append(got, raw.Name(rec.Name))
	}
	slices.Sort(want)
	slices.Sort(got)
	return !slices.Equal(want, got)
}

// check compares what verify named with what the kernel did, module by module.
func (v *kernelView) check(t *testing.T, rep *model.HostReport, counted map[string]int) {
	t.Helper()
	m := meeting(t, rep, v.what, v.on)
	named := map[string]string{}
	for _, w := range m.Wrong {
		named[w.Path] = string(w.Verdict)
	}
	if m.Modules != len(v.modules) {
		t.Errorf("%s on %s: %d modules, want %d", v.what, v.on, m.Modules, len(v.modules))
	}
	for i := range v.modules {
		r := &v.modules[i]
		seen := v.class(t, r)
		t.Logf("%s on %s: %s: %q; %v", v.what, v.on, r.path, seen, v.seen[r.path])
		counted[seen]++
		as := strings.TrimSuffix(r.path, ".xz") // how it is packed is no part of its name
		if named[as] != seen {
			t.Errorf("%s on %s: %s: verify says %q, the kernel did %q: %v", v.what, v.on, r.path, named[as], seen, v.seen[r.path])
		}
		delete(named, as)
	}
	for p, c := range named {
		t.Errorf("%s on %s: verify names %s (%s), which is not there", v.what, v.on, p, c)
	}
}

// meeting is the one of a report.
func meeting(t *testing.T, rep *model.HostReport, what, on string) *model.HostMeeting {
	t.Helper()
	if len(rep.Kernels) != 1 {
		t.Fatalf("%d kernels", len(rep.Kernels))
	}
	for i := range rep.Kernels[0].Meets {
		if m := &rep.Kernels[0].Meets[i]; m.What == what && m.On == on {
			return m
		}
	}
	t.Fatalf("no answer about %s on %s: %+v", what, on, rep)
	return nil
}

// verifies runs the program in the guest, with a report in JSON.
func verifies(id string, uid uint32, more ...string) Case {
	return Case{ID: id, Kind: Program, UID: uid, Args: append([]string{"/usr/bin/kpkg-btf", "verify", "--format", "json"}, more...)}
}

// report reads what the program wrote.
func report(t *testing.T, v *Verdict, exit int) *model.HostReport {
	t.Helper()
	t.Logf("%s: %.1fs in the guest, exit %d: %s", v.ID, v.Took.Seconds(), v.Exit, v.Stderr)
	if v.Exit != exit {
		t.Fatalf("%s: exit %d, want %d: %s %s", v.ID, v.Exit, exit, v.Stderr, v.Stdout)
	}
	rep := new(model.HostReport)
	if err := json.Unmarshal(v.Stdout, rep); err != nil {
		t.Fatal(v.ID, err)
	}
	return rep
}

// insert loads every module of some places, one after the other.
func insert(places ...[]resident) (cases []Case) {
	for _, p := range places {
		for i := range p {
			cases = append(cases, Case{ID: p[i].path, Kind: WholeModule, Module: p[i].ko, WantDigest: true})
		}
	}
	return cases
}

// byID are the answers.
func byID(res *Result) map[string]*Verdict {
	out := map[string]*Verdict{}
	for i := range res.Verdicts {
		out[res.Verdicts[i].ID] = &res.Verdicts[i]
	}
	return out
}

func parsedBase(t *testing.T, b *Build) *btf.Raw {
	t.Helper()
	raw, err := btf.Parse(imageBTF(t, b.Kernel))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestVerifyReplaced: 6.1.192-1 runs, and 6.1.192-2 was installed under its
// name; one module of the old build was left behind, one is stripped, DKMS has
// one of before and one of after, one is of another flavour, and the initrd was
// not built again. What verify says of both kernels, run inside the first, is
// what this one does with each module now and the other after the reboot.
// 6.1 drops what it cannot use.
//
// Debian gives each build a name of its own, so the newer one is given the name
// of the older here: in its image, which is not booted under it, and in the
// modules' vermagic.
func TestVerifyReplaced(t *testing.T) {
	older, newer := load(t, realtest.PairAOld), load(t, realtest.PairANew)
	before, after := parsedBase(t, older), parsedBase(t, newer)
	name := older.Kernel.Release
	old := func(stem string) []byte { return wire.Unsigned(whole(t, older, stem)) }
	now := func(stem string) []byte {
		return vermagic(t, wire.Unsigned(whole(t, newer, stem)), newer.Kernel.Release, name)
	}
	m := &machineTree{release: name, folder: "/usr/lib/modules/" + name}
	for _, stem := range []string{"crc7", "crc8", "crc16", "cordic", "nls_ascii", "ts_kmp", "ts_bm", "ts_fsm", "lru_cache", "bch", "libarc4", "tcp_bbr"} {
		m.lay(t, &m.disk, "kernel/"+stem+".ko", now(stem), after)
	}
	stripped, err := stripModule(now("nls_cp437"), modfile.StripOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m.lay(t, &m.disk, "kernel/nls_cp437.ko", stripped.Data, nil)
	m.lay(t, &m.disk, "kernel/nls_utf8.ko", old("nls_utf8"), before)
	m.lay(t, &m.added, "updates/dkms/nls_cp1250.ko", old("nls_cp1250"), before)
	m.lay(t, &m.added, "updates/dkms/nls_cp1251.ko.xz", now("nls_cp1251"), after)
	m.lay(t, &m.added, "extra/libchacha.ko", flavoured(t, now("libchacha")), after)
	for _, stem := range []string{"crc7", "nls_ascii", "ts_kmp", "lru_cache", "tcp_bbr"} {
		m.lay(t, &m.initrd, "kernel/"+stem+".ko", old(stem), before)
	}
	m.lay(t, &m.initrd, "kernel/crc8.ko", now("crc8"), after)

	image := File{Mode: 0o600, Data: imageNamed(t, newer.Kernel, name)}
	config := File{Mode: 0o644, Data: realtest.Member(t, realtest.Deb(t, realtest.PairANew), "boot/config-*")}
	job := Job{Files: m.boot(t, image, config), Quiet: 8 * time.Minute, Timeout: 10 * time.Minute, Cases: []Case{verifies("root", 0)}}
	job.Cases = append(job.Cases, insert(m.disk, m.added)...)
	running, err := Boot(t.Context(), older.Kernel, job)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(running.Speed())
	reboot := Job{Cases: insert(m.disk, m.added)}
	for _, c := range insert(m.initrd) {
		c.ID = "initrd " + c.ID
		reboot.Cases = append(reboot.Cases, c)
	}
	rebooted, err := Boot(t.Context(), newer.Kernel, reboot)
	if err != nil {
		t.Fatal(err)
	}
	seen, later, initrd := byID(running), byID(rebooted), map[string]*Verdict{}
	for id, v := range later {
		if p, ok := strings.CutPrefix(id, "initrd "); ok {
			initrd[p] = v
		}
	}
	views := []kernelView{
		{"installed modules", "running", m.disk, before, seen},
		{"added modules", "running", m.added, before, seen},
		{"installed modules", "installed", m.disk, after, later},
		{"added modules", "installed", m.added, after, later},
		{"initrd", "installed", m.initrd, after, initrd},
	}
	rep := report(t, seen["root"], model.ExitRepair)
	if rep.Base.SHA256 != running.Base || len(rep.Unread) != 0 {
		t.Errorf("base %s, the kernel shows %s; unread %q", rep.Base.SHA256, running.Base, rep.Unread)
	}
	allSeen(t, rep, views, model.Dropped, model.Attached, model.Blocked)
}

// allSeen compares every view with the report; each class must occur, that of
// modules with which all is well too.
func allSeen(t *testing.T, rep *model.HostReport, views []kernelView, classes ...model.Verdict) {
	t.Helper()
	counted := map[string]int{}
	for i := range views {
		views[i].check(t, rep, counted)
	}
	t.Logf("%v", counted)
	for _, class := range append(classes, "") {
		if counted[string(class)] == 0 {
			t.Errorf("no module of class %q", class)
		}
	}
}

// TestVerifyStrict: 7.3.4, which refuses what it cannot use, runs from the
// package that is installed; updates and the initrd hold modules with the BTF
// of another kernel's. The program is run by nobody, who may not read the image
// (as Ubuntu installs it), so that /sys/kernel/btf/vmlinux alone tells of the
// base.
func TestVerifyStrict(t *testing.T) {
	b, other := load(t, realtest.Image73, realtest.Modules73), load(t, realtest.PairBNew)
	own, alien := parsedBase(t, b), parsedBase(t, other)
	m := &machineTree{release: b.Kernel.Release, folder: "/lib/modules/" + b.Kernel.Release}
	unsigned := func(stem string) []byte { return wire.Unsigned(whole(t, b, stem)) }
	stale := func(stem string) []byte {
		i := slices.IndexFunc(other.Modules, func(m Module) bool { return m.Name == stem })
		if i < 0 {
			t.Fatal("no", stem)
		}
		ko, err := ReplaceBTF(whole(t, b, stem), other.Modules[i].BTF, nil)
		if err != nil {
			t.Fatal(err)
		}
		return ko
	}
	for _, stem := range []string{"crc8", "nls_ascii", "ts_kmp", "libarc4"} {
		m.lay(t, &m.disk, "kernel/"+stem+".ko.xz", whole(t, b, stem), own)
	}
	for _, stem := range []string{"crc8", "crc16", "cordic", "nls_utf8", "nls_cp437", "libarc4", "lru_cache", "bch"} {
		m.lay(t, &m.added, "updates/dkms/"+stem+".ko.xz", stale(stem), alien)
	}
	m.lay(t, &m.added, "updates/dkms/ts_kmp.ko.xz", unsigned("ts_kmp"), own)
	m.lay(t, &m.added, "extra/ts_bm.ko", flavoured(t, unsigned("ts_bm")), own)
	// Its kfuncs are ids of other functions; and one of them is called as a
	// function of the kernel is, which fails its init since 7.2.
	bbr := whole(t, b, "tcp_bbr")
	f := parsed(t, bbr)
	for _, c := range []struct {
		rel   string
		split []byte
	}{
		{"updates/tcp_bbr.ko", shifted(t, f.BTF.Bytes(), own)},
		{"extra/tcp_bbr.ko", renamed(t, f.BTF.Bytes(), own, registered(t, bbr).Kfuncs[0].IDs[0])},
	} {
		ko, err := ReplaceBTF(bbr, c.split, nil)
		if err != nil {
			t.Fatal(err)
		}
		m.lay(t, &m.added, c.rel, ko, own)
	}
	for _, stem := range []string{"nls_ascii", "nls_cp1250", "nls_cp1251", "ts_fsm"} {
		m.lay(t, &m.initrd, "kernel/"+stem+".ko.xz", stale(stem), alien)
	}
	m.lay(t, &m.initrd, "kernel/ts_kmp.ko.xz", whole(t, b, "ts_kmp"), own)

	image := File{Mode: 0o600, Data: b.Kernel.Image}
	config := File{Mode: 0o644, Data: realtest.Member(t, realtest.Deb(t, realtest.Base73), "config")}
	job := Job{Files: m.boot(t, image, config), Quiet: 8 * time.Minute, Timeout: 10 * time.Minute, Cases: []Case{verifies("nobody", 65534)}}
	initrd := insert(m.initrd)
	for i := range initrd {
		initrd[i].ID = "initrd " + initrd[i].ID
	}
	job.Cases = append(append(job.Cases, insert(m.disk, m.added)...), initrd...)
	res, err := Boot(t.Context(), b.Kernel, job)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(res.Speed())
	seen := byID(res)
	early := map[string]*Verdict{}
	for _, r := range m.initrd {
		early[r.path] = seen["initrd "+r.path]
	}
	rep := report(t, seen["nobody"], model.ExitRepair)
	if len(rep.Unread) != 1 || !strings.Contains(rep.Unread[0], "vmlinuz-"+m.release) || rep.Base.SHA256 != res.Base {
		t.Errorf("unread %q, base %s", rep.Unread, rep.Base.SHA256)
	}
	allSeen(t, rep, []kernelView{
		{"installed modules", "running", m.disk, own, seen},
		{"added modules", "running", m.added, own, seen},
		{"initrd", "running", m.initrd, own, early},
	}, model.Rejected, model.Attached, model.Blocked, model.InitFails)
}

// flavoured is a module of the real-time flavour, by its vermagic.
func flavoured(t *testing.T, ko []byte) []byte {
	t.Helper()
	info, err := wire.Section(ko, ".modinfo")
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(info, []byte(" SMP preempt "), []byte(" SMP preempt_rt "), 1)
	if bytes.Equal(info, changed) {
		t.Fatal("no vermagic of a kernel that is not real-time")
	}
	return replaced(t, ko, ".modinfo", changed)
}
