package host

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/where"
	"kpkg-btf/policy"
)

const name = "6.1.0-1-amd64"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// machine is a root folder with one installed kernel.
func machine(t *testing.T, installed releasetest.Kernel) *System {
	t.Helper()
	root := t.TempDir()
	check(t, releasetest.WriteTree(root, installed.Files()))
	return &System{Root: root}
}

// boots lets a kernel run there that carries its configuration.
func (s *System) boots(t *testing.T, k releasetest.Kernel) {
	t.Helper()
	s.bootsBare(t, k)
	config := new(bytes.Buffer)
	z := gzip.NewWriter(config)
	_, err := z.Write([]byte(k.Config()))
	check(t, err)
	check(t, z.Close())
	check(t, releasetest.WriteTree(s.Root, map[string][]byte{"proc/config.gz": config.Bytes()}))
}

// bootsBare lets a kernel run there that shows its base and no more.
func (s *System) bootsBare(t *testing.T, k releasetest.Kernel) {
	t.Helper()
	s.Booted, s.Banner = k.Release, "Linux version "+k.Release+" (builder@host) (gcc) #1 SMP"
	check(t, releasetest.WriteTree(s.Root, map[string][]byte{"sys/kernel/btf/vmlinux": btftest.Kernel(k.Image).Bytes(), "sys/kernel/btf/some_module": nil}))
}

func verify(t *testing.T, s *System, o Options) *model.HostReport {
	t.Helper()
	o.Judge.Policy, o.Judge.Jobs = policy.Default().WithSignatures(policy.Ignored), 2
	rep, err := s.Verify(context.Background(), o)
	check(t, err)
	return rep
}

// said is a report in a few words.
func said(rep *model.HostReport) string {
	var b strings.Builder
	for _, k := range rep.Kernels {
		for _, m := range k.Meets {
			fmt.Fprintf(&b, "%s %s on %s: %d", k.Release, m.What, m.On, m.Modules)
			for _, w := range m.Wrong {
				fmt.Fprintf(&b, " %s=%s/%s", w.Name, w.Verdict, w.Meaning)
			}
			b.WriteString("\n")
		}
	}
	return b.String() + rep.Decision
}

// newc is an initrd with modules, by path.
func newc(files map[string][]byte) []byte {
	var b bytes.Buffer
	put := func(name string, mode int, data []byte) {
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", b.Len(), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
		b.WriteString(name + "\x00")
		b.Write(make([]byte, -b.Len()&3))
		b.Write(data)
		b.Write(make([]byte, -b.Len()&3))
	}
	for _, n := range slices.Sorted(func(yield func(string) bool) {
		for n := range files {
			if !yield(n) {
				return
			}
		}
	}) {
		put(n, 0o100644, files[n])
	}
	put("TRAILER!!!", 0, nil)
	return b.Bytes()
}

func initrd(k releasetest.Kernel) []byte {
	files := map[string][]byte{}
	for path, data := range k.Files() {
		if strings.HasSuffix(path, ".ko") {
			files[path] = data
		}
	}
	return newc(files)
}

// uki is a unified kernel image of x86-64: sections .linux and .initrd.
func uki(linux, initrd []byte) []byte {
	le := binary.LittleEndian
	b := make([]byte, 1024)
	copy(b, "MZ")
	le.PutUint32(b[60:], 64)
	copy(b[64:], "PE\x00\x00")
	le.PutUint16(b[68:], 0x8664)
	le.PutUint16(b[70:], 2)
	le.PutUint16(b[84:], 240)
	at := 64 + 24 + 240
	for _, s := range []struct {
		name string
		data []byte
	}{{".linux", linux}, {".initrd", initrd}} {
		copy(b[at:], s.name)
		le.PutUint32(b[at+8:], uint32(len(s.data)))
		le.PutUint32(b[at+16:], uint32(len(s.data)))
		le.PutUint32(b[at+20:], uint32(len(b)))
		b = append(b, s.data...)
		at += 40
	}
	return b
}

