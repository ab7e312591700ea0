package repair

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/repair/encode"
	"kpkg-btf/internal/repair/modfile"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/where"
)

// tools are what one worker reuses from module to module.
type tools struct {
	dec codec.Decoder
	dis modfile.Distiller
}

var toolbox = sync.Pool{New: func() any { return new(tools) }}

// stored is a module file taken apart.
type stored struct {
	raw     []byte // the file
	format  codec.Format
	plain   []byte // decompressed: raw itself when it is not compressed
	content []byte // without the signature
}

func (t *tools) open(raw []byte) (*stored, error) {
	s := &stored{raw: raw, plain: raw}
	if !elfx.Is(raw) {
		s.format = codec.Detect(raw)
	}
	if s.format != codec.None {
		var err error
		if s.plain, err = t.dec.Decode(nil, s.format, raw, limits.Cap(int64(len(raw)), limits.MaxPacked)); err != nil {
			return nil, where.In(s.format.String(), err)
		}
	}
	var err error
	if s.content, _, err = modsig.Split(s.plain); err != nil {
		return nil, where.In("modsig", err)
	}
	return s, nil
}

// transform does the action of an item to the content of its file, after it
// has made sure that this still is the module that was planned.
func (j *job) transform(it *item, t *tools, s *stored) (*modfile.Result, error) {
	m, err := modfile.Open(s.content)
	if err != nil {
		return nil, err
	}
	if now := bindingOf(m.Facts); now != it.bind {
		return nil, changedMeanwhile(it.bind.difference(now))
	}
	it.mayZero = j.o.Policy.MayZeroIDs(judge.Spellings(it.module)...)
	r, err := j.act(it, t, m)
	if err == nil && len(r.Words) > 0 && !it.mayZero {
		err = where.New(where.Unsupported, "%s would lose ids in .BTF_ids (%s %s, …), and the policy forbids that", it.action, r.Words[0].Kind, r.Words[0].Name).
			WithHint("zero-id-lists in the policy")
	}
	return r, err
}

func changedMeanwhile(how string) error {
	return where.New(where.IO, "changed since it was read: %s", how).WithHint("run again when nothing else writes here")
}

func (j *job) act(it *item, t *tools, m *modfile.Module) (*modfile.Result, error) {
	switch it.action {
	case Strip:
		o := modfile.StripOptions{Neutralize: j.o.Neutralize}
		if it.base != nil {
			o.Base = &it.base.id
		}
		return m.Strip(o)
	case Distill:
		return m.Distill(&t.dis, modfile.DistillOptions{Base: it.base.raw, Stamp: &it.base.id, ForbidZeroing: !it.mayZero})
	case Stamp:
		return m.Stamp(it.base.id, stamp.Asserted)
	case Rebase:
		r, err := j.rebaser(it.base)
		if err != nil {
			return nil, err
		}
		return m.Rebase(r, modfile.RebaseOptions{From: it.base.raw, FromID: it.base.id, Onto: j.onto.id})
	}
	return nil, where.New(where.Internal, "action %q", it.action)
}

// tell notes in the account what the rehearsal made of a module.
func (j *job) tell(it *item, r *modfile.Result) {
	d := &it.done
	switch {
	case it.action == Strip && j.o.Neutralize:
		d.Done = "neutralized"
	case it.action == Strip:
		d.Done = "stripped"
	case it.action == Distill:
		d.Done = "distilled"
	case it.action == Rebase:
		d.Done = "rebased"
	default:
		d.Done = "stamped"
	}
	it.after = r.After
	d.After = hex.EncodeToString(r.After[:])
	d.Signature = string(it.fate)
	d.Blocked = it.foreign
	d.Lost = r.Lost
	for _, c := range r.Sections {
		s := model.RepairSection{Name: c.Name}
		if c.Before != nil {
			s.Before, s.Bytes = hex.EncodeToString(c.Before.SHA256[:]), c.Before.Size
		}
		if c.After != nil {
			s.After, s.BytesAfter = hex.EncodeToString(c.After.SHA256[:]), c.After.Size
		}
		d.Sections = append(d.Sections, s)
	}
	for _, w := range r.Words {
		d.ZeroedIDs = append(d.ZeroedIDs, fmt.Sprintf("%s %s (was %d)", w.Kind, w.Name, w.ID))
	}
}

