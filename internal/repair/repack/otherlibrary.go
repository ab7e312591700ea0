package repack

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/pack/rpmhdr"
	"kpkg-btf/internal/where"
)

// otherLibrary lets a library that is not ours read the output where the format's
// own program is not installed. One that cannot has not checked it; one that reads
// something else is right.
func (r *rewrite) otherLibrary(ctx context.Context, p *pack.Package, missing string, file io.Reader) error {
	seen, err := companion.Read(ctx, file)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.report.NotChecked = missing + " is not installed, and " + where.Clean(err.Error())
		return nil
	}
	if p.Kind == pack.Rpm {
		err = r.sameRpm(p, seen)
	} else {
		err = sameMembers(p, seen)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", seen.By, err)
	}
	r.report.CrossChecked = seen.By
	return nil
}

// sameMembers: the members of a .deb as our own reader sees them.
func sameMembers(p *pack.Package, seen *companion.Reading) error {
	own := p.Members()
	if len(own) != len(seen.Members) {
		return fmt.Errorf("%d members, not %d", len(seen.Members), len(own))
	}
	for i := range own {
		sum := sha256.New()
		if _, err := io.Copy(sum, own[i].Content(p.ReaderAt())); err != nil {
			return where.New(where.IO, "%w", err)
		}
		if m := &seen.Members[i]; m.Name != own[i].Name || m.Size != own[i].Size || m.SHA256 != [32]byte(sum.Sum(nil)) {
			return fmt.Errorf("member %d is %s of %d bytes, not %s of %d with this content", i+1, where.Clean(m.Name), m.Size, where.Clean(own[i].Name), own[i].Size)
		}
	}
	return nil
}

// sameRpm: an rpm that is called as the input is, with as many files, each of which
// has the content that its header says.
func (r *rewrite) sameRpm(p *pack.Package, seen *companion.Reading) error {
	if seen.Name != r.p.Name || seen.Version != r.p.Version || seen.Arch != r.p.Arch {
		return fmt.Errorf("it is the package %s %s %s", where.Clean(seen.Name), where.Clean(seen.Version), where.Clean(seen.Arch))
	}
	files := 0
	if names, ok := p.Header().Hdr.Find(rpmhdr.BaseNames); ok {
		files = int(names.Count)
	}
	if seen.Files != files || seen.Fitting != seen.Digests {
		return fmt.Errorf("%d files, not %d; %d of %d have the content that the header says", seen.Files, files, seen.Fitting, seen.Digests)
	}
	return nil
}