func TestAllIsWell(t *testing.T) {
	k := releasetest.Kernel{Release: name, Key: "k"}
	s := machine(t, k)
	s.boots(t, k)
	check(t, os.WriteFile(filepath.Join(s.Root, "boot/initrd.img-"+name), initrd(k), 0o644))
	rep := verify(t, s, Options{})
	want := name + " installed modules on installed: 3\n" + name + " installed modules on running: 3\n" + name + " initrd on installed: 3\nkeep"
	if got := said(rep); got != want || rep.ExitCode != 0 || len(rep.Unread) != 0 {
		t.Errorf("got\n%s\nwant\n%s\nunread %q", got, want, rep.Unread)
	}
	if !rep.Kernels[0].Running || rep.Kernels[0].Base.SHA256 != rep.Base.SHA256 || rep.Base.SHA256 == "" {
		t.Errorf("%+v", rep.Kernels[0])
	}
}

// The kernel was replaced under its name while it runs: the new modules do
// not go with the base that sysfs shows.
func TestReplacedWhileRunning(t *testing.T) {
	for _, c := range []struct {
		variant  btftest.Variant
		strict   bool
		verdict  model.Verdict
		decision string
	}{
		{btftest.Permuted, false, model.Attached, "strip"}, // silently wrong
		{btftest.Grown, false, model.Dropped, "keep"},      // no BTF until the reboot
		{btftest.Grown, true, model.Rejected, "strip"},     // does not load
	} {
		s := machine(t, releasetest.Kernel{Release: name, Key: "k", Image: c.variant, Build: c.variant})
		s.boots(t, releasetest.Kernel{Release: name, Key: "k", Strict: c.strict})
		rep := verify(t, s, Options{})
		if len(rep.Kernels) != 1 || len(rep.Kernels[0].Meets) != 2 {
			t.Fatalf("%s", said(rep))
		}
		m := rep.Kernels[0].Meets[1]
		if m.On != onRunning || len(m.Wrong) != 3 || m.Wrong[0].Verdict != c.verdict || rep.Decision != c.decision {
			t.Errorf("%v %v: %s", c.variant, c.strict, said(rep))
		}
	}
}

// A kernel that does not carry its configuration: whether it loads what it
// cannot use is asked of the one installed under its name, and said so.
func TestReplacedConfigOnDisk(t *testing.T) {
	for _, c := range []struct {
		strict, config bool
		verdict        model.Verdict
		decision, note string
	}{
		{false, true, model.Dropped, "keep", "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y in "},
		{true, true, model.Rejected, "strip", "CONFIG_MODULE_ALLOW_BTF_MISMATCH is not set in "},
		{false, false, model.Rejected, "strip", "not known: taken as no"},
	} {
		s := machine(t, releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown, Build: btftest.Grown, Strict: c.strict})
		if !c.config {
			check(t, os.Remove(filepath.Join(s.Root, "boot/config-"+name)))
		}
		s.bootsBare(t, releasetest.Kernel{Release: name, Key: "k"})
		rep := verify(t, s, Options{})
		m := rep.Kernels[0].Meets[1]
		if m.On != onRunning || len(m.Wrong) != 3 || m.Wrong[0].Verdict != c.verdict || rep.Decision != c.decision || !strings.Contains(strings.Join(m.Why, "\n"), c.note) {
			t.Errorf("%+v: %s %q", c, said(rep), m.Why)
		}
	}
}

// Without an image, or with one that only root may read, the kernel that runs
// is asked in its place.
func TestNoImage(t *testing.T) {
	k := releasetest.Kernel{Release: name, Key: "k"}
	s := machine(t, k)
	check(t, os.WriteFile(filepath.Join(s.Root, "boot/initrd.img-"+name), initrd(k), 0o644))
	images, err := filepath.Glob(filepath.Join(s.Root, "boot/vmlinu*"))
	check(t, err)
	for _, f := range images {
		check(t, os.Remove(f))
	}
	rep := verify(t, s, Options{})
	if rep.ExitCode != model.ExitInconclusive || len(rep.Unread) != 2 || !strings.Contains(rep.Unread[0], "no image of "+name) {
		t.Errorf("nothing to judge it on: %s %q", said(rep), rep.Unread)
	}
	s.boots(t, k)
	rep = verify(t, s, Options{})
	want := name + " installed modules on running: 3\n" + name + " initrd on running: 3\nkeep"
	if got := said(rep); got != want || len(rep.Unread) != 0 {
		t.Errorf("got\n%s\nwant\n%s\nunread %q", got, want, rep.Unread)
	}
	s.boots(t, releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown, Strict: true})
	rep = verify(t, s, Options{})
	if got := said(rep); !strings.Contains(got, "installed modules on running: 3 alpha=rejected") || rep.ExitCode != 3 {
		t.Errorf("of another base: %s", got)
	}
}

