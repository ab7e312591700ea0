package repair

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/where"
)

// Without an image the base comes from --base, in every form it has.
func TestBaseGiven(t *testing.T) {
	k := releasetest.Kernel{}
	files := kernelFiles(t, 2, k)
	raw := filepath.Join(t.TempDir(), "vmlinux.btf")
	if err := os.WriteFile(raw, baseBTF(), 0o600); err != nil {
		t.Fatal(err)
	}
	packed := raw + ".zst"
	if err := os.WriteFile(packed, pipe(t, []string{"zstd", "-qc"}, baseBTF()), 0o600); err != nil {
		t.Fatal(err)
	}
	image := tree(t, map[string][]byte{"boot/vmlinuz-" + rel: files["boot/vmlinuz-"+rel]})
	for path := range files {
		if !isModule(path) {
			delete(files, path)
		}
	}
	for _, base := range []string{raw, packed, image} {
		o := stripping(t, tree(t, files))
		o.Action = Distill
		if _, err := Run(t.Context(), o); where.KindOf(err) != where.Inconclusive || !strings.Contains(where.HintOf(err), "--base") {
			t.Errorf("no base: %v", err)
		}
		o.Base = []string{base}
		rep, err := Run(t.Context(), o)
		if err != nil || word(rep.Actions, "distilled") != 2 || !strings.HasPrefix(rep.Checks[0].Result, "not cross-checked: inconclusive as before") {
			t.Errorf("%s: %+v, %v", base, rep, err)
		}
	}
	o := stripping(t, tree(t, kernelFiles(t, 2, k)))
	other := tree(t, kernelFiles(t, 1, releasetest.Kernel{Image: 1, Build: 1}))
	o.Action, o.Base = Distill, []string{other}
	if _, err := Run(t.Context(), o); where.KindOf(err) != where.Usage || !strings.Contains(err.Error(), "two bases") {
		t.Errorf("another base than the image's: %v", err)
	}
}

// A base from a different build that has the same name or none is refused for each
// module by itself: it parses on it, and nothing would show later what it is.
func TestBaseOfAnotherBuild(t *testing.T) {
	other := kernelFiles(t, 1, releasetest.Kernel{Image: btftest.Grown, Build: btftest.Grown})
	image := tree(t, map[string][]byte{"boot/vmlinuz-" + rel: other["boot/vmlinuz-"+rel]})
	flavour := strings.Replace(rel, "-amd64", "-cloud-amd64", 1)
	renamed := releasetest.Kernel{Release: flavour}.Files()
	raw := filepath.Join(t.TempDir(), "100%.btf")
	if err := os.WriteFile(raw, btftest.Kernel(btftest.Grown).Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, data := range kernelFiles(t, 3, releasetest.Kernel{}) {
		if !isModule(path) {
			continue
		}
		files := map[string][]byte{path: data}
		o := stripping(t, tree(t, files))
		for _, o.Action = range []Action{Distill, Stamp} {
			for _, base := range []string{image, raw} {
				o.Base = []string{base}
				refused(t, o, files, where.Usage, "not built on the base of "+base)
			}
		}
		o.Base = []string{tree(t, renamed)}
		refused(t, o, files, where.Usage, "no base of release "+rel+" x86_64 in it, but of "+flavour+" x86_64")
		o.Base, o.Action, o.DryRun = []string{raw}, Strip, true
		if rep, err := Run(t.Context(), o); err != nil || word(rep.Actions, "stripped") != 1 {
			t.Errorf("stripping needs no base: %+v, %v", rep, err)
		}
		o.Base, o.Action, o.DryRun = nil, Stamp, false
		refused(t, o, files, where.Inconclusive, "stamping needs the base")
		own := filepath.Join(t.TempDir(), "own.btf")
		if err := os.WriteFile(own, baseBTF(), 0o600); err != nil {
			t.Fatal(err)
		}
		o.Base = []string{own}
		refused(t, o, files, where.Inconclusive, "nothing proves it")
		o.BaseIsThisBuild = true
		if _, err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		files = contents(t, o.Inputs[0].Path)
		o.Base = []string{raw}
		refused(t, o, files, where.Usage, "its stamp names the base")
		o.BaseIsThisBuild = false
	}
}
