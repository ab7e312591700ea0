// Package packtest builds rpm packages for tests, sound ones and, by changing
// their parts, hostile ones. It shares no code with the readers.
package packtest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path"
	"sort"
	"strings"
)

// Tag is one header entry. The value is []uint16, []uint32, []uint64, string,
// []string or []byte.
type Tag struct {
	Tag   uint32
	Value any
}

// Header lays out a header: region tag first, tags by number, the region's
// trailer, then dribbles.
func Header(region uint32, tags, dribbles []Tag) []byte {
	tags = append([]Tag(nil), tags...)
	sort.SliceStable(tags, func(i, j int) bool { return tags[i].Tag < tags[j].Tag })
	var index, store bytes.Buffer
	be := binary.BigEndian
	entry := func(w *bytes.Buffer, tag, typ uint32, off int32, count int) {
		for _, v := range []uint32{tag, typ, uint32(off), uint32(count)} {
			w.Write(be.AppendUint32(nil, v))
		}
	}
	put := func(t Tag) {
		typ, align, count, data := encode(t.Value)
		for store.Len()%align != 0 {
			store.WriteByte(0)
		}
		entry(&index, t.Tag, typ, int32(store.Len()), count)
		store.Write(data)
	}
	for _, t := range tags {
		put(t)
	}
	trailer := store.Len()
	entry(&store, region, 7, -int32(16*(1+len(tags))), 16)
	for _, t := range dribbles {
		put(t)
	}
	var out bytes.Buffer
	out.Write([]byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0})
	out.Write(be.AppendUint32(nil, uint32(1+len(tags)+len(dribbles))))
	out.Write(be.AppendUint32(nil, uint32(store.Len())))
	entry(&out, region, 7, int32(trailer), 16)
	out.Write(index.Bytes())
	out.Write(store.Bytes())
	return out.Bytes()
}

func encode(v any) (typ uint32, align, count int, data []byte) {
	be := binary.BigEndian
	switch v := v.(type) {
	case []uint16:
		for _, n := range v {
			data = be.AppendUint16(data, n)
		}
		return 3, 2, len(v), data
	case []uint32:
		for _, n := range v {
			data = be.AppendUint32(data, n)
		}
		return 4, 4, len(v), data
	case []uint64:
		for _, n := range v {
			data = be.AppendUint64(data, n)
		}
		return 5, 8, len(v), data
	case string:
		return 6, 1, 1, append([]byte(v), 0)
	case []byte:
		return 7, 1, len(v), v
	case []string:
		for _, s := range v {
			data = append(append(data, s...), 0)
		}
		return 8, 1, len(v), data
	}
	panic(fmt.Sprintf("packtest: header value of type %T", v))
}

// File is one file of an rpm.
type File struct {
	Path  string // absolute
	Mode  uint32 // with type bits
	Data  string // content, or the target of a symlink
	Ino   uint32 // 0: one of its own
	Flags uint32
	// Size is what the header says if it is not the length of Data.
	Size int64
	// Absent leaves the file out of the payload.
	Absent bool
}

// Rpm is a package to build. The zero value with files is a sound rpm 4
// package without compression.
type Rpm struct {
	Files    []File
	Stripped bool // 07070X entries and 64-bit sizes, as for files over 4 GiB
	CRC      bool // 070702 entries
	// Compressor is the tag's value, "" leaves it out. Compress makes the
	// payload; nil stores it.
	Compressor string
	Compress   func([]byte) []byte
	// Digest is "sha256", "alt", "md5" or "": what covers the payload.
	Digest string
	// Set replaces or adds general tags, Drop takes some away. SetSig and
	// SigDribbles do so for the signature header.
	Set         []Tag
	Drop        []uint32
	SetSig      []Tag
	SigDribbles []Tag
	// Edit changes the archive before it is compressed and digests are made,
	// EditHeader the general header before its digest is.
	Edit       func([]byte) []byte
	EditHeader func([]byte) []byte
}

// Build puts the package together.
func (r *Rpm) Build() []byte {
	archive := r.Archive()
	if r.Edit != nil {
		archive = r.Edit(archive)
	}
	payload := archive
	if r.Compress != nil {
		payload = r.Compress(archive)
	}
	header := Header(63, r.tags(archive, payload), nil)
	if r.EditHeader != nil {
		header = r.EditHeader(header)
	}
	sig := Header(62, r.sigTags(header, payload), r.SigDribbles)
	lead := make([]byte, 96)
	copy(lead, "\xed\xab\xee\xdb\x03\x00\x00\x00\x00\x01kernel")
	lead[77], lead[79] = 1, 5
	out := append(lead, sig...)
	out = append(out, make([]byte, -len(out)&7)...)
	out = append(out, header...)
	return append(out, payload...)
}