// Modules that DKMS built for the kernel before it was replaced, and after:
// each is right on one of the two and wrong on the other.
func TestAddedWhileReplaced(t *testing.T) {
	old := releasetest.Kernel{Release: name, Key: "k", Strict: true}
	now := releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown, Build: btftest.Grown, Strict: true}
	s := machine(t, now)
	s.boots(t, old)
	for kernel, module := range map[*releasetest.Kernel]string{&old: "alpha", &now: "beta"} {
		for path, data := range kernel.Files() {
			if strings.HasSuffix(path, "/"+module+".ko") {
				check(t, releasetest.WriteTree(s.Root, map[string][]byte{"usr/lib/modules/" + name + "/updates/dkms/" + module + ".ko": data}))
			}
		}
	}
	rep := verify(t, s, Options{OnlyAdded: true})
	want := name + " added modules on installed: 2 alpha=rejected/different\n" + name + " added modules on running: 2 beta=rejected/different\nstrip"
	if got := said(rep); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A module of the build before was left among those of the new one: wrong on
// the image beside it, right on the kernel that runs. And where all were left
// and the image alone is new.
func TestStrays(t *testing.T) {
	old := releasetest.Kernel{Release: name, Key: "k", Strict: true}
	now := releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown, Build: btftest.Grown, Strict: true}
	for _, all := range []bool{false, true} {
		s := machine(t, now)
		s.boots(t, old)
		for path, data := range old.Files() {
			if all && strings.HasSuffix(path, ".ko") || strings.HasSuffix(path, "/alpha.ko") {
				check(t, releasetest.WriteTree(s.Root, map[string][]byte{path: data}))
			}
		}
		rep := verify(t, s, Options{})
		want := name + " installed modules on installed: 3 alpha=rejected/different\n" + name + " installed modules on running: 3 beta=rejected/different gamma=rejected/different\nrebuild"
		if all {
			want = name + " installed modules on installed: 3 alpha=rejected/different beta=rejected/different gamma=rejected/different\n" + name + " installed modules on running: 3\nrebuild"
		}
		if got := said(rep); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		n := 0
		for _, c := range rep.Kernels[0].Meets[1].Verdicts {
			n += c.Count
		}
		if n != 3 {
			t.Errorf("verdicts: %+v", rep.Kernels[0].Meets[1].Verdicts)
		}
	}
}

// An initrd of the build before: the new image is started with its modules.
func TestStaleInitrd(t *testing.T) {
	s := machine(t, releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown, Build: btftest.Grown, Strict: true})
	old := releasetest.Kernel{Release: name, Key: "k", Modules: []string{"alpha"}}
	check(t, os.WriteFile(filepath.Join(s.Root, "boot/initrd.img-"+name), initrd(old), 0o644))
	rep := verify(t, s, Options{})
	want := name + " installed modules on installed: 3\n" + name + " initrd on installed: 1 alpha=rejected/different\n"
	if got := said(rep); !strings.HasPrefix(got, want) || rep.ExitCode == 0 {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	rep = verify(t, s, Options{OnlyAdded: true})
	if got := said(rep); got != "keep" {
		t.Errorf("only added: %s", got)
	}
}

