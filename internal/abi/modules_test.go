package abi

import (
	"reflect"
	"slices"
	"testing"
)

func TestCompareModules(t *testing.T) {
	old := ModuleSet{
		Loadable: []string{
			"usr/lib/modules/1/kernel/net/stay-put.ko",
			"usr/lib/modules/1/kernel/net/gone.ko",
			"usr/lib/modules/1/kernel/net/in-now.ko",
			"usr/lib/modules/1/kernel/net/wander.ko",
			"usr/lib/modules/1/kernel/net/twice.ko",
			"usr/lib/modules/1/extra/twice.ko",
		},
		BuiltIn: []string{"kernel/lib/out-now.ko", "kernel/lib/dead.ko", "kernel/lib/same.ko"},
	}
	new := ModuleSet{
		Loadable: []string{
			"lib/modules/2/kernel/net/stay_put.ko.xz",
			"lib/modules/2/kernel/drivers/net/wander.ko.zst",
			"lib/modules/2/kernel/lib/out_now.ko.xz",
			"lib/modules/2/kernel/lib/fresh.ko.xz",
			"lib/modules/2/extra/twice.ko.xz",
		},
		BuiltIn: []string{"kernel/net/in_now.ko", "kernel/lib/same.ko"},
	}
	want := &Modules{
		OldCount: 5, NewCount: 5, Kept: 3, BuiltInKnown: true,
		New:            []ModuleChange{{"fresh", "", "lib/modules/2/kernel/lib/fresh.ko.xz"}},
		Vanished:       []ModuleChange{{"gone", "usr/lib/modules/1/kernel/net/gone.ko", ""}},
		BecameBuiltIn:  []ModuleChange{{"in_now", "usr/lib/modules/1/kernel/net/in-now.ko", "kernel/net/in_now.ko"}},
		BecameLoadable: []ModuleChange{{"out_now", "kernel/lib/out-now.ko", "lib/modules/2/kernel/lib/out_now.ko.xz"}},
		LostBuiltIn:    []ModuleChange{{"dead", "kernel/lib/dead.ko", ""}},
		Moved: []ModuleChange{{"wander", "usr/lib/modules/1/kernel/net/wander.ko",
			"lib/modules/2/kernel/drivers/net/wander.ko.zst"}},
		Duplicates: []ModuleChange{{"twice", "usr/lib/modules/1/kernel/net/twice.ko", ""}},
	}
	got := CompareModules(old, new)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !got.Breaks() {
		t.Error("a vanished module does not break")
	}
	slices.Reverse(old.Loadable)
	slices.Reverse(new.Loadable)
	if !reflect.DeepEqual(CompareModules(old, new), want) {
		t.Error("the order of the paths matters")
	}
}

func TestCompareModulesBuiltInUnknown(t *testing.T) {
	got := CompareModules(ModuleSet{Loadable: []string{"a.ko"}, BuiltIn: []string{"b.ko"}}, ModuleSet{})
	if got.BuiltInKnown || len(got.Vanished) != 1 || len(got.LostBuiltIn) != 0 {
		t.Errorf("%+v", got)
	}
	same := ModuleSet{Loadable: []string{"a.ko"}}
	if CompareModules(same, same).Breaks() {
		t.Error("a set against itself breaks")
	}
}