// rewrite returns the new file of an item: the action done again to the very
// content that was rehearsed, which must give the same, signed where that is
// its fate, compressed as it was.
//
// room returns memory for it; the file returned need not be in it.
func (j *job) rewrite(ctx context.Context, it *item, t *tools, raw []byte, room func(int) []byte) ([]byte, error) {
	s, err := t.open(raw)
	if err != nil {
		return nil, err
	}
	m, err := modfile.Again(s.content, it.before, it.after)
	if err != nil {
		return nil, err
	}
	m.Room = room
	// What the action drops is compared, and what comes out: the rest is in that.
	if now := bindingOf(m.Facts); now != it.bind {
		return nil, changedMeanwhile(it.bind.difference(now))
	}
	r, err := j.act(it, t, m)
	if err != nil {
		return nil, err
	}
	if r.After != it.after {
		if now := sha256.Sum256(s.content); now != it.before {
			return nil, changedMeanwhile(fmt.Sprintf("it was %x… and is %x…", it.before[:6], now[:6]))
		}
		return nil, where.New(where.Internal, "what was rehearsed is not what comes out: %x… and %x…", it.after[:6], r.After[:6])
	}
	out := r.Data
	if it.fate == signing.Resigned {
		if out, err = j.o.Rules.Sign(ctx, out, it.sig); err != nil {
			return nil, err
		}
	}
	return t.compress(ctx, s, out)
}

// compress stores data as the original was stored.
func (t *tools) compress(ctx context.Context, like *stored, data []byte) ([]byte, error) {
	if like.format == codec.None {
		return data, nil
	}
	how, err := encode.Like(like.format, like.raw[:min(len(like.raw), encode.HeadSize)])
	if err != nil {
		return nil, err
	}
	if like.format == codec.Zstd {
		if how.Level, err = zstdLevel(ctx, like, how); err != nil {
			return nil, err
		}
	}
	return encode.Bytes(ctx, data, how)
}

// zstdLevel tells kbuild's level from the one distributions use: the header
// of a file whose size was known says nothing of it, so the original is
// compressed again at kbuild's; if that is more than 1 % longer than it was,
// the higher level made it.
func zstdLevel(ctx context.Context, like *stored, how encode.Settings) (int, error) {
	const kbuild, high = 3, 19
	if how.Level != kbuild {
		return how.Level, nil
	}
	again, err := encode.Bytes(ctx, like.plain, how)
	if err != nil {
		return 0, err
	}
	if len(again) > len(like.raw)+len(like.raw)/100 {
		return high, nil
	}
	return kbuild, nil
}

// accept reads a new file back as a stranger would and fails unless it holds
// exactly the content that was rehearsed and judged, signed as was said, in
// the compression it came in.
func (j *job) accept(it *item, t *tools, file io.ReaderAt, size int64, compression string) error {
	raw := make([]byte, size)
	if n, err := file.ReadAt(raw, 0); int64(n) != size {
		return where.New(where.IO, "%d of %d bytes can be read back: %w", n, size, err)
	}
	return j.acceptBytes(it, t, raw, compression)
}

func (j *job) acceptBytes(it *item, t *tools, raw []byte, compression string) error {
	s, err := t.open(raw)
	if err != nil {
		return notOurs(err)
	}
	format := ""
	if s.format != codec.None {
		format = s.format.String()
	}
	if sum := sha256.Sum256(s.content); sum != it.after || format != compression {
		return where.New(where.Internal, "verification of the written module failed: it holds %x… in %q, not %x… in %q", sum[:6], format, it.after[:6], compression)
	}
	signed := len(s.content) != len(s.plain)
	switch it.fate {
	case signing.Resigned:
		return signing.Verify(s.plain, j.o.Rules.Certificate)
	default:
		if signed {
			return where.New(where.Internal, "verification of the written module failed: it is signed")
		}
	}
	if !bytes.HasPrefix(s.plain, []byte("\x7fELF")) {
		return where.New(where.Internal, "verification of the written module failed: no ELF file")
	}
	return nil
}

func notOurs(err error) error {
	return where.New(where.Internal, "verification of the written module failed: %w", err)
}
