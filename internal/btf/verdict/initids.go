package verdict

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/btf"
)

// Kfuncs is one set8 of .BTF_ids that a module registers
// (register_btf_kfunc_id_set).
type Kfuncs struct {
	Name      string
	Flags     uint32   // of the set: bit 0 is BTF_SET8_KFUNCS (6.9+)
	IDs       []uint32 // as they are in the file
	PairFlags []uint32 // KF_* of each id; may be shorter than IDs
}

// Registered is what a module's init registers by BTF id.
type Registered struct {
	Kfuncs []Kfuncs
	// Dtors are the ids of destructor functions, every second word of the list
	// given to register_btf_id_dtor_kfuncs. RegistersDtors says that there is
	// such a call, also when its ids could not be located.
	Dtors          []uint32
	RegistersDtors bool
}

// Init is what a module's init does about its BTF ids.
type Init struct {
	OK    bool
	Errno Errno
	Rule  string // "kfunc.missing", "kfunc.func", "kfunc.proto", "dtor.ptr", …
	Text  string // the kernel's words, a warning when OK; "" where it says nothing
	Set   string // the set, "" for destructors
	ID    uint32 // the word in the file
	// Undefined says that the kernel would read outside its map of ids: an
	// errno at best, an oops at worst. See beyond.
	Undefined bool
	// Wild are ids that are no function, or one without prototype, on a kernel
	// that does not look: it makes a callable kfunc of whatever they hit.
	Wild []uint32
}

// String says what init does, in one line.
func (i *Init) String() string {
	if i.OK {
		return "init has the ids it needs"
	}
	where := i.Rule
	if i.Set != "" {
		where += fmt.Sprintf(", set %s", i.Set)
	}
	if i.ID != 0 {
		where += fmt.Sprintf(", id %d", i.ID)
	}
	if i.Undefined {
		return "the kernel reads outside its map of this module's ids: init fails, or the kernel oopses (" + where + ")"
	}
	s := fmt.Sprintf("init fails with %s (%s)", i.Errno, where)
	if i.Text != "" {
		s += ": " + i.Text
	}
	return s
}

const (
	set8Kfuncs  = 1 << 0 // BTF_SET8_KFUNCS
	iterNew     = 1 << 8 // KF_ITER_NEW
	iterNext    = 1 << 9
	iterDestroy = 1 << 10
	maxDtors    = 256 // BTF_DTOR_KFUNC_MAX_CNT
)

// InitMissing is what init does when the module has no BTF that the kernel
// took: stripped, refused with a mismatch allowed, or never there. The kernel
// has module BTF on (__register_btf_kfunc_id_set, check_btf_kconfigs).
func (p *Profile) InitMissing(reg Registered) Init {
	text := "missing module BTF, cannot register kfuncs"
	if p.Distilled { // reworded in 6.11, with check_btf_kconfigs
		text = "missing module BTF, cannot register kfunc"
	}
	ok := Init{OK: true}
	if len(reg.Kfuncs) != 0 && p.KfuncAPI {
		if r, ok := p.setFlags(reg); !ok {
			return r
		}
		if p.KfuncMissing != 0 {
			return Init{Errno: p.KfuncMissing, Rule: "kfunc.missing", Text: text, Set: reg.Kfuncs[0].Name}
		}
		ok.Text = text // a warning then
	}
	if (reg.RegistersDtors || len(reg.Dtors) != 0) && p.DtorAPI && p.DtorMissing != 0 {
		return Init{Errno: p.DtorMissing, Rule: "dtor.missing", Text: "missing module BTF, cannot register dtor kfuncs"}
	}
	return ok
}

// setFlags is the check before any look at BTF (6.9+).
func (p *Profile) setFlags(reg Registered) (Init, bool) {
	for _, k := range reg.Kfuncs {
		if p.KfuncFlags && k.Flags&set8Kfuncs == 0 {
			return Init{Errno: EINVAL, Rule: "kfunc.flags", Set: k.Name}, false
		}
	}
	return Init{}, true
}

// Taken looks a function up by name in the modules that are loaded already and
// gives the module and the id there, "" for none (7.2+).
type Taken func(name string) (module string, id uint32)

