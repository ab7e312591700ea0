package repack

import (
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// links knows the paths that have come by and the hard links to changed files.
type links struct {
	seen    map[string]bool   // path -> changed
	aliases map[string]string // hard link -> changed file it shares content with
}

func newLinks() links { return links{seen: map[string]bool{}, aliases: map[string]string{}} }

// see takes in an entry. A path that occurs twice is refused as soon as one of
// them changes: of two the later wins, and no digest would tell which.
func (l *links) see(raw *pack.Raw, changed bool) error {
	if before, twice := l.seen[raw.Path]; twice && (before || changed) {
		return where.New(where.Unsupported, "is in the package twice: a change could not be told from the other")
	}
	if raw.Type == pack.Hardlink && raw.Index < 0 && l.seen[raw.Link] {
		changed = true
		l.aliases[raw.Path] = raw.Link
		if first, ok := l.aliases[raw.Link]; ok {
			l.aliases[raw.Path] = first
		}
	}
	l.seen[raw.Path] = changed
	return nil
}
