package vmtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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
func LoadBuild(ctx context.Context, keep func(name string) bool, debs ...string) (*Build, error) {
	dir, err := os.MkdirTemp("", "vmtest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	l := loader{dir: dir, keep: keep}
	if keep == nil {
		l.keep = func(string) bool { return false }
	}
	for _, deb := range debs {
		if err := walkDeb(ctx, deb, l.entry); err != nil {
			return nil, fmt.Errorf("%s: %w", deb, err)
		}
	}
	if err := l.decompress(ctx); err != nil {
		return nil, err
	}
	return l.finish()
}

// loader collects a Build. Compressed modules wait in a folder, so that one
// xz does them all.
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
	cmd := exec.CommandContext(ctx, "xz", "--decompress", "--files0")
	cmd.Stdin = strings.NewReader(list.String())
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("xz: %w: %s", err, msg)
	}
	for i, name := range l.waiting {
		data, err := os.ReadFile(l.file(i))
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

func (l *loader) finish() (*Build, error) {
	b := &l.Build
	slices.SortFunc(b.Modules, func(x, y Module) int { return strings.Compare(x.Path, y.Path) })
	if len(b.Modules) == 0 {
		return b, nil
	}
	_, ko, err := l.pick.Template()
	if err != nil {
		return nil, err
	}
	b.Template = ko
	b.TemplateName, err = ModuleName(ko)
	return b, err
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

// walkDeb gives the regular files of a .deb, by dpkg-deb.
func walkDeb(ctx context.Context, deb string, fn func(name string, r io.Reader) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for t := tar.NewReader(out); err == nil; {
		var h *tar.Header
		if h, err = t.Next(); err == nil && h.Typeflag == tar.TypeReg {
			err = fn(strings.TrimPrefix(path.Clean(h.Name), "/"), t)
		}
	}
	if !errors.Is(err, io.EOF) {
		stop()
		_ = cmd.Wait()
		return err
	}
	_, _ = io.Copy(io.Discard, out) // the padding after the archive
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("dpkg-deb: %w: %s", err, complaint.String())
	}
	return nil
}

// Gone says that the archive no longer has a version.
type Gone struct{ What string }

func (g *Gone) Error() string { return "GONE " + g.What }

// Fetch makes sure that the cache has the packages (SUITE/NAME=VERSION, as
// testdata/real/fetch.sh takes them) and gives their paths. A version that
// left the archive is a *Gone.
func Fetch(ctx context.Context, specs ...string) ([]string, error) {
	out, err := fetchScript(ctx, specs...)
	if err != nil {
		return nil, err
	}
	paths := strings.Split(strings.TrimSpace(out), "\n")
	for _, p := range paths {
		if gone, ok := strings.CutPrefix(p, "GONE "); ok {
			return nil, &Gone{What: gone}
		}
	}
	if len(paths) != len(specs) {
		return nil, fmt.Errorf("fetch.sh: %d packages asked for, %d given", len(specs), len(paths))
	}
	return paths, nil
}

// Newest names the newest package of a suite whose name matches the regular
// expression (POSIX extended), as a spec for Fetch.
func Newest(ctx context.Context, suite, regex string) (spec string, err error) {
	out, err := fetchScript(ctx, "newest", suite, regex, "1")
	if err != nil {
		return "", err
	}
	name, version, ok := strings.Cut(strings.TrimSpace(out), " ")
	if !ok {
		return "", fmt.Errorf("fetch.sh newest: no answer in %q", out)
	}
	return suite + "/" + name + "=" + version, nil
}

func fetchScript(ctx context.Context, args ...string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "testdata/real/fetch.sh"), args...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("fetch.sh %s: %w\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return string(out), nil
}

// moduleRoot is the folder of go.mod, above the folder a test runs in.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
	}
}