func (r *Rpm) tags(archive, payload []byte) []Tag {
	var sizes32, inodes, mtimes, flags, dirs []uint32
	var sizes64 []uint64
	var modes []uint16
	var bases, dirNames, links, users []string
	at := map[string]uint32{}
	for i, f := range r.Files {
		size := f.Size
		if size == 0 {
			size = int64(len(f.Data))
		}
		sizes32, sizes64 = append(sizes32, uint32(size)), append(sizes64, uint64(size))
		modes, flags, mtimes = append(modes, uint16(f.Mode)), append(flags, f.Flags), append(mtimes, 1700000000)
		inodes = append(inodes, f.inode(i))
		dir, base := path.Split(f.Path)
		if _, ok := at[dir]; !ok {
			at[dir] = uint32(len(dirNames))
			dirNames = append(dirNames, dir)
		}
		dirs, bases, users = append(dirs, at[dir]), append(bases, base), append(users, "root")
		links = append(links, map[bool]string{true: f.Data}[f.Mode&0o170000 == 0o120000])
	}
	tags := []Tag{{1000, "kernel"}, {1001, "6.1"}, {1002, "1"}, {1022, "x86_64"}, {1044, "kernel-6.1-1.src.rpm"}, {1124, "cpio"}}
	if len(r.Files) > 0 {
		tags = append(tags, Tag{1030, modes}, Tag{1034, mtimes}, Tag{1036, links}, Tag{1037, flags}, Tag{1039, users}, Tag{1040, users},
			Tag{1096, inodes}, Tag{1116, dirs}, Tag{1117, bases}, Tag{1118, dirNames})
		if r.Stripped {
			tags = append(tags, Tag{5008, sizes64})
		} else {
			tags = append(tags, Tag{1028, sizes32})
		}
	}
	if r.Compressor != "" {
		tags = append(tags, Tag{1125, r.Compressor})
	}
	switch r.Digest {
	case "sha256":
		tags = append(tags, Tag{5092, []string{sum(payload)}}, Tag{5093, []uint32{8}})
	case "alt":
		tags = append(tags, Tag{5097, []string{sum(archive)}}, Tag{5093, []uint32{8}})
	}
	return change(tags, r.Set, r.Drop)
}

func (r *Rpm) sigTags(header, payload []byte) []Tag {
	tags := []Tag{{273, sum(header)}, {1000, []uint32{uint32(len(header) + len(payload))}}}
	if r.Digest == "md5" {
		m := md5.Sum(append(append([]byte(nil), header...), payload...))
		tags = append(tags, Tag{1004, m[:]})
	}
	return change(tags, r.SetSig, nil)
}

func change(tags, set []Tag, drop []uint32) []Tag {
	gone := map[uint32]bool{}
	for _, d := range drop {
		gone[d] = true
	}
	for _, s := range set {
		gone[s.Tag] = true
	}
	var out []Tag
	for _, t := range tags {
		if !gone[t.Tag] {
			out = append(out, t)
		}
	}
	for _, s := range set {
		if s.Value != nil {
			out = append(out, s)
		}
	}
	return out
}

func sum(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

func (f *File) inode(i int) uint32 {
	if f.Ino != 0 {
		return f.Ino
	}
	return uint32(1000 + i)
}

// Archive is the cpio archive of the files.
func (r *Rpm) Archive() []byte {
	var b bytes.Buffer
	names := map[uint32]int{}
	for i := range r.Files {
		names[r.Files[i].inode(i)]++
	}
	met := map[uint32]int{}
	for i, f := range r.Files {
		if f.Absent {
			continue
		}
		data, ino := f.Data, f.inode(i)
		if met[ino]++; met[ino] < names[ino] {
			data = "" // the last name of a set has the content
		}
		if r.Stripped {
			fmt.Fprintf(&b, "07070X%08x", i)
			pad(&b)
		} else {
			Newc(&b, map[bool]string{false: "070701", true: "070702"}[r.CRC], "."+f.Path, f.Mode, ino, uint32(names[ino]), data)
			continue
		}
		b.WriteString(data)
		pad(&b)
	}
	Newc(&b, "070701", "TRAILER!!!", 0, 0, 1, "")
	return b.Bytes()
}

// Newc writes one entry of the newc format.
func Newc(b *bytes.Buffer, magic, name string, mode, ino, nlink uint32, data string) {
	var crc uint32
	if magic == "070702" {
		for _, c := range []byte(data) {
			crc += uint32(c)
		}
	}
	b.WriteString(magic)
	for _, v := range []uint32{ino, mode, 0, 0, nlink, 1700000000, uint32(len(data)), 0, 0, 0, 0, uint32(len(name) + 1), crc} {
		fmt.Fprintf(b, "%08x", v)
	}
	b.WriteString(name + "\x00")
	pad(b)
	b.WriteString(data)
	pad(b)
}

func pad(b *bytes.Buffer) { b.WriteString(strings.Repeat("\x00", -b.Len()&3)) }
