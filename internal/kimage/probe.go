package kimage

import (
	"fmt"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/tri"
)

// Functions whose presence in the base tells something.
const (
	fnNotify = iota
	fnRelocate
	fnTypeTags
	fnChainLength
	fnRegisterKfunc
	fnRegisterDtor
	fnKfuncProtos
	fnIterKfuncs
	fnIterNum
	fnSigCheck
	fnVerifySig
	numFns
)

var fnNames = [numFns]string{
	fnNotify:        "btf_module_notify",
	fnRelocate:      "btf_relocate",
	fnTypeTags:      "btf_check_type_tags",
	fnChainLength:   "btf_check_modifier_chain_length",
	fnRegisterKfunc: "register_btf_kfunc_id_set",
	fnRegisterDtor:  "register_btf_id_dtor_kfuncs",
	fnKfuncProtos:   "btf_check_kfunc_protos",
	fnIterKfuncs:    "btf_check_iter_kfuncs",
	fnIterNum:       "bpf_iter_num_new",
	fnSigCheck:      "module_sig_check",
	fnVerifySig:     "mod_verify_sig",
}

var fnByName = func() map[string]int {
	m := make(map[string]int, numFns)
	for i, name := range fnNames {
		m[name] = i
	}
	return m
}()

// probe is what one walk over the base finds.
type probe struct {
	has        bool // there is a base
	fn         [numFns]bool
	maxKind    int64 // BTF_KIND_MAX; 0 for not found, as the others
	headerSize int64
	ksymLen    int64
}

// probeBase walks the base once. A function counts by name and kind alone:
// 6.12 has a struct btf_relocate beside the function.
func probeBase(base *btf.Raw) probe {
	if base == nil {
		return probe{}
	}
	p := probe{has: true}
	for t := range base.Types {
		switch t.Kind {
		case btf.Func:
			name, _ := base.Str(t.Name)
			if i, ok := fnByName[string(name)]; ok {
				p.fn[i] = true
			}
		case btf.Struct:
			p.structure(base, &t)
		case btf.Enum, btf.Enum64:
			for i := range int(t.Vlen) {
				off, v := t.Enumerator(i)
				if name, _ := base.Str(off); string(name) == "BTF_KIND_MAX" && v < 1<<8 {
					p.maxKind = int64(v)
				}
			}
		}
	}
	return p
}

func (p *probe) structure(base *btf.Raw, t *btf.Record) {
	switch name, _ := base.Str(t.Name); string(name) {
	case "btf_header":
		p.headerSize = int64(t.SizeType)
	case "bpf_ksym":
		for i := range int(t.Vlen) {
			m := t.Member(i)
			if name, _ := base.Str(m.Name); string(name) != "name" {
				continue
			}
			if a, ok := base.Record(m.Type); ok && a.Kind == btf.Array {
				_, _, n := a.Array()
				p.ksymLen = int64(n)
			}
		}
	}
}

// number makes an ability of a value found in the base.
func (p *probe) number(v int64, what string) ability.Fact {
	switch {
	case v != 0:
		return ability.Fact{Is: tri.Yes, Value: v, Evidence: fmt.Sprintf("%s is %d", what, v)}
	case p.has:
		return ability.Fact{Evidence: "no " + what + " in the base"}
	}
	return ability.Fact{Evidence: "the image has no BTF"}
}
