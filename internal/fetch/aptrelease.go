package fetch

import (
	"context"
	"net/http"
	"path"
	"strings"
	"time"

	"kpkg-btf/internal/pack/deb822"
	"kpkg-btf/internal/where"
)

// aptRelease is what InRelease says of a suite.
type aptRelease struct {
	dir    string // address of its folder, with a slash
	date   string // as it stands there, "" without one
	byHash bool
	files  map[string]deb822.Listed
}

// release brings and verifies the InRelease of the suite. Without a keyring a
// Release without signature does.
func (a *Apt) release(ctx context.Context) (*aptRelease, error) {
	dir := a.dir()
	at := dir + "InRelease"
	file, err := a.Client.small(ctx, at)
	if gone(err) && a.Keys == nil {
		at = dir + "Release"
		file, err = a.Client.small(ctx, at)
	}
	if err != nil {
		return nil, err
	}
	text, err := a.Keys.inline(file)
	if err != nil {
		return nil, where.In(shown(at), err)
	}
	rel, err := a.parseRelease(text)
	if err != nil {
		return nil, where.In(shown(at), err)
	}
	if err := a.remember(rel.date); err != nil {
		return nil, where.In(shown(at), err)
	}
	rel.dir = dir
	return rel, nil
}

// dir: a suite that ends in a slash is a folder below the address (flat
// repositories, sources.list(5)).
func (a *Apt) dir() string {
	base := strings.TrimSuffix(a.URL, "/") + "/"
	if a.flat() {
		return base + strings.TrimPrefix(path.Clean("/"+a.Suite)+"/", "/")
	}
	return base + "dists/" + a.Suite + "/"
}

func (a *Apt) flat() bool { return strings.HasSuffix(a.Suite, "/") }

func (a *Apt) parseRelease(text []byte) (*aptRelease, error) {
	s, err := deb822.One(text)
	if err != nil {
		return nil, err
	}
	if err := a.sameSuite(s); err != nil {
		return nil, err
	}
	if err := a.fresh(s); err != nil {
		return nil, err
	}
	list, err := deb822.Checksums(s.Get("SHA256"))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, where.New(where.Unsupported, "no SHA256 field: an archive that cannot be verified")
	}
	rel := &aptRelease{date: s.Get("Date"), byHash: strings.EqualFold(s.Get("Acquire-By-Hash"), "yes"), files: make(map[string]deb822.Listed, len(list))}
	for _, l := range list {
		rel.files[l.Name] = l
	}
	return rel, nil
}

// sameSuite refuses the signed InRelease of another suite in this one's place.
func (a *Apt) sameSuite(s deb822.Stanza) error {
	suite, codename := s.Get("Suite"), s.Get("Codename")
	asked := strings.TrimSuffix(a.Suite, "/updates")
	if a.flat() || suite == "" && codename == "" {
		return nil
	}
	for _, is := range []string{suite, codename} {
		if is = strings.TrimSuffix(is, "/updates"); is != "" && is == asked {
			return nil
		}
	}
	return where.New(where.Malformed, "it is of suite %s (%s), asked for was %s", where.Clean(suite), where.Clean(codename), a.Suite)
}

// fresh refuses a Release beyond its Valid-Until: an attacker who cannot sign
// can still serve what was true once.
func (a *Apt) fresh(s deb822.Stanza) error {
	v := s.Get("Valid-Until")
	if v == "" {
		return nil
	}
	until, err := releaseTime(v)
	if err != nil {
		return where.New(where.Malformed, "Valid-Until %s is not a date", where.Clean(v))
	}
	now := time.Now()
	if a.Now != nil {
		now = a.Now()
	}
	if now.After(until) && a.Expired != nil {
		a.Expired(shown(a.dir()), "expired, valid until "+v)
		return nil
	}
	if now.After(until) {
		return where.New(where.Malformed, "expired: valid until %s", where.Clean(v)).
			WithHint("a stale mirror, or the clock of this machine is wrong; of a snapshot, --allow-expired takes it")
	}
	return nil
}

// releaseTime reads RFC 1123 dates as archives write them: UTC, a day of one
// digit or two.
func releaseTime(v string) (time.Time, error) {
	for _, layout := range []string{"Mon, _2 Jan 2006 15:04:05 MST", "Mon, _2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, nil
		}
	}
	return http.ParseTime(v)
}
