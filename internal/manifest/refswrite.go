package manifest

import (
	"encoding/hex"
	"io"
	"strconv"

	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/where"
)

// MarshalRefs gives the canonical text of x, which it does not change. Contents
// that cannot be are an error of kind Internal.
func MarshalRefs(x *Refs) ([]byte, error) {
	c := *x
	c.Modules = sorted(x.Modules, orderRefs)
	if msg := c.fault(); msg != "" {
		return nil, where.New(where.Internal, "references: %s", msg)
	}
	e := &encoder{first: true}
	e.topStr("manifest", hex.EncodeToString(c.Manifest[:]))
	e.topStr("release", c.Release)
	e.topStr("arch", string(c.Arch))
	list(e, "modules", c.Modules, (*encoder).refs)
	text, _ := seal(RefsSchema, c.Tool, e)
	return text, nil
}

// WriteRefs writes the canonical text of x.
func WriteRefs(w io.Writer, x *Refs) error {
	text, err := MarshalRefs(x)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

func (e *encoder) refs(r *ModuleRefs) {
	e.open('{')
	e.str("path", r.Path)
	e.flag("own_types", r.OwnTypes)
	e.flag("own_names", r.OwnNames)
	deltas(e, "embedded", r.Embedded)
	deltas(e, "types", r.pointees())
	deltas(e, "ids", r.IDs)
	e.flag("unsure_ids", r.UnsureIDs)
	for rule, names := range r.Names {
		deltas(e, nameKey(meaning.NameRule(rule)), names)
	}
	e.close('}')
}

// nameKey is the member that holds the offsets of names of one rule.
func nameKey(r meaning.NameRule) string { return r.String() + "_names" }

func deltas[T ~uint32](e *encoder, key string, list []T) {
	if len(list) == 0 {
		return
	}
	e.key(key)
	e.b = append(e.b, '"')
	last := T(0)
	for i, v := range list {
		if i > 0 {
			e.b = append(e.b, ' ')
		}
		e.b = strconv.AppendUint(e.b, uint64(v-last), 10)
		last = v
	}
	e.b = append(e.b, '"')
}
