// Package modfile repairs one kernel module in memory: bytes in, other bytes
// and an account of the changes out. Content is an uncompressed module without
// its signature (package modsig splits it off, package codec decompresses);
// putting both back is the caller's part.
//
// What is written is what GNU objcopy writes for the same edit (package
// elfx/edit). Before a result is given it is read back and compared with the
// input: only the sections .BTF, .BTF.base, .BTF_ids and the stamp may differ,
// and section numbers and names as far as they must (Compare).
//
// Nothing here decides: whether a module may be stripped or distilled is for
// packages judge and policy to say.
package modfile

import (
	"crypto/sha256"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/elfx/edit"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/where"
)

// Names of the sections that are edited.
const (
	secBTF  = ".BTF"
	secBase = ".BTF.base"
	secIDs  = ".BTF_ids"
)

// Result is a repaired module.
type Result struct {
	// Data is the new module; the input itself when nothing had to change.
	Data    []byte
	Changed bool
	// Before and After are the SHA-256 of input and Data.
	Before, After [32]byte
	// Sections are the sections whose content differs, in the order of the
	// file; those that were removed before those that were added.
	Sections []SectionChange
	// Words are the words of plain lists in .BTF_ids that were zeroed, by
	// offset: the ids of these types and functions are no longer known to the
	// module. Ids of sets are not among them.
	Words []Word
	// IDs is the number of ids that were given another number.
	IDs int
	// Lost says what no longer works, one sentence each; empty when nothing
	// but the BTF itself is lost.
	Lost []string
}

// SectionChange is one section whose content differs. A nil side says that the
// section is missing.
type SectionChange struct {
	Name          string
	Before, After *Content
}

// Content identifies the content of one section.
type Content struct {
	Size   int64
	SHA256 [32]byte
}

// Word is one word of a plain list in .BTF_ids.
type Word struct {
	List string // by which C code knows the list, "" when no symbol tells
	Kind string // "struct", "func", …
	Name string
	Off  int    // in the section
	ID   uint32 // that it had
}

// Module is a module that was read, to be repaired once.
type Module struct {
	// Facts are those of kmod.Options.BTFOnly.
	Facts *kmod.Facts
	// Room returns memory of n bytes for the result; nil: new memory.
	Room func(n int) []byte

	in     []byte
	res    *Result
	proven *[32]byte
	ids    []byte // .BTF_ids as it will be; nil: as it is
	// unrelocated counts the words zeroed because no kernel relocates them.
	unrelocated int
}

// Open reads a module. It and the result refer to content.
func Open(content []byte) (*Module, error) { return open(content, nil) }

// Again is Open for content of the digest before whose result, of the digest
// proven, was proven in an earlier run. The content is not summed up again.
// The same result is not proven again either, and Result.Sections is empty
// then; another result is proven as ever.
func Again(content []byte, before, proven [32]byte) (*Module, error) {
	m, err := open(content, &before)
	if err != nil {
		return nil, err
	}
	m.proven = &proven
	return m, nil
}

func open(content []byte, known *[32]byte) (*Module, error) {
	f, err := kmod.Parse(content, kmod.Options{BTFOnly: true, Digest: known})
	if err != nil {
		return nil, err
	}
	if f.Sig != nil {
		return nil, where.New(where.Internal, "the signature was not split off").At(f.Size)
	}
	return &Module{Facts: f, in: content, res: &Result{Data: content, Before: f.Digest, After: f.Digest}}, nil
}

// rewrite applies edits, writes the module and proves that nothing else
// changed.
func (m *Module) rewrite(edits func(o *edit.Object) error) (*Result, error) {
	o, err := edit.Open(m.in)
	if err != nil {
		return nil, err
	}
	o.Room = m.Room
	if err := loaded(o.File()); err != nil {
		return nil, err
	}
	if m.ids != nil {
		if err := o.Replace(secIDs, m.ids); err != nil {
			return nil, err
		}
	}
	if err := edits(o); err != nil {
		return nil, err
	}
	out, err := o.Bytes()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(out)
	if m.proven != nil && sum == *m.proven {
		m.res.Data, m.res.Changed, m.res.After = out, sum != m.res.Before, sum
		return m.res, nil
	}
	if _, err := edit.Open(out); err != nil {
		return nil, unproven(err)
	}
	return m.finish(out, sum)
}

// finish compares the new module with the input and completes the account.
func (m *Module) finish(out []byte, sum [32]byte) (*Result, error) {
	changes, err := Compare(m.in, out)
	if err != nil {
		return nil, unproven(err)
	}
	m.res.Sections = changes
	if len(changes) == 0 {
		return m.res, nil
	}
	m.res.Data, m.res.Changed, m.res.After = out, true, sum
	return m.res, nil
}

func unproven(err error) error {
	return where.New(where.Internal, "verification of the rewritten module failed: %w", err)
}

// mark writes the stamp, in place of one that is present.
func mark(o *edit.Object, s stamp.Stamp) error {
	if _, err := o.Remove(stamp.Section); err != nil {
		return err
	}
	return o.Add(stamp.Section, s.Bytes())
}

// Stamp writes into a module which base its BTF was built on, and who says so.
// A module without BTF is left as it is: it has no base. So is one that the
// encoder stamped for this base: somebody's word takes nothing away from proof.
func (m *Module) Stamp(base stamp.Base, by stamp.By) (*Result, error) {
	f := m.Facts
	if f.BTF.Len() == 0 || ProvenOn(f, base) {
		return m.res, nil
	}
	s := stamp.Of(base, by, f.BTF.Bytes(), f.BTFBase.Bytes())
	if string(f.Stamp) == string(s.Bytes()) {
		return m.res, nil
	}
	return m.rewrite(func(o *edit.Object) error { return mark(o, s) })
}

// Stamp is Open and Module.Stamp. The step that encodes a module's BTF calls it
// with stamp.Encoder, as its last act and before the module is signed: content
// is the finished module, base the one that was just encoded against
// (stamp.BaseOf). Anybody else says stamp.Asserted.
func Stamp(content []byte, base stamp.Base, by stamp.By) (*Result, error) {
	m, err := Open(content)
	if err != nil {
		return nil, err
	}
	return m.Stamp(base, by)
}

// ProvenOn reports whether a module carries the encoder's stamp for this base
// over the very BTF it has.
func ProvenOn(f *kmod.Facts, base stamp.Base) bool {
	s, err := stamp.Parse(f.Stamp)
	return err == nil && s.By == stamp.Encoder && *s.Base == base && f.Fits(&s)
}