// A unified image from a different build than the installed one, with its own initrd.
func TestUKI(t *testing.T) {
	k := releasetest.Kernel{Release: name, Key: "k", Strict: true}
	s := machine(t, k)
	other := releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown, Build: btftest.Grown, Strict: true, Modules: []string{"alpha"}}
	check(t, releasetest.WriteTree(s.Root, map[string][]byte{"efi/EFI/Linux/x.efi": uki(other.Vmlinux(), initrd(other))}))
	rep := verify(t, s, Options{})
	got := said(rep)
	for _, want := range []string{name + " installed modules on installed: 3\n", name + " installed modules on installed: 3 alpha=rejected/different", name + " initrd on installed: 1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if len(rep.Unread) != 0 {
		t.Errorf("unread %q", rep.Unread)
	}
}

// What cannot be read is named, and the answer is not complete.
func TestUnread(t *testing.T) {
	s := machine(t, releasetest.Kernel{Release: name, Key: "k"})
	check(t, os.WriteFile(filepath.Join(s.Root, "boot/initrd.img-"+name), newc(map[string][]byte{"a": nil})[:100], 0o644))
	rep := verify(t, s, Options{})
	if rep.Decision != "inconclusive" || rep.ExitCode != model.ExitInconclusive || len(rep.Unread) != 1 || !strings.Contains(rep.Unread[0], "initrd.img-"+name) {
		t.Errorf("%s %q", said(rep), rep.Unread)
	}
}

func TestNothingInstalled(t *testing.T) {
	s := &System{Root: t.TempDir()}
	if _, err := s.Verify(context.Background(), Options{Judge: judge.Options{Policy: policy.Default()}}); where.KindOf(err) != where.Inconclusive {
		t.Error(err)
	}
	s = machine(t, releasetest.Kernel{Release: name})
	if _, err := s.Verify(context.Background(), Options{Kernel: "5.0", Judge: judge.Options{Policy: policy.Default()}}); where.KindOf(err) != where.Inconclusive || !strings.Contains(err.Error(), "5.0") {
		t.Error(err)
	}
}

// Links to modules of another kernel, absolute and relative, are judged on the
// kernel they lie under; one that leads nowhere is named.
func TestWeakUpdates(t *testing.T) {
	s := machine(t, releasetest.Kernel{Release: name, Key: "k", Strict: true})
	const other = "6.1.0-2-amd64"
	now := releasetest.Kernel{Release: other, Key: "k", Image: btftest.Grown, Build: btftest.Grown, Strict: true}
	check(t, releasetest.WriteTree(s.Root, now.Files()))
	old := releasetest.Kernel{Release: name, Key: "k", Strict: true, Modules: []string{"delta"}}
	for path, data := range old.Files() {
		if strings.HasSuffix(path, "/delta.ko") {
			check(t, releasetest.WriteTree(s.Root, map[string][]byte{"usr/lib/modules/" + name + "/extra/delta.ko": data}))
		}
	}
	weak := filepath.Join(s.Root, "usr/lib/modules", other, "weak-updates")
	check(t, os.MkdirAll(filepath.Join(weak, "delta"), 0o755))
	check(t, os.Symlink("usr/lib", filepath.Join(s.Root, "lib")))
	check(t, os.Symlink("/lib/modules/"+name+"/extra/delta.ko", filepath.Join(weak, "delta/delta.ko")))
	check(t, os.Symlink("../../"+name+"/extra/delta.ko", filepath.Join(weak, "again.ko")))
	rep := verify(t, s, Options{Kernel: other})
	want := other + " installed modules on installed: 3\n" + other + " added modules on installed: 2 delta=rejected/different delta=rejected/different\nstrip"
	if got := said(rep); got != want || len(rep.Unread) != 0 {
		t.Errorf("got\n%s\nwant\n%s\nunread %q", got, want, rep.Unread)
	}
	if p := rep.Kernels[0].Meets[1].Wrong[1].Path; p != "weak-updates/delta/delta.ko" {
		t.Error(p)
	}
	check(t, os.Symlink("/nowhere.ko", filepath.Join(weak, "gone.ko")))
	check(t, os.Symlink("round.ko", filepath.Join(weak, "round.ko")))
	rep = verify(t, s, Options{Kernel: other})
	if len(rep.Unread) != 1 || !strings.Contains(rep.Unread[0], "more than 40 links") {
		t.Errorf("a circle: %q", rep.Unread)
	}
	check(t, os.Remove(filepath.Join(weak, "round.ko")))
	rep = verify(t, s, Options{Kernel: other})
	if len(rep.Unread) != 1 || !strings.Contains(rep.Unread[0], "nowhere.ko") {
		t.Errorf("leads nowhere: %q", rep.Unread)
	}
}

