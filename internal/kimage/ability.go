package kimage

import (
	"bytes"
	"fmt"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/tri"
)

// Texts of the kernel that tell an ability (docs/kernel-rules.md, "Abilities"); all are
// literals in kernel/bpf/btf.c or kernel/module/.
const (
	textRefuses   = "failed to validate module ["                                       // btf_module_notify, 5.11+
	textMismatch  = "Kernel module BTF mismatch detected"                               // the same with MODULE_ALLOW_BTF_MISMATCH=y, 6.3+
	textDistilled = "distilled base BTF type '"                                         // btf_relocate.c, 6.11+
	textTagOrder  = "Type tags don't precede modifiers"                                 // btf_check_type_tags, 5.19 to 7.1
	textChain     = "Max chain length or cycle detected"                                // also btf_check_modifier_chain_length, 7.2+
	textMissing   = "missing module BTF, cannot register "                              // register_btf_kfunc_id_set and others, 5.18+
	textDuplicate = "kfunc %s (id: %d) is already present in "                          // 7.2+
	textSignature = "module verification failed: signature and/or required key missing" // kernel/module/main.c, MODULE_SIG
)

// evidence is what abilities are decided from.
type evidence struct {
	k     *kernel
	p     probe
	texts bool // the image holds the kernel's literals, so a missing text counts
}

// abilities decides what the kernel does with module BTF.
func (k *kernel) abilities(f *Facts, base *btf.Raw) ability.Set {
	e := evidence{k: k, p: probeBase(base), texts: f.Banner != ""}
	var a ability.Set
	a.ModuleBTF = e.moduleBTF()
	a.Distilled = e.either(textDistilled, true, fnRelocate)
	a.TagOrder = e.either(textTagOrder, false, fnTypeTags)
	a.ChainLength = e.either(textChain, false, fnTypeTags, fnChainLength)
	a.KfuncDuplicate = e.either(textDuplicate, false)
	e.orders(&a)
	a.MaxKind = e.p.number(e.p.maxKind, "enumerator BTF_KIND_MAX")
	a.HeaderSize = e.p.number(e.p.headerSize, "size of struct btf_header")
	a.KsymNameLen = e.p.number(e.p.ksymLen, "length of bpf_ksym.name")
	a.KfuncMissing, a.DtorMissing = e.missing(a)
	a.KfuncProtoCheck = e.protoCheck(a.ModuleBTF)
	a.AllowMismatch = e.allowMismatch(f, a)
	a.SigModule = e.either(textSignature, true, fnSigCheck, fnVerifySig)
	return a
}

// either decides by a text and by functions in the base. Without both the
// answer is No if the image has texts, or if a missing function counts, which
// is so for functions the compiler cannot inline away.
func (e *evidence) either(text string, counts bool, fns ...int) ability.Fact {
	if off, ok := e.k.find(text); ok {
		return ability.Fact{Is: tri.Yes, Evidence: fmt.Sprintf("text %q at 0x%x", text, off)}
	}
	for _, fn := range fns {
		if e.p.fn[fn] {
			return ability.Fact{Is: tri.Yes, Evidence: "FUNC " + fnNames[fn]}
		}
	}
	switch {
	case e.texts:
		return ability.Fact{Is: tri.No, Evidence: fmt.Sprintf("no text %q", text)}
	case e.p.has && counts && len(fns) > 0:
		return ability.Fact{Is: tri.No, Evidence: "no FUNC " + fnNames[fns[0]]}
	}
	return ability.Fact{Evidence: "the image has no texts"}
}

// moduleBTF: one of two texts, as MODULE_ALLOW_BTF_MISMATCH leaves only the
// second since 6.3.
func (e *evidence) moduleBTF() ability.Fact {
	a := e.either(textRefuses, true, fnNotify)
	if a.Is == tri.Yes {
		return a
	}
	if b := e.either(textMismatch, true, fnNotify); b.Is == tri.Yes {
		return b
	}
	return a
}

// orders settles, for an image with BTF alone, what one function tells of the
// other: the check for the order of tags became the one for length in 7.2, in
// which the refusal of duplicate kfuncs came too. A kernel that does not know
// type tags has none of them.
func (e *evidence) orders(a *ability.Set) {
	if e.texts || !e.p.has {
		return
	}
	var by string
	var order, chain, dup tri.State
	switch {
	case e.p.fn[fnChainLength]:
		by, order, chain, dup = "FUNC "+fnNames[fnChainLength]+" (7.2+)", tri.No, tri.Yes, tri.Yes
	case e.p.fn[fnTypeTags]:
		by, order, chain, dup = "FUNC "+fnNames[fnTypeTags]+" (5.19 to 7.1)", tri.Yes, tri.Yes, tri.No
	case e.p.maxKind > 0 && e.p.maxKind < int64(btf.TypeTag):
		by, order, chain, dup = "BTF_KIND_MAX is below TYPE_TAG", tri.No, tri.No, tri.No
	default:
		return
	}
	a.TagOrder = ability.Fact{Is: order, Evidence: by}
	a.ChainLength = ability.Fact{Is: chain, Evidence: by}
	a.KfuncDuplicate = ability.Fact{Is: dup, Evidence: by}
}

