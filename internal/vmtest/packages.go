package vmtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest/wire"
)

// Module is one module of a build.
type Module struct {
	Path string // in the package: "usr/lib/modules/6.12…/kernel/lib/crc7.ko.xz"
	Name string // as the kernel calls it
	BTF  []byte // nil without a .BTF section
	Base []byte // .BTF.base
	Data []byte // the whole module, decompressed, if it was asked for
}

// Build is a kernel with its modules, as its packages have them.
type Build struct {
	Kernel   Kernel
	Modules  []Module // sorted by path
	Template []byte   // see Picker; nil if none would do
	// TemplateName is the name of the template's module.
	TemplateName string
}

// LoadBuild reads the packages of one kernel: the image, or the image and the
// modules where they are apart. keep says of which modules (by name without
// ".ko") the whole contents are kept; nil keeps none.
//
// It reads them with dpkg-deb, archive/tar and xz rather than with this
// program's own readers: a referee should not see the world through the eyes
// it judges.
func LoadBuild(tb testing.TB, keep func(name string) bool, debs ...string) *Build {
	tb.Helper()
	l := loader{dir: tb.TempDir(), keep: keep}
	if keep == nil {
		l.keep = func(string) bool { return false }
	}
	for _, deb := range debs {
		realtest.Walk(tb, deb, l.entry)
	}
	err := l.decompress(tb.Context())
	if err == nil {
		err = l.finish()
	}
	if err != nil {
		tb.Fatalf("%v: %v", debs, err)
	}
	return &l.Build
}

// loader collects a Build. Compressed modules wait in a folder, so that a few
// runs of xz do them all.
type loader struct {
	Build
	dir     string
	keep    func(string) bool
	pick    Picker
	waiting []string // path in the package; the file is called by the index
}

// entry takes from one file of a package what a Build has.
func (l *loader) entry(name string, r io.Reader) error {
	dir, file := path.Split(name)
	switch {
	case strings.HasPrefix(name, "boot/vmlinuz-"):
		l.Kernel.Release = strings.TrimPrefix(file, "vmlinuz-")
	case file == "vmlinuz" && strings.Contains(dir, "lib/modules/"):
		l.Kernel.Release = path.Base(dir)
	case strings.HasSuffix(file, ".ko"):
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return l.module(name, data)
	case strings.HasSuffix(file, ".ko.xz"):
		f, err := os.Create(l.file(len(l.waiting)) + ".xz")
		if err != nil {
			return err
		}
		defer f.Close()
		l.waiting = append(l.waiting, name)
		_, err = io.Copy(f, r)
		return err
	default:
		return nil
	}
	var err error
	l.Kernel.Image, err = io.ReadAll(r)
	return err
}

func (l *loader) file(i int) string { return filepath.Join(l.dir, strconv.Itoa(i)) }

func (l *loader) decompress(ctx context.Context) error {
	if len(l.waiting) == 0 {
		return nil
	}
	var list strings.Builder
	for i := range l.waiting {
		fmt.Fprintf(&list, "%s.xz\x00", l.file(i))
	}
	cmd := exec.CommandContext(ctx, "xargs", "-0", "-n", "200", "-P", strconv.Itoa(runtime.NumCPU()), "xz", "--decompress", "--")
	cmd.Stdin = strings.NewReader(list.String())
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("xz: %w: %s", err, msg)
	}
	for i, name := range l.waiting {
		data, err := os.ReadFile(l.file(i))
		if err == nil {
			err = os.Remove(l.file(i))
		}
		if err == nil {
			err = l.module(name, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) module(name string, data []byte) error {
	l.pick.Add(name, data)
	m, err := readSections(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.Path = name
	if stem, _, _ := strings.Cut(path.Base(name), ".ko"); l.keep(stem) {
		m.Data = data
	}
	l.Modules = append(l.Modules, m)
	return nil
}

func (l *loader) finish() error {
	b := &l.Build
	slices.SortFunc(b.Modules, func(x, y Module) int { return strings.Compare(x.Path, y.Path) })
	if len(b.Modules) == 0 {
		return nil
	}
	_, ko, err := l.pick.Template()
	if err != nil {
		return err
	}
	b.Template = ko
	b.TemplateName, err = ModuleName(ko)
	return err
}

// readSections copies what is kept of a module, so that the rest can go.
func readSections(data []byte) (Module, error) {
	var m Module
	var err error
	if m.Name, err = ModuleName(data); err != nil {
		return m, err
	}
	btf, err := wire.Section(data, ".BTF")
	if err != nil {
		return m, err
	}
	base, err := wire.Section(data, ".BTF.base")
	m.BTF, m.Base = bytes.Clone(btf), bytes.Clone(base)
	return m, err
}