// InitIDs is what init returns for a module whose BTF the kernel accepts (see
// Module; anything else is for InitMissing). taken reports whether a module
// that is loaded already has a function of a name; nil for none.
func (b *Base) InitIDs(split, distilled []byte, reg Registered, taken Taken) Init {
	p := &b.profile
	if r, ok := p.setFlags(reg); !ok {
		return r
	}
	if len(split) == 0 || !b.own.OK {
		return p.InitMissing(reg)
	}
	s := newParser(p, &b.rules, b.big)
	defer s.free()
	v := idView{b: b, s: s}
	if distilled != nil && p.Distilled {
		ids, r := b.relocate(s, split, distilled)
		if !r.OK {
			return p.InitMissing(reg)
		}
		v.ids = ids
	} else if r := s.module(split, &b.area); !r.OK {
		return p.InitMissing(reg)
	}
	out := Init{OK: true}
	for _, k := range reg.Kfuncs {
		for i, id := range k.IDs {
			flags := uint32(0)
			if i < len(k.PairFlags) {
				flags = k.PairFlags[i]
			}
			if v.beyond(id) {
				return Init{Errno: EINVAL, Undefined: true, Rule: "kfunc.beyond", Set: k.Name, ID: id}
			}
			rule, text := v.kfunc(id, flags, taken)
			switch {
			case rule == "":
			case !p.KfuncProtoCheck:
				out.Wild = append(out.Wild, id)
			default:
				return Init{Errno: EINVAL, Rule: "kfunc." + rule, Text: text, Set: k.Name, ID: id}
			}
		}
	}
	return v.dtors(reg.Dtors, out)
}

// InitOwn is what the kernel does at boot with its own sets of kfuncs: since 6.4 it
// looks at them as at those of modules, and registers no set that fails.
func (b *Base) InitOwn(sets []Kfuncs) Init {
	if !b.own.OK || !b.profile.KfuncProtoCheck {
		return Init{OK: true}
	}
	s := newParser(&b.profile, &b.rules, b.big)
	defer s.free()
	s.first = b.area.first // no types of its own: every id is the base's
	v := idView{b: b, s: s}
	for _, k := range sets {
		for i, id := range k.IDs {
			flags := uint32(0)
			if i < len(k.PairFlags) {
				flags = k.PairFlags[i]
			}
			if rule := v.form(id, flags); rule != "" {
				return Init{Errno: EINVAL, Rule: "kfunc." + rule, Set: k.Name, ID: id}
			}
		}
	}
	return Init{OK: true}
}

// idView reads types by the ids of a module, moved onto the kernel's base
// where it has a distilled one.
type idView struct {
	b   *Base
	s   *parser
	ids []uint32
}

// beyond: btf_relocate_id (6.11+) takes the word of base_id_map at an id
// without a look at how many there are, one for each id of the distilled base
// and of the module. Ids of a linked module that was distilled afterwards are
// of the whole base and far beyond: a booted 6.12.115 oopsed in 4 of 12 boots,
// else refused with EINVAL what it had found there.
func (v *idView) beyond(id uint32) bool {
	return v.ids != nil && uint64(id) >= uint64(len(v.ids))
}

// typ is btf_type_by_id after btf_relocate_id.
func (v *idView) typ(id uint32) (record, bool) {
	if id >= v.s.first {
		if uint64(id-v.s.first) >= uint64(len(v.s.index)) {
			return record{}, false
		}
		return v.s.at(id), true
	}
	if v.ids != nil && id != 0 {
		id = v.ids[id]
	}
	t, ok := v.b.raw.Record(btf.ID(id))
	name := uint32(t.Name)
	return record{extra: t.Extra, name: name, size: t.SizeType, vlen: t.Vlen, kind: t.Kind, kflag: t.KFlag, pos: baseRecord}, ok
}

// baseRecord marks a record of the kernel's base, whose name offset counts in
// the base's strings.
const baseRecord = ^uint32(0)

func (v *idView) name(t *record) string {
	if t.pos == baseRecord {
		return v.b.raw.Name(btf.StrOff(t.name))
	}
	b, _ := v.s.str(t.name)
	return string(b)
}

// skip is btf_type_skip_modifiers.
func (v *idView) skip(id uint32) (record, bool) {
	t, ok := v.typ(id)
	for i := 0; ok && t.kind.Modifier() && i <= maxChain; i++ {
		t, ok = v.typ(t.size)
	}
	return t, ok
}

