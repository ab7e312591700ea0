package fetch

import (
	"strings"

	"kpkg-btf/internal/where"
)

// Place says where published packages are, in words that another program can be
// given. Open makes a Source of it.
type Place struct {
	// At is an address, or the path of a folder.
	At string `json:"at"`
	// Suite is that of an apt archive, with one component and architecture.
	// Without it an address is an rpm-md repository, of Arches or of all.
	Suite     string   `json:"suite,omitempty"`
	Component string   `json:"component,omitempty"`
	Arches    []string `json:"arches,omitempty"`
	// Keyring is the file with the keys that may sign, "" for no verification.
	Keyring string `json:"keyring,omitempty"`
	// Expired takes an InRelease beyond its Valid-Until, Older one that is older than
	// what was taken before.
	Expired bool `json:"expired,omitempty"`
	Older   bool `json:"older,omitempty"`
}

// Open makes the sources of some places. allowed is told of each InRelease that
// is taken although it is expired or older, what it is, and by which flag.
func (c *Client) Open(places []Place, allowed func(at, what, flag string)) ([]Source, error) {
	rings := map[string]*Keyring{}
	var out []Source
	for i := range places {
		p := &places[i]
		if !strings.Contains(p.At, "://") {
			out = append(out, &Folder{Path: p.At})
			continue
		}
		var keys *Keyring
		if p.Keyring != "" {
			if rings[p.Keyring] == nil {
				k, err := ReadKeyring(p.Keyring)
				if err != nil {
					return nil, err
				}
				rings[p.Keyring] = k
			}
			keys = rings[p.Keyring]
		}
		if p.Suite == "" {
			out = append(out, &RpmMD{Client: c, URL: p.At, Arches: p.Arches, Keys: keys})
			continue
		}
		if len(p.Arches) != 1 {
			return nil, where.In(p.At, where.New(where.Internal, "an apt archive of %d architectures", len(p.Arches)))
		}
		one := &Apt{Client: c, URL: p.At, Suite: p.Suite, Component: p.Component, Arch: p.Arches[0], Keys: keys}
		if p.Expired {
			one.Expired = func(at, what string) { allowed(at, what, "--allow-expired") }
		}
		if p.Older {
			one.Older = func(at, what string) { allowed(at, what, "--allow-older") }
		}
		out = append(out, one)
	}
	return out, nil
}
