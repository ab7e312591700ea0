package host

import (
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release/releasetest"
)

// btfOf is the BTF of each module of a kernel, by name.
func btfOf(t *testing.T, k releasetest.Kernel) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for path, data := range k.Files() {
		if !strings.HasSuffix(path, ".ko") {
			continue
		}
		f, err := kmod.ParseFile(data, new(codec.Decoder), kmod.Options{})
		check(t, err)
		out[model.ModuleName(path)] = f.BTF.Bytes()
	}
	return out
}

// loads lets the kernel that runs have a module, with this BTF or none.
func (s *System) loads(t *testing.T, name, taint string, btf []byte) {
	t.Helper()
	files := map[string][]byte{"sys/module/" + name + "/initstate": []byte("live\n"), "sys/module/" + name + "/taint": []byte(taint + "\n")}
	if btf != nil {
		files["sys/kernel/btf/"+name] = btf
	}
	check(t, releasetest.WriteTree(s.Root, files))
}

// What is loaded is compared with the files by its bytes: the same, without BTF
// for no known reason, from a different build, without a file; one that is built in
// is no loaded module.
func TestLive(t *testing.T) {
	k := releasetest.Kernel{Release: name}
	own := btfOf(t, k)
	s := machine(t, k)
	s.boots(t, k)
	s.loads(t, "alpha", "", own["alpha"])
	check(t, releasetest.WriteTree(s.Root, map[string][]byte{"sys/module/tcp_cubic/version": []byte("1\n")}))
	rep := verify(t, s, Options{})
	want := &model.HostLoaded{Modules: 1, AsFile: 1, Others: []model.LoadedModule{}}
	if !reflect.DeepEqual(rep.Loaded, want) || rep.ExitCode != model.ExitDone {
		t.Errorf("all is well: %+v, exit %d", rep.Loaded, rep.ExitCode)
	}

	s.loads(t, "beta", "OE", own["gamma"])
	s.loads(t, "gone", "PO", nil)
	rep = verify(t, s, Options{})
	want = &model.HostLoaded{Modules: 3, AsFile: 1, Others: []model.LoadedModule{
		{Name: "beta", Path: rep.Loaded.Others[0].Path, BTF: model.LoadedOther, Taint: "OE"},
		{Name: "gone", BTF: model.LoadedNoFile, Taint: "PO"}}}
	if !reflect.DeepEqual(rep.Loaded, want) || rep.ExitCode != model.ExitDone || model.ModuleName(rep.Loaded.Others[0].Path) != "beta" {
		t.Errorf("files were replaced: %+v, exit %d", rep.Loaded, rep.ExitCode)
	}

	s.loads(t, "gamma", "", nil)
	rep = verify(t, s, Options{})
	if n := len(rep.Loaded.Others); n != 3 || rep.Loaded.Others[1].Name != "gamma" && rep.Loaded.Others[2].Name != "gamma" || rep.ExitCode != model.ExitRepair || rep.Loaded.Outcome.Action != model.Strip {
		t.Errorf("BTF lost for no known reason: %+v, exit %d", rep.Loaded, rep.ExitCode)
	}
}

// Where another build of the kernel runs, what is known to lose its BTF is not
// told twice.
func TestLivePredicted(t *testing.T) {
	old := releasetest.Kernel{Release: name}
	s := machine(t, releasetest.Kernel{Release: name, Image: btftest.Grown, Build: btftest.Grown})
	s.boots(t, old)
	s.loads(t, "beta", "", nil)
	rep := verify(t, s, Options{})
	if rep.Loaded.Others[0].Unexpected || rep.Loaded.Outcome.Action != model.Keep {
		t.Errorf("%+v", rep.Loaded)
	}
}
