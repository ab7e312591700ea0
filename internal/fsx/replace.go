package fsx

import (
	"bytes"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"kpkg-btf/internal/where"
)

// Target is a file that gets new content in its place.
type Target struct {
	// Names are all the names of the file, each a path: a hard-linked file has
	// several, and they move together.
	Names []string
	// Was is what the file was when its content was read; a file that is
	// another one by now is not replaced.
	Was fs.FileInfo
	// Latest is the latest time of modification the new file may have
	// (SOURCE_DATE_EPOCH); zero means that the old one's is kept as it is.
	Latest time.Time
}

// Replace gives a file new content and keeps mode, owner, time of modification
// and extended attributes: into a new file beside it, synced, read back and
// given to verify, then renamed over each name. Whenever it is interrupted a
// name is the old file or the new one, whole; between two renames of one file
// the new one also stays under temporary names beside those that were not
// reached, from which Resume finishes it.
//
// It refuses (kind Unsupported) a file with names beyond those given, and one
// with an attribute that is a digest of its content (security.ima). Other
// errors are as of WriteFile; opts.Force and opts.Inputs do not count.
func Replace(t Target, write func(io.Writer) error, verify func(r io.ReaderAt, size int64) error, opts Options) error {
	return t.replace(opts, func(r *replacement) error {
		if err := r.fill(write, verify); err != nil {
			return err
		}
		return r.swap()
	})
}

// replace opens what a replacement needs and lets do make it.
func (t Target) replace(opts Options, do func(*replacement) error) error {
	if opts.FS == nil {
		opts.FS = OS{}
	}
	r := &replacement{Target: t, opts: opts}
	defer r.close()
	err := r.open()
	if err == nil {
		err = do(r)
	}
	return where.In(t.Names[0], err)
}

// replacement is one Replace on its way.
type replacement struct {
	Target
	opts  Options
	names []*name
	attrs []Attr
	pub   publication // the new file, beside the first name
	begun bool        // a name was renamed
}

// name is one name of the file in its open directory. link is the temporary
// name of the new file in that directory, "" when there is none.
type name struct {
	dir        Dir
	base, link string
}

func (r *replacement) open() error {
	st, ok := r.Was.Sys().(*syscall.Stat_t)
	if !ok || !r.Was.Mode().IsRegular() {
		return where.New(where.Unsupported, "not a regular file")
	}
	if uint64(st.Nlink) != uint64(len(r.Names)) {
		return where.New(where.Unsupported, "has %d names (hard links), %d of them here: the others would stay as they are", st.Nlink, len(r.Names)).
			WithHint("give the folder that holds all of them, or break the links first (cp --reflink=auto)")
	}
	for _, path := range r.Names {
		dir, base := filepath.Split(path)
		if dir == "" {
			dir = "."
		}
		d, err := r.opts.FS.OpenDir(dir)
		if err != nil {
			return ioError(err)
		}
		r.names = append(r.names, &name{dir: d, base: base})
	}
	r.pub = publication{opts: r.opts, dir: r.names[0].dir, name: r.names[0].base}
	return r.readAttrs()
}

// readAttrs reads the attributes of the old file, and thereby that it is
// still the one it was.
func (r *replacement) readAttrs() error {
	if err := r.unchanged(); err != nil {
		return err
	}
	f, err := r.pub.dir.Open(r.pub.name)
	if err != nil {
		return ioError(err)
	}
	defer f.Close()
	if r.attrs, err = f.Attrs(); err != nil {
		return ioError(err)
	}
	for _, a := range r.attrs {
		if a.Name == "security.ima" {
			return where.New(where.Unsupported, "has the attribute security.ima, a digest of its content").
				WithHint("repair the module before it is measured")
		}
	}
	return nil
}

// unchanged reports whether every name still is the file that was read.
func (r *replacement) unchanged() error {
	was, _ := Identity(r.Was)
	for i, n := range r.names {
		fi, err := n.dir.Lstat(n.base)
		if err != nil {
			return ioError(err)
		}
		if id, _ := Identity(fi); id != was || fi.Size() != r.Was.Size() || !fi.ModTime().Equal(r.Was.ModTime()) {
			return where.New(where.IO, "%s was changed by another process meanwhile", r.Names[i]).WithHint("run again when nothing else writes here")
		}
	}
	return nil
}

