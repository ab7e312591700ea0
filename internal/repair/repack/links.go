package repack

import (
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// links knows the paths that have come by and the hard links to changed files.
type links struct {
	seen    map[string]bool   // path -> changed
	aliases map[string]string // hard link -> changed file it shares content with
	sets    map[int]bool      // rpm: hard-link set whose content has come -> changed
}

func newLinks() links {
	return links{seen: map[string]bool{}, aliases: map[string]string{}, sets: map[int]bool{}}
}

// see takes in an entry. A path that occurs twice is refused as soon as one of
// them changes: of two the later wins, and no digest would tell which.
func (l *links) see(p *pack.Package, raw *pack.Raw, changed bool) error {
	if err := l.set(p, raw, changed); err != nil {
		return err
	}
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

// set refuses a hard-link set of an rpm that has content more than once, if
// one of them changes.
func (l *links) set(p *pack.Package, raw *pack.Raw, changed bool) error {
	if raw.Index < 0 || raw.Type != pack.Regular {
		return nil
	}
	set := p.HardLinks(raw.Index)
	if len(set) < 2 {
		return nil
	}
	if before, twice := l.sets[set[0]]; twice && (before || changed) {
		return where.New(where.Unsupported, "its hard-link set has its content twice in the payload")
	}
	l.sets[set[0]] = changed
	return nil
}
