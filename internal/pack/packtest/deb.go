package packtest

import (
	"archive/tar"
	"bytes"
	"crypto/md5"
	"fmt"
	"strings"
	"time"

	"github.com/blakesmith/ar"
)

// Stamp is the time of everything in a Deb.
var Stamp = time.Unix(1700000000, 0).UTC()

// Entry is one entry of a Deb's data.tar: a header, of which Size is filled
// in, and content.
type Entry struct {
	tar.Header
	Data string
}

// Reg is a regular file.
func Reg(name, data string) Entry {
	return Entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Uname: "root", Gname: "root", ModTime: Stamp}, data}
}

// Special is an entry without content.
func Special(name string, flag byte, link string) Entry {
	return Entry{tar.Header{Name: name, Typeflag: flag, Mode: 0o755, Linkname: link, Uname: "root", Gname: "root", ModTime: Stamp}, ""}
}

// ArMember is a further member of a Deb.
type ArMember struct{ Name, Data string }

// Deb is a Debian package to build.
type Deb struct {
	Files []Entry
	// Ext is ".xz", ".zst" and so on for data.tar and control.tar; Compress
	// makes them. Both empty: stored.
	Ext      string
	Compress func([]byte) []byte
	// Control is the control file; "" makes a sound one whose Installed-Size
	// is dpkg's.
	Control string
	// MD5s replaces the file md5sums unless empty.
	MD5s string
	// Extra members stand between control and data, After behind them.
	Extra, After []ArMember
	// EditTar changes data.tar before it is compressed.
	EditTar func([]byte) []byte
}

// Tar is an archive of the entries.
func Tar(entries []Entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := e.Header
		h.Size = int64(len(e.Data))
		must(w.WriteHeader(&h))
		_, err := w.Write([]byte(e.Data))
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

func must(err error) {
	if err != nil {
		panic("packtest: " + err.Error())
	}
}

// Build puts the package together.
func (d *Deb) Build() []byte {
	compress := d.Compress
	if compress == nil {
		compress = func(b []byte) []byte { return b }
	}
	data := Tar(d.Files)
	if d.EditTar != nil {
		data = d.EditTar(data)
	}
	members := append([]ArMember{{"debian-binary", "2.0\n"}, {"control.tar" + d.Ext, string(compress(d.controlTar()))}}, d.Extra...)
	members = append(append(members, ArMember{"data.tar" + d.Ext, string(compress(data))}), d.After...)
	var b bytes.Buffer
	w := ar.NewWriter(&b)
	must(w.WriteGlobalHeader())
	for _, m := range members {
		must(w.WriteHeader(&ar.Header{Name: m.Name, ModTime: Stamp, Mode: 0o100644, Size: int64(len(m.Data))}))
		_, err := w.Write([]byte(m.Data)) // one Write a member: two odd ones corrupt it
		must(err)
	}
	return b.Bytes()
}

func (d *Deb) controlTar() []byte {
	var sums strings.Builder
	size := 0
	content := map[string]string{}
	for _, e := range d.Files {
		name := strings.TrimPrefix(e.Name, "./")
		switch e.Typeflag {
		case tar.TypeReg:
			size += (len(e.Data) + 1023) / 1024
			content[name] = e.Data
		case tar.TypeLink:
			content[name] = content[strings.TrimPrefix(e.Linkname, "./")]
		case tar.TypeSymlink:
			size += (len(e.Linkname) + 1023) / 1024
			continue
		default:
			size++
			continue
		}
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum([]byte(content[name])), name)
	}
	control, md5s := d.Control, d.MD5s
	if control == "" {
		control = fmt.Sprintf("Package: linux-image-test\nSource: linux (6.1.1-1)\nVersion: 6.1.1-1+b1\nArchitecture: amd64\n"+
			"Maintainer: T <t@example.org>\nInstalled-Size: %d\nDescription: a kernel\n in two lines\n", size)
	}
	if md5s == "" {
		md5s = sums.String()
	}
	return Tar([]Entry{Special("./", tar.TypeDir, ""), Reg("./control", control), Reg("./md5sums", md5s), Reg("./triggers", "activate-noawait x\n")})
}