// Before a modprobe: one module on the kernel that runs, whatever else is
// installed or unreadable.
func TestModules(t *testing.T) {
	s := machine(t, releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown, Build: btftest.Grown, Strict: true})
	check(t, releasetest.WriteTree(s.Root, releasetest.Kernel{Release: "6.1.0-2-amd64"}.Files()))
	check(t, os.WriteFile(filepath.Join(s.Root, "boot/initrd.img-"+name), []byte("no archive"), 0o644))
	s.boots(t, releasetest.Kernel{Release: name, Key: "k", Strict: true})
	rep := verify(t, s, Options{Modules: []string{"alpha"}})
	if got := said(rep); got != name+" installed modules on running: 1 alpha=rejected/different\nstrip" || len(rep.Unread) != 0 {
		t.Errorf("%s %q", got, rep.Unread)
	}
	rep = verify(t, s, Options{Modules: []string{"alpha"}, Kernel: "6.1.0-2-amd64"})
	if got := said(rep); got != "6.1.0-2-amd64 installed modules on installed: 1\nkeep" {
		t.Errorf("the other kernel: %s", got)
	}
	s.boots(t, releasetest.Kernel{Release: name, Key: "k"})
	rep = verify(t, s, Options{Modules: []string{"beta", "alpha"}})
	if got := said(rep); got != name+" installed modules on running: 2 alpha=dropped/different beta=dropped/different\nkeep" {
		t.Errorf("allowed: %s", got)
	}
	_, err := s.Verify(context.Background(), Options{Modules: []string{"alpha", "no-such"}, Judge: judge.Options{Policy: policy.Default()}})
	if where.KindOf(err) != where.Inconclusive || !strings.Contains(err.Error(), "no module no-such") {
		t.Error(err)
	}
}

// Two kernels, /lib a link to /usr/lib, a folder that a removed kernel left.
func TestKernels(t *testing.T) {
	s := machine(t, releasetest.Kernel{Release: name})
	check(t, releasetest.WriteTree(s.Root, releasetest.Kernel{Release: "6.1.0-2-amd64"}.Files()))
	check(t, os.MkdirAll(filepath.Join(s.Root, "usr/lib/modules/5.10.0-9-amd64/updates"), 0o755))
	check(t, os.Symlink("usr/lib", filepath.Join(s.Root, "lib")))
	moved := filepath.Join(s.Root, "usr/lib/modules", name)
	check(t, os.Rename(moved, filepath.Join(s.Root, "elsewhere")))
	check(t, os.Symlink("../../../elsewhere", moved))
	list, err := s.Kernels()
	check(t, err)
	var got []string
	for _, k := range list {
		got = append(got, k.Release+" "+strings.TrimPrefix(k.Modules, s.Root)+" "+strings.TrimPrefix(strings.Join(k.Configs, " "), s.Root))
	}
	want := []string{"5.10.0-9-amd64 /usr/lib/modules/5.10.0-9-amd64 "}
	for _, r := range []string{name, "6.1.0-2-amd64"} {
		want = append(want, r+" /usr/lib/modules/"+r+" /boot/config-"+r)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	rep := verify(t, s, Options{})
	if len(rep.Kernels) != 2 || rep.Kernels[0].Release != name || rep.Kernels[0].Image != s.Root+"/boot/vmlinuz-"+name || rep.ExitCode != 0 {
		t.Errorf("%s", said(rep))
	}
	check(t, os.Remove(filepath.Join(s.Root, "boot/vmlinuz-"+name)))
	rep = verify(t, s, Options{})
	if len(rep.Kernels) != 2 || rep.Kernels[0].Release != name || rep.Kernels[0].Image != "" || rep.ExitCode != model.ExitInconclusive {
		t.Errorf("a link and no image: %s %q", said(rep), rep.Unread)
	}
}
