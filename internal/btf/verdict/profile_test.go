package verdict

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/tri"
)

func TestForVersionFollowsTheTable(t *testing.T) {
	type row struct {
		at                                             [3]int
		module, dots, distilled, tagKflag, emptySec    bool
		kind                                           btf.Kind
		mask                                           uint32
		ksym                                           int
		hdr                                            uint32
		chain                                          Chain
		section                                        Section
		kfuncMissing, dtorMissing                      Errno
		protoCheck, duplicate, warnOnce, embeddedQuirk bool
	}
	rows := []row{
		{at: [3]int{5, 10, 262}, dots: true, kind: btf.Datasec, mask: 0x8f00ffff, ksym: 128, hdr: 24},
		{at: [3]int{5, 11, 0}, module: true, kind: btf.Datasec, mask: 0x8f00ffff, ksym: 128, hdr: 24},
		{at: [3]int{5, 12, 0}, module: true, emptySec: true, kind: btf.Datasec, mask: 0x8f00ffff, ksym: 128, hdr: 24},
		{at: [3]int{5, 13, 0}, module: true, emptySec: true, kind: btf.Float, mask: 0x9f00ffff, ksym: 128, hdr: 24},
		{at: [3]int{5, 15, 119}, module: true, emptySec: true, dots: true, kind: btf.Float, mask: 0x9f00ffff, ksym: 128, hdr: 24},
		{at: [3]int{5, 16, 0}, module: true, emptySec: true, kind: btf.DeclTag, mask: 0x9f00ffff, ksym: 128, hdr: 24},
		{at: [3]int{5, 17, 0}, module: true, emptySec: true, kind: btf.TypeTag, mask: 0x9f00ffff, ksym: 128, hdr: 24},
		{at: [3]int{5, 18, 0}, module: true, emptySec: true, kind: btf.TypeTag, mask: 0x9f00ffff, ksym: 128, hdr: 24, kfuncMissing: ENOENT},
		{at: [3]int{5, 19, 0}, module: true, emptySec: true, kind: btf.TypeTag, mask: 0x9f00ffff, ksym: 128, hdr: 24, chain: ChainOrder,
			kfuncMissing: ENOENT, dtorMissing: ENOENT},
		{at: [3]int{6, 1, 35}, module: true, emptySec: true, kind: btf.Enum64, mask: 0x9f00ffff, ksym: 512, hdr: 24, chain: ChainOrder,
			kfuncMissing: ENOENT, dtorMissing: ENOENT},
		{at: [3]int{6, 1, 192}, module: true, emptySec: true, dots: true, kind: btf.Enum64, mask: 0x9f00ffff, ksym: 512, hdr: 24, chain: ChainOrder,
			dtorMissing: ENOENT},
		{at: [3]int{6, 4, 3}, module: true, emptySec: true, dots: true, kind: btf.Enum64, mask: 0x9f00ffff, ksym: 512, hdr: 24, chain: ChainOrder,
			kfuncMissing: ENOENT, dtorMissing: ENOENT, protoCheck: true, warnOnce: true},
		{at: [3]int{6, 8, 0}, module: true, emptySec: true, dots: true, kind: btf.Enum64, mask: 0x9f00ffff, ksym: 512, hdr: 24, chain: ChainOrder,
			dtorMissing: ENOENT, protoCheck: true, warnOnce: true},
		{at: [3]int{6, 11, 0}, module: true, emptySec: true, dots: true, distilled: true, kind: btf.Enum64, mask: 0x9f00ffff, ksym: 512, hdr: 24,
			chain: ChainOrder, section: SectionTail, protoCheck: true, warnOnce: true, embeddedQuirk: true},
		{at: [3]int{6, 12, 115}, module: true, emptySec: true, dots: true, distilled: true, kind: btf.Enum64, mask: 0x9f00ffff, ksym: 512, hdr: 24,
			chain: ChainOrder, section: SectionPrint, protoCheck: true, warnOnce: true},
		{at: [3]int{6, 15, 0}, module: true, emptySec: true, dots: true, distilled: true, tagKflag: true, kind: btf.Enum64, mask: 0x9f00ffff, ksym: 512,
			hdr: 24, chain: ChainOrder, section: SectionPrint, protoCheck: true, warnOnce: true},
		{at: [3]int{7, 1, 0}, module: true, emptySec: true, dots: true, distilled: true, tagKflag: true, kind: btf.Enum64, mask: 0x9f00ffff, ksym: 512,
			hdr: 32, chain: ChainOrder, section: SectionPrint, protoCheck: true, warnOnce: true},
		{at: [3]int{7, 3, 4}, module: true, emptySec: true, dots: true, distilled: true, tagKflag: true, kind: btf.Enum64, ksym: 512,
			hdr: 32, chain: ChainLength, section: SectionPrint, protoCheck: true, duplicate: true, warnOnce: true},
	}
	for _, want := range rows {
		p := ForVersion(want.at[0], want.at[1], want.at[2])
		got := row{
			at: want.at, module: p.ModuleBTF, dots: p.Dots, distilled: p.Distilled, tagKflag: p.TagKflag, emptySec: p.EmptyDatasec, kind: p.KindMax,
			mask: p.InfoMask, ksym: p.KsymNameLen, hdr: p.HeaderSize, chain: p.Chain, section: p.Section, kfuncMissing: p.KfuncMissing,
			dtorMissing: p.DtorMissing, protoCheck: p.KfuncProtoCheck, duplicate: p.KfuncDuplicate, warnOnce: p.WarnOnce, embeddedQuirk: p.EmbeddedBug,
		}
		if got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", p.Name, got, want)
		}
		if p.Assumed {
			t.Errorf("%s: assumed", p.Name)
		}
	}
	if p := ForVersion(7, 4, 0); !p.Assumed || p.Chain != ChainLength {
		t.Errorf("a kernel newer than the newest known: %+v", p)
	}
}