// missing reads the level of the messages about missing module BTF: the error
// level goes with -ENOENT, the warning level with 0. Up to 6.10 kfuncs and
// destructors have a text each, later one format serves both.
func (e *evidence) missing(a ability.Set) (kfunc, dtor ability.Fact) {
	kfunc = e.level("kfunc", fnRegisterKfunc, a)
	dtor = e.level("dtor", fnRegisterDtor, a)
	return kfunc, dtor
}

func (e *evidence) level(what string, fn int, a ability.Set) ability.Fact {
	if len(e.k.areas) > 0 {
		for off := range e.k.each(textMissing) {
			rest := e.k.data[off+int64(len(textMissing)):]
			if !bytes.HasPrefix(rest, []byte(what)) && !bytes.HasPrefix(rest, []byte("%s")) {
				continue
			}
			if off < 2 || e.k.data[off-2] != 1 {
				continue // KERN_SOH, without which there is no level
			}
			switch c := e.k.data[off-1]; c {
			case '3':
				return ability.Fact{Is: tri.Yes, Evidence: fmt.Sprintf("error level before %q at 0x%x", textMissing+what, off)}
			case '4':
				return ability.Fact{Is: tri.No, Evidence: fmt.Sprintf("warning level before %q at 0x%x", textMissing+what, off)}
			}
		}
	}
	switch {
	case a.ModuleBTF.Is == tri.No:
		return ability.Fact{Is: tri.No, Evidence: "module BTF is not read: " + a.ModuleBTF.Evidence}
	case e.p.has && !e.p.fn[fn]:
		return ability.Fact{Is: tri.No, Evidence: "no FUNC " + fnNames[fn]}
	case a.Distilled.Is == tri.Yes:
		return ability.Fact{Is: tri.No, Evidence: "6.11 or later: " + a.Distilled.Evidence}
	}
	return ability.Fact{Evidence: fmt.Sprintf("no level before %q", textMissing+what)}
}

// protoCheck: the check came in 6.4 with the open-coded iterators and is
// inlined more often than not; bpf_iter_num_new, a kfunc, never is.
func (e *evidence) protoCheck(module ability.Fact) ability.Fact {
	for _, fn := range []int{fnKfuncProtos, fnIterKfuncs, fnIterNum} {
		if e.p.fn[fn] {
			return ability.Fact{Is: tri.Yes, Evidence: "FUNC " + fnNames[fn] + " (6.4+)"}
		}
	}
	switch {
	case e.p.has:
		return ability.Fact{Is: tri.No, Evidence: "no FUNC " + fnNames[fnKfuncProtos] + " or " + fnNames[fnIterNum]}
	case module.Is == tri.No:
		return ability.Fact{Is: tri.No, Evidence: "module BTF is not read: " + module.Evidence}
	}
	return ability.Fact{Evidence: "the image has no BTF"}
}

// configMismatch is the option in the text of a configuration.
const configMismatch = "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y"

// allowMismatch: the option has a text of its own since 6.3; before, from
// 5.18, nothing in the code tells but an embedded configuration.
func (e *evidence) allowMismatch(f *Facts, a ability.Set) ability.Fact {
	if f.Config != nil {
		if hasLine(f.Config, configMismatch) {
			return ability.Fact{Is: tri.Yes, Evidence: "embedded config: " + configMismatch}
		}
		return ability.Fact{Is: tri.No, Evidence: "embedded config: no " + configMismatch}
	}
	if off, ok := e.k.find(textMismatch); ok {
		return ability.Fact{Is: tri.Yes, Evidence: fmt.Sprintf("text %q at 0x%x", textMismatch, off)}
	}
	_, missing := e.k.find(textMissing)
	switch {
	case a.ModuleBTF.Is == tri.No:
		return ability.Fact{Is: tri.No, Evidence: "module BTF is not read: " + a.ModuleBTF.Evidence}
	case e.texts && a.KfuncProtoCheck.Is == tri.Yes:
		return ability.Fact{Is: tri.No, Evidence: fmt.Sprintf("no text %q in a kernel that would have it (%s)", textMismatch, a.KfuncProtoCheck.Evidence)}
	case e.texts && !missing && e.p.has && !e.p.fn[fnRegisterKfunc]:
		return ability.Fact{Is: tri.No, Evidence: "no FUNC " + fnNames[fnRegisterKfunc] + ": older than the option (5.18)"}
	}
	return ability.Fact{Evidence: "before 6.3 only the configuration tells"}
}

// hasLine reports whether text has the line.
func hasLine(text []byte, line string) bool {
	for l := range bytes.SplitSeq(text, []byte("\n")) {
		if string(l) == line {
			return true
		}
	}
	return false
}

// each yields the file offset of every occurrence of text in the first area.
func (k *kernel) each(text string) func(yield func(off int64) bool) {
	return func(yield func(off int64) bool) {
		a := k.areas[0]
		for at := 0; ; at++ {
			i := bytes.Index(a.data[at:], []byte(text))
			if i < 0 || !yield(a.off+int64(at+i)) {
				return
			}
			at += i
		}
	}
}
