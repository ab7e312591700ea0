package kimage

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/kernel/ability"
)

// words returns the abilities in one line, "+" yes, "-" no, "?" unknown.
func words(a *ability.Set) string {
	var b strings.Builder
	for _, x := range []struct {
		name string
		a    ability.Fact
	}{
		{"module", a.ModuleBTF}, {"distilled", a.Distilled}, {"order", a.TagOrder}, {"chain", a.ChainLength},
		{"kfunc", a.KfuncMissing}, {"dtor", a.DtorMissing}, {"mismatch", a.AllowMismatch},
		{"proto", a.KfuncProtoCheck}, {"duplicate", a.KfuncDuplicate}, {"sig", a.SigModule},
	} {
		b.WriteString(x.name + [...]string{"?", "-", "+"}[x.a.Is] + " ")
	}
	for _, n := range []ability.Fact{a.MaxKind, a.HeaderSize, a.KsymNameLen} {
		b.WriteString(string(rune('0'+n.Value/100)) + string(rune('0'+n.Value/10%10)) + string(rune('0'+n.Value%10)) + " ")
	}
	return strings.TrimSpace(b.String())
}

// bpfBase is a base with the types and functions that tell abilities.
func bpfBase(header, kinds uint32, fns ...string) []byte {
	b := btftest.Kernel(btftest.Plain)
	ch := b.ID(btf.Int, "char")
	b.Struct("bpf_ksym", 600, btftest.M("start", ch, 0), btftest.M("name", b.Array(ch, ch, 512), 16))
	b.Struct("btf_header", header)
	if kinds > 0 {
		b.Enum("", 4, btftest.E{Name: "BTF_KIND_INT", Value: 1}, btftest.E{Name: "BTF_KIND_MAX", Value: int64(kinds)})
	}
	b.Struct("btf_relocate", 64) // the struct is not the function
	for _, fn := range fns {
		b.Func(fn, b.Proto(0))
	}
	return b.Bytes()
}

// TestAbilities: kernels by what their images hold (docs/kernel-rules.md, "Abilities").
func TestAbilities(t *testing.T) {
	const (
		refuses   = "\x014failed to validate module [%s] BTF: %ld\n"
		mismatch  = "\x014Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules\n"
		order     = "Type tags don't precede modifiers"
		chain     = "Max chain length or cycle detected"
		distilled = "\x014distilled base BTF type '%s' [%u] is not mapped to base BTF id\n"
		missing   = "\x014missing module BTF, cannot register %s\n"
		sig       = "%s: module verification failed: signature and/or required key missing - tainting kernel\n"
		duplicate = "\x013kfunc %s (id: %d) is already present in vmlinux.\n"
	)
	for _, c := range []struct {
		name  string
		texts []string
		base  []byte // nil: none
		want  string
	}{
		{"5.11", []string{refuses}, bpfBase(24, 15, "btf_module_notify"),
			"module+ distilled- order- chain- kfunc- dtor- mismatch- proto- duplicate- sig- 015 024 512"},
		{"5.18", []string{refuses, "\x013missing module BTF, cannot register kfuncs\n"}, bpfBase(24, 18, "btf_module_notify", "register_btf_kfunc_id_set"),
			"module+ distilled- order- chain- kfunc+ dtor- mismatch? proto- duplicate- sig- 018 024 512"},
		{"6.1.192", []string{refuses, order, chain, "\x014missing module BTF, cannot register kfuncs\n", "\x013missing module BTF, cannot register dtor kfuncs\n", sig},
			bpfBase(24, 19, "btf_module_notify", "register_btf_kfunc_id_set", "register_btf_id_dtor_kfuncs"),
			"module+ distilled- order+ chain+ kfunc- dtor+ mismatch? proto- duplicate- sig+ 019 024 512"},
		{"6.12", []string{mismatch, order, chain, distilled, missing, sig},
			bpfBase(24, 19, "btf_relocate", "btf_check_iter_kfuncs", "register_btf_kfunc_id_set", "register_btf_id_dtor_kfuncs"),
			"module+ distilled+ order+ chain+ kfunc- dtor- mismatch+ proto+ duplicate- sig+ 019 024 512"},
		{"7.3", []string{refuses, chain, distilled, missing, sig, duplicate},
			bpfBase(32, 19, "bpf_iter_num_new", "register_btf_kfunc_id_set", "register_btf_id_dtor_kfuncs"),
			"module+ distilled+ order- chain+ kfunc- dtor- mismatch- proto+ duplicate+ sig+ 019 032 512"},
		{"no printk", []string{chain}, bpfBase(32, 19, "btf_module_notify", "btf_relocate", "bpf_iter_num_new", "register_btf_kfunc_id_set", "module_sig_check"),
			"module+ distilled+ order- chain+ kfunc- dtor- mismatch- proto+ duplicate- sig+ 019 032 512"},
		{"no printk before 6.11", []string{chain, order}, bpfBase(24, 19, "btf_module_notify", "register_btf_kfunc_id_set"),
			"module+ distilled- order+ chain+ kfunc? dtor- mismatch? proto- duplicate- sig- 019 024 512"},
		{"level without mark", []string{refuses, "4missing module BTF, cannot register kfuncs\n"}, bpfBase(24, 19, "register_btf_kfunc_id_set"),
			"module+ distilled- order- chain- kfunc? dtor- mismatch? proto- duplicate- sig- 019 024 512"},
		{"no BTF", []string{chain, sig}, nil,
			"module- distilled- order- chain+ kfunc- dtor- mismatch- proto- duplicate- sig+ 000 000 000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := fake{noBTF: true, texts: c.texts}
			if c.base != nil {
				k.sections = []elftest.Section{btfSec(c.base)}
			}
			f := mustParse(t, k.elf())
			if got := words(&f.Abilities); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			evident(t, &f.Abilities)
		})
	}
}