func TestObservedWinsAndSaysWhy(t *testing.T) {
	yes := func(why string) ability.Fact { return ability.Fact{Is: tri.Yes, Evidence: why} }
	no := func(why string) ability.Fact { return ability.Fact{Is: tri.No, Evidence: why} }
	p := ForVersion(6, 1, 20).With(&ability.Set{
		Distilled: yes("FUNC btf_relocate"), KfuncMissing: no("printk level 4"), TagOrder: no("no string a"), ChainLength: yes("string b"),
		MaxKind: ability.Fact{Is: tri.Yes, Value: 25, Evidence: "enumerator"}, HeaderSize: ability.Fact{Is: tri.Yes, Value: 32, Evidence: "struct"},
		KsymNameLen: ability.Fact{Is: tri.Yes, Value: 256, Evidence: "member"}, AllowMismatch: yes("config"),
	})
	if !p.Distilled || p.KfuncMissing != 0 || p.Chain != ChainLength || p.KindMax != btf.MaxKind || p.HeaderSize != 32 || p.KsymNameLen != 256 || !p.AllowMismatch {
		t.Errorf("%+v", p)
	}
	if !p.Assumed {
		t.Error("an unknown kind does not mark the profile as assumed")
	}
	want := map[Field]string{
		FieldDistilled: "FUNC btf_relocate", FieldChain: "no string a; string b", FieldKindMax: "enumerator; kinds above 19 unknown",
		FieldDots: "version 6.1.20", FieldAllowMismatch: "config", FieldDtorMissing: "version 6.1.20",
	}
	for f, w := range want {
		if got := p.Evidence(f); got != w {
			t.Errorf("%s: %q, want %q", f, got, w)
		}
	}
	plain := ForVersion(6, 1, 20)
	if got := plain.Evidence(FieldAllowMismatch); got != "assumed off" {
		t.Errorf("mismatch without evidence: %q", got)
	}
	for _, f := range Fields() {
		if f.String() == "" || p.Evidence(f) == "" {
			t.Errorf("field %d has no name or no evidence", f)
		}
	}
}
