package manifest

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// RefsSchema is what MarshalRefs writes. ReadRefs reads every document of its
// major version.
const RefsSchema = "kpkg-btf/refs/2.2"

// Refs is what the modules of a release use of its base: with it and the base
// a manifest tells what they mean on another base, although they are missing.
// Its text is one zstd frame around a document (internal/document).
type Refs struct {
	Tool     string     `json:"-"`              // in no digest
	Manifest [32]byte   `json:"manifest"`       // Digest of the manifest it belongs to
	Release  string     `json:"release"`        // of that manifest
	Arch     model.Arch `json:"arch,omitempty"` // of that manifest
	// Modules are those with split BTF that is well-formed on the base.
	Modules []ModuleRefs `json:"-"`
	// Distilled are those with a .BTF.base that their own kernel takes.
	Distilled []DistilledRefs `json:"-"`
}

// ModuleRefs is what one module uses.
type ModuleRefs struct {
	Path string // as in the manifest
	meaning.Refs
	// UnsureIDs: nothing says which words of .BTF_ids are ids; IDs are all that
	// may be one.
	UnsureIDs bool
	// Kfuncs are the names that it registers, ascending; none before schema 2.2.
	Kfuncs []string
}

// RefsName is the name of the file of references that is found beside the
// manifest of this digest.
func RefsName(digest [32]byte) string { return hex.EncodeToString(digest[:]) + ".refs.json.zst" }

// Of finds a module by its path; nil where there is no entry.
func (x *Refs) Of(path string) *ModuleRefs {
	return find(x.Modules, path, func(m *ModuleRefs) string { return m.Path })
}

// find finds an entry by its path in a list that is in their order.
func find[T any](list []T, path string, of func(*T) string) *T {
	i, ok := slices.BinarySearchFunc(list, path, func(x T, p string) int { return strings.Compare(of(&x), p) })
	if !ok {
		return nil
	}
	return &list[i]
}

// Check reports whether these are references of the modules of m. Those of
// another manifest are Usage; what m contradicts is Malformed.
func (x *Refs) Check(m *Manifest) error {
	digest, err := m.Digest()
	switch {
	case err != nil:
		return err
	case digest != x.Manifest:
		return where.New(where.Usage, "these are the references of another manifest, of %s with digest %x", x.Release, x.Manifest)
	case m.Base == nil && len(x.Modules)+len(x.Distilled) > 0:
		return where.New(where.Malformed, "references to a base that the manifest has not")
	}
	kinds := make(map[string]BTFKind, len(m.Modules))
	for i := range m.Modules {
		kinds[m.Modules[i].Path] = m.Modules[i].BTF.Kind
	}
	for i := range x.Modules {
		msg := "the manifest has no such module with split BTF"
		if kinds[x.Modules[i].Path] == BTFSplit {
			msg = x.Modules[i].beyond(m.Base)
		}
		if msg != "" {
			return where.New(where.Malformed, "%s: %s", where.Clean(x.Modules[i].Path), msg)
		}
	}
	return x.checkDistilled(m, kinds)
}

// beyond tells of a reference that the base has not.
func (r *ModuleRefs) beyond(b *Base) string {
	for _, list := range [][]btf.ID{r.Types, r.IDs} {
		if n := len(list); n > 0 && int64(list[n-1]) >= b.Types {
			return fmt.Sprintf("id %d is beyond the base's %d types", list[n-1], b.Types)
		}
	}
	for _, list := range r.Names {
		if n := len(list); n > 0 && int64(list[n-1]) >= b.StrLen {
			return fmt.Sprintf("string offset %d is beyond the base's %d bytes", list[n-1], b.StrLen)
		}
	}
	return ""
}

// pointees are the types that are not embedded.
func (r *ModuleRefs) pointees() []btf.ID {
	var out []btf.ID
	embedded := r.Embedded
	for _, id := range r.Types {
		for len(embedded) > 0 && embedded[0] < id {
			embedded = embedded[1:]
		}
		if len(embedded) == 0 || embedded[0] != id {
			out = append(out, id)
		}
	}
	return out
}
