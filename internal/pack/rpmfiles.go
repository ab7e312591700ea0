package pack

import (
	"strconv"
	"time"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/rpmhdr"
	"kpkg-btf/internal/where"
)

// rpmFile is one line of the header's file list.
type rpmFile struct {
	path         string
	size         int64
	mode         uint32 // with the file type bits
	mtime        int64
	owner, group string
	link         string
	ghost        bool
	missingOK    bool
	// last is the index of the last file of the hard-link set, which has the
	// set's content; its own index for a file with one name.
	last int
}

// flagMissingOK: the file need not be there (RPMFILE_MISSINGOK).
const flagMissingOK = 1 << 3

// File type bits of a mode.
const (
	modeType = 0o170000
	modeReg  = 0o100000
	modeDir  = 0o040000
	modeLink = 0o120000
)

// columns are the tags of the file list, one value a file.
type columns struct {
	h   *rpmhdr.Header
	n   int
	err error
}

func (c *columns) fits(tag rpmhdr.Tag, n int, err error) bool {
	if c.err == nil && err == nil && n != 0 && n != c.n {
		err = where.New(where.Malformed, "rpm header tag %d has %d values for %d files", tag, n, c.n)
	}
	if c.err == nil {
		c.err = err
	}
	return c.err == nil && n != 0
}

func (c *columns) ints(tag rpmhdr.Tag, set func(i int, v uint64)) bool {
	all, err := c.h.Ints(tag)
	if !c.fits(tag, len(all), err) {
		return false
	}
	for i, v := range all {
		set(i, v)
	}
	return true
}

func (c *columns) texts(tag rpmhdr.Tag, set func(i int, v string)) {
	all, err := c.h.Texts(tag)
	if !c.fits(tag, len(all), err) {
		return
	}
	for i, v := range all {
		set(i, v)
	}
}

// readRpmFiles reads the file list.
func readRpmFiles(h *rpmhdr.Header) ([]rpmFile, error) {
	paths, err := rpmPaths(h)
	if err != nil {
		return nil, err
	}
	files := make([]rpmFile, len(paths))
	for i, path := range paths {
		if files[i].path, err = cleanPath(path, true); err != nil {
			return nil, err
		}
	}
	c := &columns{h: h, n: len(files)}
	if !c.ints(rpmhdr.LongFileSizes, func(i int, v uint64) { files[i].size = int64(v) }) {
		c.need(rpmhdr.FileSizes, c.ints(rpmhdr.FileSizes, func(i int, v uint64) { files[i].size = int64(v) }))
	}
	c.need(rpmhdr.FileModes, c.ints(rpmhdr.FileModes, func(i int, v uint64) { files[i].mode = uint32(v & 0xffff) }))
	c.ints(rpmhdr.FileMtimes, func(i int, v uint64) { files[i].mtime = int64(v) })
	c.texts(rpmhdr.FileUserName, func(i int, v string) { files[i].owner = v })
	c.texts(rpmhdr.FileGroupName, func(i int, v string) { files[i].group = v })
	c.texts(rpmhdr.FileLinktos, func(i int, v string) { files[i].link = v })
	c.ints(rpmhdr.FileFlags, func(i int, v uint64) {
		files[i].ghost, files[i].missingOK = v&rpmhdr.FlagGhost != 0, v&flagMissingOK != 0
	})
	c.linkSets(files)
	for i := range files {
		if c.err == nil && (files[i].size < 0 || files[i].size > limits.MaxPayload) {
			c.err = where.New(where.Limit, "rpm header says %s has %d bytes", shown(files[i].path), uint64(files[i].size))
		}
	}
	return files, c.err
}

// need makes an absent column an error where there are files.
func (c *columns) need(tag rpmhdr.Tag, there bool) {
	if c.err == nil && !there && c.n > 0 {
		c.err = where.New(where.Malformed, "rpm header tag %d is missing", tag)
	}
}

// linkSets finds regular files that share device and inode
// (rpmfilesBuildNLink).
func (c *columns) linkSets(files []rpmFile) {
	keys := make([]inode, len(files))
	inodes := c.ints(rpmhdr.FileInodes, func(i int, v uint64) { keys[i].ino = v })
	c.ints(rpmhdr.FileDevices, func(i int, v uint64) { keys[i].dev = v })
	lasts := make(map[inode]int)
	for i := len(files) - 1; i >= 0; i-- {
		files[i].last = i
		if !inodes || files[i].ghost || files[i].mode&modeType != modeReg {
			continue
		}
		if last, ok := lasts[keys[i]]; ok {
			files[i].last = last
		} else {
			lasts[keys[i]] = i
		}
	}
}

// rpmPaths puts the paths together: DIRNAMES[DIRINDEXES[i]] + BASENAMES[i],
// or the whole names of packages before rpm 4.0.
func rpmPaths(h *rpmhdr.Header) ([]string, error) {
	if h.Has(rpmhdr.OldFilenames) {
		return h.Texts(rpmhdr.OldFilenames)
	}
	dirs, err := h.Texts(rpmhdr.DirNames)
	if err != nil {
		return nil, err
	}
	names, err := h.Texts(rpmhdr.BaseNames)
	if err != nil {
		return nil, err
	}
	indexes, err := h.Ints(rpmhdr.DirIndexes)
	if err != nil {
		return nil, err
	}
	if len(indexes) != len(names) {
		return nil, where.New(where.Malformed, "rpm header has %d base names and %d directory indexes", len(names), len(indexes))
	}
	for i, d := range indexes {
		if d >= uint64(len(dirs)) {
			return nil, where.New(where.Malformed, "rpm header file #%d is in directory #%d of %d", i, d, len(dirs))
		}
		if len(dirs[d])+len(names[i]) > limits.MaxName {
			return nil, where.New(where.Limit, "entry name of %d bytes", len(dirs[d])+len(names[i]))
		}
		names[i] = dirs[d] + names[i]
	}
	return names, nil
}

// entry is a file of the list as an entry of the payload.
func (f *rpmFile) entry(member string) *Entry {
	e := &Entry{
		Path: f.path, Member: member, Mode: f.mode & 0o7777, Type: Other,
		ModTime: time.Unix(f.mtime, 0).UTC(), Owner: f.owner, Group: f.group,
	}
	switch f.mode & modeType {
	case modeReg:
		e.Type = Regular
	case modeDir:
		e.Type = Directory
	case modeLink:
		e.Type, e.Link = Symlink, f.link
	}
	if f.ghost {
		e.Type = Ghost
	}
	return e
}

func (f *rpmFile) modeText() string { return strconv.FormatUint(uint64(f.mode), 8) }
