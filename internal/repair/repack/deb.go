package repack

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/pack/ar"
	"kpkg-btf/internal/where"
)

// perm of a package.
const perm = 0o644

// deb rewrites a .deb: data.tar into a scratch file, then control.tar, whose
// digests it decides, then both into the output.
func (r *rewrite) deb(ctx context.Context) error {
	part, err := r.p.PayloadPart()
	if err != nil {
		return err
	}
	how, err := like(part)
	if err != nil {
		return where.In(r.p.Path, err)
	}
	r.digest = md5.New
	s, err := r.payload(ctx, tarArchive, how, nil)
	if err != nil {
		return err
	}
	if r.packed == nil {
		return r.copyInput(perm)
	}
	control, err := r.control(ctx, &s.links)
	if err != nil {
		return where.In(r.p.Path, err)
	}
	members, err := r.debMembers(control)
	if err != nil {
		return where.In(r.p.Path, err)
	}
	return r.publish(perm, func(w io.Writer) error { return writeAr(w, members) }, r.verify(ctx))
}

// arMember is a member of the output.
type arMember struct {
	head    [ar.HeaderLen]byte
	content io.ReaderAt
	off     int64
	size    int64
	pad     byte
}

// debMembers are the members of the input with the changed ones replaced.
// Signatures over the whole (debsigs: _gpgorigin and the like) cannot hold any
// longer and are left out.
func (r *rewrite) debMembers(control []byte) ([]arMember, error) {
	controlPart, err := r.p.ControlPart()
	if err != nil {
		return nil, err
	}
	dataPart, err := r.p.PayloadPart()
	if err != nil {
		return nil, err
	}
	var out []arMember
	for _, m := range r.p.Members() {
		if strings.HasPrefix(m.Name, "_gpg") {
			r.note(fmt.Sprintf("signature %s of the package dropped: it was made over the old content", where.Clean(m.Name)))
			continue
		}
		n := arMember{head: m.Raw, content: r.p.ReaderAt(), off: m.Data, size: m.Size, pad: '\n'}
		switch m.Name {
		case controlPart.Name:
			n.content, n.off, n.size = bytes.NewReader(control), 0, int64(len(control))
		case dataPart.Name:
			n.content, n.off, n.size = r.packed, 0, r.packed.Size()
		default:
			if n.pad, err = r.oldPad(&m); err != nil {
				return nil, err
			}
		}
		if n.size != m.Size {
			if n.head, err = m.Resize(n.size); err != nil {
				return nil, where.In(m.Name, err)
			}
		}
		out = append(out, n)
	}
	return out, nil
}

// oldPad is the byte that fills up an unchanged member.
func (r *rewrite) oldPad(m *ar.Member) (byte, error) {
	if m.Size&1 == 0 {
		return 0, nil
	}
	var b [1]byte
	_, err := r.p.ReaderAt().ReadAt(b[:], m.Data+m.Size)
	if err == io.EOF {
		err = nil
	}
	return b[0], err
}

func writeAr(w io.Writer, members []arMember) error {
	if _, err := io.WriteString(w, ar.Magic); err != nil {
		return err
	}
	for i := range members {
		m := &members[i]
		if _, err := w.Write(m.head[:]); err != nil {
			return err
		}
		if err := copyRange(w, m.content, m.off, m.size); err != nil {
			return err
		}
		if m.size&1 == 1 {
			if _, err := w.Write([]byte{m.pad}); err != nil {
				return err
			}
		}
	}
	return nil
}