// TestAbilitiesOfBTF: what the vmlinux of a headers package leaves open.
func TestAbilitiesOfBTF(t *testing.T) {
	for _, c := range []struct {
		name string
		base []byte
		want string
	}{
		{"5.14", bpfBase(24, 16, "btf_module_notify"),
			"module+ distilled- order- chain- kfunc- dtor- mismatch? proto- duplicate- sig- 016 024 512"},
		{"6.1", bpfBase(24, 19, "btf_module_notify", "btf_check_type_tags", "register_btf_kfunc_id_set", "register_btf_id_dtor_kfuncs", "mod_verify_sig"),
			"module+ distilled- order+ chain+ kfunc? dtor? mismatch? proto- duplicate- sig+ 019 024 512"},
		{"6.12, check inlined", bpfBase(24, 19, "btf_module_notify", "btf_relocate", "bpf_iter_num_new", "register_btf_kfunc_id_set"),
			"module+ distilled+ order? chain? kfunc- dtor- mismatch? proto+ duplicate? sig- 019 024 512"},
		{"7.3", bpfBase(32, 19, "btf_module_notify", "btf_relocate", "btf_check_modifier_chain_length", "bpf_iter_num_new", "module_sig_check"),
			"module+ distilled+ order- chain+ kfunc- dtor- mismatch? proto+ duplicate+ sig+ 019 032 512"},
		{"no modules", bpfBase(32, 0), "module- distilled- order? chain? kfunc- dtor- mismatch- proto- duplicate? sig- 000 032 512"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := mustParse(t, elftest.File{Type: elfx.TypeExec, Sections: []elftest.Section{btfSec(c.base)}}.Bytes())
			if got := words(&f.Abilities); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			evident(t, &f.Abilities)
		})
	}
}

// evident: every answer, also none, says what it rests on.
func evident(t *testing.T, a *ability.Set) {
	t.Helper()
	for i, x := range []ability.Fact{a.ModuleBTF, a.Distilled, a.TagOrder, a.ChainLength, a.KfuncMissing, a.DtorMissing, a.MaxKind,
		a.HeaderSize, a.KsymNameLen, a.AllowMismatch, a.KfuncProtoCheck, a.KfuncDuplicate, a.SigModule} {
		if x.Evidence == "" {
			t.Errorf("ability %d has no evidence", i)
		}
	}
}