// kfunc mirrors btf_check_kfunc_protos: the rule an id breaks, "" for none.
func (v *idView) kfunc(id, flags uint32, taken Taken) (rule, text string) {
	if rule := v.form(id, flags); rule != "" || !v.b.profile.KfuncDuplicate {
		return rule, ""
	}
	f, _ := v.typ(id)
	if text := v.taken(v.name(&f), taken); text != "" {
		return "duplicate", text
	}
	return "", ""
}

// form is kfunc without the names of others.
func (v *idView) form(id, flags uint32) string {
	f, ok := v.typ(id)
	if !ok || f.kind != btf.Func {
		return "func"
	}
	name := v.name(&f)
	if name == "" {
		return "name"
	}
	proto, ok := v.typ(f.size)
	if !ok || proto.kind != btf.FuncProto {
		return "proto"
	}
	if flags&(iterNew|iterNext|iterDestroy) != 0 && !v.iterator(name, &proto, flags) {
		return "iter"
	}
	return ""
}

// taken is what a 7.2+ kernel says when vmlinux or a loaded module has a
// function of the name already; the id is that function's.
func (v *idView) taken(name string, loaded Taken) string {
	if t, ok := v.b.raw.Find(btf.Func, name); ok {
		return fmt.Sprintf("kfunc %s (id: %d) is already present in vmlinux.", name, t.ID)
	}
	if loaded != nil {
		if module, id := loaded(name); module != "" {
			return fmt.Sprintf("kfunc %s (id: %d) is already present in module %s.", name, id, module)
		}
	}
	return ""
}

// iterator mirrors btf_check_iter_kfuncs.
func (v *idView) iterator(name string, proto *record, flags uint32) bool {
	flags &= iterNew | iterNext | iterDestroy
	if flags&(flags-1) != 0 || proto.vlen < 1 {
		return false
	}
	word := func(i uint32) uint32 { return v.s.word(proto.extra[4*i:]) }
	t, ok := v.skip(word(1))
	if !ok || t.kind != btf.Ptr {
		return false
	}
	t, ok = v.skip(t.size)
	if !ok || t.kind != btf.Struct || t.size == 0 || t.size%8 != 0 {
		return false
	}
	iter, ok := strings.CutPrefix(v.name(&t), "bpf_iter_")
	if !ok {
		return false
	}
	suffix := map[uint32]string{iterNew: "new", iterNext: "next", iterDestroy: "destroy"}[flags]
	if name != "bpf_iter_"+iter+"_"+suffix || flags != iterNew && proto.vlen != 1 {
		return false
	}
	switch flags {
	case iterNext:
		t, ok = v.skip(proto.size)
		return ok && t.kind == btf.Ptr
	case iterDestroy:
		t, ok = v.typ(proto.size)
		return ok && t.kind == btf.Void
	}
	return true
}

// dtors mirrors register_btf_id_dtor_kfuncs and btf_check_dtor_kfuncs: void
// of one pointer, no modifier in between.
func (v *idView) dtors(ids []uint32, out Init) Init {
	if len(ids) >= maxDtors {
		return Init{Errno: E2BIG, Rule: "dtor.count", Text: fmt.Sprintf("cannot register more than %d kfunc destructors", maxDtors)}
	}
	for _, id := range ids {
		if v.beyond(id) {
			return Init{Errno: EINVAL, Undefined: true, Rule: "dtor.beyond", ID: id}
		}
		if rule := v.dtor(id); rule != "" {
			return Init{Errno: EINVAL, Rule: "dtor." + rule, ID: id}
		}
	}
	return out
}

func (v *idView) dtor(id uint32) string {
	f, ok := v.typ(id)
	if !ok || f.kind != btf.Func {
		return "func"
	}
	proto, ok := v.typ(f.size)
	if !ok || proto.kind != btf.FuncProto {
		return "proto"
	}
	if t, ok := v.typ(proto.size); !ok || t.kind != btf.Void {
		return "return"
	}
	if proto.vlen != 1 {
		return "args"
	}
	if t, ok := v.typ(v.s.word(proto.extra[4:])); !ok || t.kind != btf.Ptr {
		return "ptr"
	}
	return ""
}