func (r *replacement) fill(write func(io.Writer) error, verify func(io.ReaderAt, int64) error) error {
	if err := r.pub.create(0o600); err != nil {
		return err
	}
	r.pub.finish = r.dress
	return r.pub.fillAndRead(write, verify)
}

// dress returns the new file, still open for writing, what the old one had.
func (r *replacement) dress(f File) error {
	st := r.Was.Sys().(*syscall.Stat_t)
	fi, err := f.Stat()
	if err != nil {
		return ioError(err)
	}
	if now, ok := fi.Sys().(*syscall.Stat_t); ok && (now.Uid != st.Uid || now.Gid != st.Gid) {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return keepError("its owner", err)
		}
	}
	if err := f.Chmod(r.Was.Mode()); err != nil {
		return keepError("its mode", err)
	}
	if err := r.dressAttrs(f); err != nil {
		return err
	}
	mtime := r.Was.ModTime()
	if !r.Latest.IsZero() && mtime.After(r.Latest) {
		mtime = r.Latest
	}
	if err := r.pub.dir.Chtimes(r.pub.temp, mtime); err != nil {
		return keepError("its time", err)
	}
	return nil
}

func keepError(what string, err error) error {
	return where.New(where.IO, "%s cannot be kept: %w", what, ioError(err))
}

// dressAttrs makes the attributes equal. A new file may have some already,
// from its directory; labels of a security module are its own matter unless
// the old file had them.
func (r *replacement) dressAttrs(f File) error {
	have, err := f.Attrs()
	if err != nil {
		return ioError(err)
	}
	for _, a := range r.attrs {
		if slices.ContainsFunc(have, func(h Attr) bool { return h.Name == a.Name && bytes.Equal(h.Value, a.Value) }) || a.Name == "security.evm" {
			continue
		}
		if err := f.SetAttr(a); err != nil {
			return keepError("its attribute "+a.Name, err)
		}
	}
	for _, h := range have {
		kept := slices.ContainsFunc(r.attrs, func(a Attr) bool { return a.Name == h.Name })
		if kept || strings.HasPrefix(h.Name, "security.") {
			continue
		}
		if err := f.RemoveAttr(h.Name); err != nil {
			return keepError("the lack of attribute "+h.Name, err)
		}
	}
	return nil
}

// swap puts the new file under every name. What may fail for lack of space is
// done for all names before the first is renamed.
func (r *replacement) swap() error {
	if err := r.link(r.names[1:], r.pub.dir, r.pub.temp); err != nil {
		return err
	}
	// The temporary file is the first name's own link.
	r.names[0].link, r.pub.temp = r.pub.temp, ""
	return r.rename()
}

// link makes the temporary links beside names. They survive a power cut as the
// first rename does, so that it can be told what that was part of.
func (r *replacement) link(names []*name, dir Dir, temp string) error {
	for _, n := range names {
		link := linkName(n.base)
		if err := dir.Link(temp, n.dir, link); err != nil {
			return r.pub.writeError(err)
		}
		n.link = link
	}
	for _, n := range names {
		if err := n.dir.Sync(); err != nil {
			return ioError(err)
		}
	}
	return nil
}

func (r *replacement) rename() error {
	if err := r.unchanged(); err != nil {
		return err
	}
	for _, n := range r.names {
		if err := n.dir.Rename(n.link, n.base, true); err != nil {
			return ioError(err)
		}
		n.link, r.begun = "", true
	}
	for _, n := range r.names {
		if err := n.dir.Sync(); err != nil {
			return where.New(where.IO, "written, but its directory cannot be synced: %w", err)
		}
	}
	return nil
}

// close removes every temporary name that is left, unless it is what Resume
// needs.
func (r *replacement) close() {
	if r.pub.dir != nil {
		r.pub.discard()
	}
	for _, n := range r.names {
		if n.link != "" && !r.begun {
			n.dir.Remove(n.link)
		}
		n.dir.Close()
	}
}
