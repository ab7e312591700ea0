package health

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/ids"
)

// Flags of kfuncs (include/linux/btf.h). The flags of iterators are for the
// kernel's own check (package verdict), which knows their form.
const (
	Acquire      = 1 << 0  // KF_ACQUIRE: returns a reference
	Release      = 1 << 1  // KF_RELEASE: takes one back
	RetNull      = 1 << 2  // KF_RET_NULL: may return NULL
	ImplicitArgs = 1 << 16 // KF_IMPLICIT_ARGS: the kernel adds an argument (7.0+)
)

// flagNames are the names of the flags by their bits. Bits 3 and 4 were other
// flags of old (KF_KPTR_GET, KF_TRUSTED_ARGS).
var flagNames = map[int]string{
	0: "KF_ACQUIRE", 1: "KF_RELEASE", 2: "KF_RET_NULL", 4: "KF_TRUSTED_ARGS", 5: "KF_SLEEPABLE", 6: "KF_DESTRUCTIVE", 7: "KF_RCU",
	8: "KF_ITER_NEW", 9: "KF_ITER_NEXT", 10: "KF_ITER_DESTROY", 11: "KF_RCU_PROTECTED", 12: "KF_FASTCALL", 16: "KF_IMPLICIT_ARGS",
}

// FlagNames spells flags: "KF_ACQUIRE|KF_RET_NULL", a bit without a name as a
// number, "none" for none.
func FlagNames(flags uint32) string {
	var names []string
	for bit := range 32 {
		if flags&(1<<bit) == 0 {
			continue
		}
		names = append(names, cmp.Or(flagNames[bit], "bit "+strconv.Itoa(bit)))
	}
	return cmp.Or(strings.Join(names, "|"), "none")
}

// Kfunc is one function that a set registers, as its BTF has it.
type Kfunc struct {
	Set   string // "" where nothing names the set
	Index int    // of the set in its file
	Name  string // "" where the id is no function
	Flags uint32
	// Wrong is what is wrong with it, each kind once, in the order of the kinds.
	Wrong []Wrong
}

// Is reports whether something of a kind is wrong with it.
func (k *Kfunc) Is(kind WrongKind) bool { return k.Why(kind) != "" }

// Why is what is wrong with it of a kind, in words; "" for nothing.
func (k *Kfunc) Why(kind WrongKind) string {
	for _, w := range k.Wrong {
		if w.Kind == kind {
			return w.Text
		}
	}
	return ""
}

// Wrong is a fault of a kfunc: its kind and the fact behind it, in words.
type Wrong struct {
	Kind WrongKind
	Text string
}

// WrongKind is what is wrong with a kfunc.
type WrongKind uint8

const (
	// NotThere: the id of the set is no function with a prototype.
	NotThere WrongKind = iota
	// Implicit: the argument that the kernel adds is still in the prototype, or the
	// twin NAME_impl that has it is missing.
	Implicit
	// Flagged: a flag contradicts the prototype.
	Flagged
	// Unusable: no program can call a function of such a prototype.
	Unusable
	// Twice: two functions go by the name, and tools take the first.
	Twice
	// Untagged: the tag bpf_kfunc is missing, though the build writes such tags.
	Untagged
)

// kfuncTag is the declaration tag by which tools know a kfunc.
const kfuncTag = "bpf_kfunc"

// implicitType is the type that an implicit argument points to
// (process_kf_arg of the verifier, 7.0).
const implicitType = "bpf_prog_aux"

// maxArgs is MAX_BPF_FUNC_ARGS (include/linux/bpf.h).
const maxArgs = 12

// maxArgSize is the size of the largest structure that a kfunc takes by value, in
// bytes (btf_distill_func_proto, kernel/bpf/btf.c, 6.1).
const maxArgSize = 16

// Tags are the functions of some BTF that carry the tag of kfuncs.
type Tags map[btf.ID]bool

// TagsOf finds the own functions of r that are tagged.
func TagsOf(r *btf.Raw) Tags {
	out := Tags{}
	for t := range r.Types {
		if t.Kind == btf.DeclTag && int32(t.Word(0)) == -1 {
			if s, _ := r.Str(t.Name); string(s) == kfuncTag {
				out[t.Ref()] = true
			}
		}
	}
	return out
}

// Kfuncs looks up what the sets of a file register: r is the base of an image, or
// the split of a module. tagged reports whether the build writes tags.
func Kfuncs(r *btf.Raw, sets []ids.Set, tags Tags, tagged bool) []Kfunc {
	var out []Kfunc
	for i := range sets {
		s := &sets[i]
		for j, id := range s.IDs {
			if id == 0 {
				continue // BTF_ID_UNUSED, or never resolved: what ids.Faults is for
			}
			k := Kfunc{Set: s.Name, Index: i}
			if j < len(s.PairFlags) {
				k.Flags = s.PairFlags[j]
			}
			look := lookup{r: r, k: &k}
			look.at(btf.ID(id), tagged && !tags[btf.ID(id)])
			out = append(out, k)
		}
	}
	slices.SortStableFunc(out, func(a, b Kfunc) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), strings.Compare(a.Name, b.Name))
	})
	return out
}

// lookup is one kfunc on its way.
type lookup struct {
	r *btf.Raw
	k *Kfunc
}

