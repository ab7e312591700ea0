package pack

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/deb822"
	"kpkg-btf/internal/where"
)

// Input is one package, tree or file to open.
type Input struct {
	Path string
	// At is where the file lies when that is not at Path, because links lead
	// there in another root than that of this machine; messages name Path.
	At string
	// From is the .changes, .buildinfo or list that named it, or "".
	From string
	// SHA256 and Size are what From says about it; "" and -1 if it does not.
	SHA256 string
	Size   int64
	// Part is a range of the file that is to be read in its place, such as a
	// section of a unified kernel image; nil for the whole.
	Part *Range
}

// Open opens the input. A file whose length is not the listed one is refused
// at once; the listed digest is verified by Walk.
func (in *Input) Open(ctx context.Context, o Options) (*Package, error) {
	if in.Part != nil {
		return openPart(ctx, in.Path, in.at(), *in.Part, o)
	}
	o.SHA256 = in.SHA256
	p, err := openAt(ctx, in.Path, in.at(), o)
	if err == nil && in.Size >= 0 && p.size != in.Size {
		err = where.In(in.Path, where.New(where.Malformed, "%d bytes, but %s says %d", p.size, in.From, in.Size))
		_ = p.Close()
		p = nil
	}
	return p, err
}

func (in *Input) at() string { return cmp.Or(in.At, in.Path) }

// Expand turns the arguments of a command into inputs, in order:
//
//	@FILE        one argument a line; blank lines and lines that begin with "#"
//	             are passed over; relative paths are relative to the working
//	             directory, as if they had been typed. A list names no list.
//	X.changes,   the .deb, .udeb and .ddeb files that its Checksums-Sha256
//	X.buildinfo  lists, which lie beside it; the rest of the upload (source,
//	             logs) is passed over. All of them must be there.
//	FOLDER       itself, a tree; but one that holds packages and none of lib,
//	             usr and boot is a folder of packages: those, in name order
//	else         itself
//
// A file that was named before, under whatever name, is left out; a digest
// that the later name brought is kept.
func Expand(args []string) ([]Input, error) {
	x := &expander{at: map[inode]int{}}
	for _, arg := range args {
		if list, ok := strings.CutPrefix(arg, "@"); ok {
			if err := x.list(list); err != nil {
				return nil, err
			}
			continue
		}
		if err := x.arg(arg, ""); err != nil {
			return nil, err
		}
	}
	return x.inputs, nil
}

type expander struct {
	inputs []Input
	at     map[inode]int
}

func (x *expander) arg(path, from string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".changes", ".buildinfo":
		return where.In(path, x.upload(path))
	}
	packages, err := packagesIn(path)
	if err != nil {
		return where.In(path, err)
	}
	for _, p := range packages {
		if err := x.add(Input{Path: p, From: path, Size: -1}); err != nil {
			return err
		}
	}
	if packages != nil {
		return nil
	}
	return x.add(Input{Path: path, From: from, Size: -1})
}

// packagesIn lists the packages of a folder that is no tree; nil when the path
// is anything else.
func packagesIn(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return nil, nil // Open says what is wrong with it
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, ioError(err)
	}
	var out []string
	for _, e := range entries {
		switch name := e.Name(); {
		case IsName(name):
			if !strings.HasSuffix(name, ".src.rpm") && !e.IsDir() {
				out = append(out, filepath.Join(path, name))
			}
		case name == "lib" || name == "usr" || name == "boot":
			return nil, nil
		}
	}
	return out, nil
}

// add appends an input once.
func (x *expander) add(in Input) error {
	info, err := os.Stat(in.Path)
	if err != nil {
		return where.In(in.Path, ioError(err))
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		x.inputs = append(x.inputs, in)
		return nil
	}
	key := inode{uint64(st.Dev), st.Ino}
	i, again := x.at[key]
	if !again {
		x.at[key] = len(x.inputs)
		x.inputs = append(x.inputs, in)
		return nil
	}
	first := &x.inputs[i]
	if in.SHA256 == "" {
		return nil
	}
	if first.SHA256 != "" && first.SHA256 != in.SHA256 {
		return where.In(in.Path, where.New(where.Malformed, "%s and %s list different digests", first.From, in.From))
	}
	first.SHA256, first.Size = in.SHA256, in.Size
	if first.From == "" {
		first.From = in.From
	}
	return nil
}

// readText reads a small text file.
func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, ioError(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limits.MaxText+1))
	if err != nil {
		return nil, ioError(err)
	}
	if len(text) > limits.MaxText {
		return nil, where.New(where.Limit, "text of more than %d bytes", limits.MaxText)
	}
	return text, nil
}

func (x *expander) list(path string) error {
	text, err := readText(path)
	if err != nil {
		return where.In(path, err)
	}
	at := int64(0)
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		name := string(bytes.TrimSpace(line))
		switch {
		case name == "" || name[0] == '#':
		case name[0] == '@':
			return where.In(path, where.New(where.Usage, "a list names the list %s", shown(name)).At(at))
		case strings.IndexByte(name, 0) >= 0:
			return where.In(path, where.New(where.Usage, "NUL byte in a list of names").At(at))
		default:
			if err := x.arg(name, path); err != nil {
				return where.In(path, err)
			}
		}
		at += int64(len(line)) + 1
	}
	return nil
}

// listed returns what a .changes or .buildinfo lists.
func listed(path string) ([]deb822.Listed, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	if text, err = deb822.Unsigned(text); err != nil {
		return nil, err
	}
	stanza, err := deb822.One(text)
	if err != nil {
		return nil, err
	}
	value := stanza.Get("Checksums-Sha256")
	if value == "" {
		return nil, where.New(where.Malformed, "no field Checksums-Sha256")
	}
	files, err := deb822.Checksums(value)
	return files, where.In("Checksums-Sha256", err)
}

// ListedIn names the .changes and .buildinfo files beside a package that list
// it by name, in name order: a package that differs from what they say makes
// the upload invalid. One that cannot be read is an error, as it may list it.
func ListedIn(path string) ([]string, error) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, where.In(dir, ioError(err))
	}
	var in []string
	for _, e := range entries {
		if ext := strings.ToLower(filepath.Ext(e.Name())); ext != ".changes" && ext != ".buildinfo" {
			continue
		}
		file := filepath.Join(dir, e.Name())
		files, err := listed(file)
		if err != nil {
			return nil, where.In(file, err)
		}
		for _, f := range files {
			if f.Name == name {
				in = append(in, file)
				break
			}
		}
	}
	return in, nil
}

// upload adds the packages of a .changes or .buildinfo.
func (x *expander) upload(path string) error {
	files, err := listed(path)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Name != filepath.Base(f.Name) || f.Name == ".." || f.Name == "." {
			return where.In("Checksums-Sha256", where.New(where.Malformed, "%s is not a plain file name", shown(f.Name)))
		}
		if IsName(f.Name) {
			in := Input{Path: filepath.Join(filepath.Dir(path), f.Name), From: path, SHA256: f.SHA256, Size: f.Size}
			if err := x.add(in); err != nil {
				return err
			}
		}
	}
	return nil
}
