package report

import (
	"strings"
	"testing"

	"kpkg-btf/internal/model"
)

// At most three lines, those that a reboot cures first, and none when all is
// well.
func TestHostBrief(t *testing.T) {
	wrong := []model.HostModule{{Verdict: model.Rejected}, {Verdict: model.Attached, Meaning: model.Different}, {Verdict: model.Attached, Meaning: model.MeaningUnknown}, {Verdict: model.Dropped}}
	kernel := func(release string, meets ...model.HostMeeting) model.HostKernel {
		return model.HostKernel{Release: release, Meets: meets}
	}
	rep := &model.HostReport{Kernels: []model.HostKernel{
		kernel("1", model.HostMeeting{What: "initrd", Path: "/boot/initrd.img-1", On: "installed", Modules: 4, Wrong: wrong}, model.HostMeeting{What: "added modules", On: "installed", Modules: 1, Wrong: wrong[:1]}),
		kernel("2", model.HostMeeting{What: "installed modules", On: "installed", Modules: 9}, model.HostMeeting{What: "installed modules", On: "running", Modules: 9, Wrong: wrong[1:]}),
	}}
	brief := func() string {
		var b strings.Builder
		if err := HostBrief(&b, rep); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := "kpkg-btf: 2 was replaced while it runs: of 9 modules 1 will load with wrong types, 1 may load with wrong types, 1 will load without BTF; reboot\n" +
		"kpkg-btf: initrd.img-1 does not go with 1: of 4 modules 1 will not load, 1 will load with wrong types, 1 may load with wrong types, 1 will load without BTF; build it again\n" +
		"kpkg-btf: modules added to 1 are external: of 1 module 1 will not load; build them again\n"
	if got := brief(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	rep.Unread = []string{"a", "b"}
	lines := strings.SplitAfter(want, "\n")
	if got, want := brief(), lines[0]+lines[1]+"kpkg-btf: and 3 more (run kpkg-btf verify)\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	rep.Unread, rep.Kernels = nil, []model.HostKernel{kernel("2", rep.Kernels[1].Meets[0])}
	if got := brief(); got != "" {
		t.Errorf("all is well: %q", got)
	}
}