func (l *lookup) wrong(kind WrongKind, text string) {
	l.k.Wrong = append(l.k.Wrong, Wrong{kind, text})
}

func (l *lookup) at(id btf.ID, untagged bool) {
	f, ok := l.r.Record(id)
	if !ok || f.Kind != btf.Func {
		l.wrong(NotThere, "id "+strconv.Itoa(int(id))+" is no function")
		return
	}
	l.k.Name = l.r.Name(f.Name)
	proto, ok := l.r.Record(f.Ref())
	if !ok || proto.Kind != btf.FuncProto {
		l.wrong(NotThere, "it has no prototype")
		return
	}
	l.implicit(&proto)
	l.flags(&proto)
	if why := l.unusable(&proto); why != "" {
		l.wrong(Unusable, why)
	}
	if n := l.namesakes(); n > 1 {
		l.wrong(Twice, strconv.Itoa(n)+" functions have this name")
	}
	if untagged {
		l.wrong(Untagged, "no tag "+kfuncTag)
	}
}

// implicit: resolve_btfids of 7.0 and later takes the argument out of a kfunc
// with the flag, and keeps the whole prototype under the name of the twin.
func (l *lookup) implicit(proto *btf.Record) {
	if l.k.Flags&ImplicitArgs == 0 {
		return
	}
	_, twin := l.r.Find(btf.Func, l.k.Name+"_impl")
	switch {
	case proto.Vlen > 0 && l.implicitArg(proto):
		l.wrong(Implicit, "its last argument is still struct "+implicitType+" *")
	case !twin:
		l.wrong(Implicit, "there is no function "+l.k.Name+"_impl with all arguments")
	}
}

func (l *lookup) implicitArg(proto *btf.Record) bool {
	_, id := proto.Param(int(proto.Vlen) - 1)
	t := l.skip(id)
	if t.Kind != btf.Ptr {
		return false
	}
	t = l.skip(t.Ref())
	name, _ := l.r.Str(t.Name)
	return t.Kind == btf.Struct && bytes.Equal(name, []byte(implicitType))
}

// nullIsZero are kfuncs with KF_RET_NULL that return a number: the verifier knows
// them by name, and takes 0 for success (check_kfunc_call, 6.15+).
var nullIsZero = map[string]bool{"bpf_res_spin_lock": true, "bpf_res_spin_lock_irqsave": true}

// flags: what a flag promises must be in the prototype.
func (l *lookup) flags(proto *btf.Record) {
	flags := l.k.Flags
	var bad uint32
	what := ""
	if b := flags & (Acquire | RetNull); b != 0 && l.skip(proto.Ref()).Kind != btf.Ptr && !(b == RetNull && nullIsZero[l.k.Name]) {
		bad, what = b, "it returns no pointer"
	}
	if flags&Release != 0 && !l.takesPointer(proto) {
		if what != "" {
			what += ", and "
		}
		bad |= Release
		what += "it takes no pointer"
	}
	if bad != 0 {
		l.wrong(Flagged, FlagNames(bad)+", but "+what)
	}
}

func (l *lookup) takesPointer(proto *btf.Record) bool {
	for i := range int(proto.Vlen) {
		if _, id := proto.Param(i); l.skip(id).Kind == btf.Ptr {
			return true
		}
	}
	return false
}

// unusable mirrors btf_distill_func_proto (kernel/bpf/btf.c, 5.5+), by which the
// verifier reads the prototype of every kfunc that a program calls.
func (l *lookup) unusable(proto *btf.Record) string {
	if proto.Vlen > maxArgs {
		return strconv.Itoa(int(proto.Vlen)) + " arguments, " + strconv.Itoa(maxArgs) + " is the most"
	}
	switch t := l.skip(proto.Ref()); {
	case proto.Ref() == 0, scalar(t.Kind):
	default:
		return "it returns a " + t.Kind.String() + " by value"
	}
	for i := range int(proto.Vlen) {
		_, id := proto.Param(i)
		t := l.skip(id)
		switch {
		case id == 0 && i == int(proto.Vlen)-1:
			return "it takes variable arguments"
		case scalar(t.Kind):
		case t.Kind.Composite() && t.SizeType > 0 && t.SizeType <= maxArgSize:
		default:
			return "argument " + strconv.Itoa(i+1) + " is a " + t.Kind.String() + " of " + strconv.Itoa(int(t.SizeType)) + " bytes"
		}
	}
	return ""
}

// scalar reports whether a value of the kind goes into a register.
func scalar(k btf.Kind) bool {
	return k == btf.Int || k == btf.Enum || k == btf.Enum64 || k == btf.Ptr
}

// namesakes counts the functions of r itself that have the kfunc's name.
func (l *lookup) namesakes() int {
	n := 0
	for t := range l.r.Named(l.k.Name) {
		if t.Kind == btf.Func {
			n++
		}
	}
	return n
}

// maxChain bounds a chain of modifiers; the kernel's own bound is 32.
const maxChain = 64

// skip is the type behind modifiers.
func (l *lookup) skip(id btf.ID) btf.Record {
	t, _ := l.r.Record(id)
	for range maxChain {
		if !t.Kind.Modifier() {
			return t
		}
		t, _ = l.r.Record(t.Ref())
	}
	return t
}
