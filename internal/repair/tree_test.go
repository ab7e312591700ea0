package repair

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/repair/modfile"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/where"
	"kpkg-btf/policy"
)

func (k keySigner) Sign(_ context.Context, hash string, digest []byte) ([]byte, error) {
	h := map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}[hash]
	return k.key.Signer.Sign(rand.Reader, digest, h)
}

func word(list []model.Count, w string) int {
	for _, c := range list {
		if c.Word == w {
			return c.Count
		}
	}
	return 0
}

// TestZeroIDLists: a policy names modules as the judge lets it name them, by
// their path or as symbol tables do.
func TestZeroIDLists(t *testing.T) {
	k := releasetest.Kernel{Release: rel, Distilled: true, Modules: []string{"nf:list"}}
	for pattern, ok := range map[string]bool{"drivers/nf": true, "kernel/drivers/nf.ko": true, "**": true, "nf": false, "drivers/nf.ko": false} {
		o := stripping(t, tree(t, k.Files()))
		var err error
		if o.Policy, err = policy.Parse("test", []byte("schema: "+policy.Schema+"\nzero-id-lists: 'module:"+pattern+"'\n")); err != nil {
			t.Fatal(err)
		}
		switch rep, err := Run(t.Context(), o); {
		case ok && (err != nil || len(rep.Modules[0].ZeroedIDs) != 1):
			t.Errorf("%s: %+v, %v", pattern, rep, err)
		case !ok && (err == nil || !strings.Contains(err.Error(), "nf.ko") || !strings.Contains(err.Error(), "the policy forbids that")):
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// TestStripTree: every module loses its BTF and nothing else, in the
// compression, mode and time it had; other files are untouched; a second run
// finds everything right and touches nothing.
func TestStripTree(t *testing.T) {
	files := kernelFiles(t, 8, releasetest.Kernel{})
	dir := tree(t, files)
	rep, err := Run(t.Context(), stripping(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if n := word(rep.Actions, "stripped"); n != 8 || len(rep.Modules) != 8 || rep.Modules[0].Signature != "dropped" {
		t.Errorf("%+v", rep)
	}
	for _, c := range rep.Checks {
		if c.Result != "ok" {
			t.Errorf("%s: %s", c.By, c.Result)
		}
	}
	got := contents(t, dir)
	if len(got) != len(files) {
		t.Errorf("%d files, %d before", len(got), len(files))
	}
	inodes := map[string]uint64{}
	for path, now := range got {
		was := files[path]
		inodes[path] = inode(t, filepath.Join(dir, path))
		if !isModule(path) {
			if !bytes.Equal(now, was) {
				t.Errorf("%s changed", path)
			}
			continue
		}
		sameButBTF(t, path, was, now)
		info, err := os.Lstat(filepath.Join(dir, path))
		if err != nil || !info.ModTime().Equal(old) || info.Mode() != 0o644 {
			t.Errorf("%s: %v %v, %v", path, info.Mode(), info.ModTime(), err)
		}
	}
	rep, err = Run(t.Context(), stripping(t, dir))
	if err != nil || word(rep.Actions, "right already") != 8 || rep.Outputs[0].Changed != 0 {
		t.Errorf("again: %+v, %v", rep, err)
	}
	for path := range got {
		if inode(t, filepath.Join(dir, path)) != inodes[path] {
			t.Errorf("again: %s was written", path)
		}
	}
}

// sameButBTF compares a module file with what became of it.
func sameButBTF(t *testing.T, path string, was, now []byte) {
	t.Helper()
	before, _, err := modsig.Split(plain(t, path, was))
	if err != nil {
		t.Fatal(err)
	}
	after, cms, err := modsig.Split(plain(t, path, now))
	if err != nil || cms != nil {
		t.Fatalf("%s: signature of %d bytes, %v", path, len(cms), err)
	}
	if _, err := modfile.Compare(before, after); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	f, err := kmod.Parse(after, kmod.Options{})
	if err != nil || !f.BTF.Missing() || !f.BTFBase.Missing() || f.Stamp == nil {
		t.Errorf("%s: BTF %d, stamp %q, %v", path, f.BTF.Len(), f.Stamp, err)
	}
}

func TestDistillAndStampTree(t *testing.T) {
	files := kernelFiles(t, 4, releasetest.Kernel{})
	dir := tree(t, files)
	o := stripping(t, dir)
	o.BaseIsThisBuild = true // nothing else speaks for it
	for _, step := range []struct {
		action Action
		done   string
		base   bool
	}{{Stamp, "stamped", false}, {Distill, "distilled", true}, {Stamp, "right already", true}, {Distill, "right already", true}} {
		o.Action = step.action
		rep, err := Run(t.Context(), o)
		if err != nil || word(rep.Actions, step.done) != 4 {
			t.Fatalf("%s: %+v, %v", step.action, rep, err)
		}
		for path, data := range contents(t, dir) {
			if !isModule(path) {
				continue
			}
			if f := facts(t, path, data); f.BTF.Len() == 0 || (f.BTFBase.Len() > 0) != step.base || f.Stamp == nil {
				t.Errorf("%s: %s: BTF %d, base %d, stamp %q", step.action, path, f.BTF.Len(), f.BTFBase.Len(), f.Stamp)
			}
		}
	}
}

func TestHardLinksAndSymlinks(t *testing.T) {
	files := kernelFiles(t, 3, releasetest.Kernel{})
	dir := tree(t, files)
	one := filepath.Join(dir, "usr/lib/modules", rel, "kernel/drivers/m00.ko")
	two := filepath.Join(dir, "usr/lib/modules", rel, "kernel/net/m00.ko")
	weak := filepath.Join(dir, "usr/lib/modules/6.11.0/weak-updates/m00.ko")
	for _, p := range []string{two, weak} {
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(one, two); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../"+rel+"/kernel/drivers/m00.ko", weak); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), stripping(t, dir)); err != nil {
		t.Fatal(err)
	}
	if inode(t, one) != inode(t, two) {
		t.Error("the links are two files now")
	}
	if to, err := os.Readlink(weak); err != nil || !strings.HasPrefix(to, "../../"+rel) {
		t.Errorf("the link in weak-updates: %q, %v", to, err)
	}
	// A name outside of the tree: refused, and nothing changes.
	restore(t, dir, files)
	outside := dir + "-outside.ko"
	t.Cleanup(func() { os.Remove(outside) })
	if err := os.Link(one, outside); err != nil {
		t.Fatal(err)
	}
	_, err := Run(t.Context(), stripping(t, dir))
	if where.KindOf(err) != where.Unsupported || !strings.Contains(err.Error(), "2 names (hard links), 1 of them here") {
		t.Errorf("a name outside: %v", err)
	}
	if b, _ := os.ReadFile(one); !bytes.Equal(b, files["usr/lib/modules/"+rel+"/kernel/drivers/m00.ko"]) {
		t.Error("a name outside: the file changed")
	}
}

// TestResign: what comes out is signed by the new key as openssl sees it, and
// every way to sign more than was allowed is refused before anything changes.
func TestResign(t *testing.T) {
	key := modsigtest.NewKey("Build time autogenerated kernel key")
	other := modsigtest.NewRSA("other", 2048)
	files := kernelFiles(t, 4, releasetest.Kernel{})
	dir := tree(t, files)
	own := certificate(t, key.Cert)
	o := stripping(t, dir)
	o.Rules = signing.Rules{}
	refused(t, o, files, where.Usage, "is signed, and a module that changes loses its signature")
	o.Rules = signing.Rules{Signer: testSigner(other), Certificate: certificate(t, other.Cert), Trusted: []*modsig.Certificate{own}}
	refused(t, o, files, where.Usage, "is not in the kernel image")
	o.Rules.Trusted = []*modsig.Certificate{certificate(t, other.Cert)}
	refused(t, o, files, where.Usage, "which no trusted certificate is of")
	o.Rules.Trusted, o.AllowForeignKey = []*modsig.Certificate{own}, true
	rep, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if m := rep.Modules[0]; m.Signature != "re-signed" || !m.Blocked || m.Before == m.After || m.After == "" || !slices.ContainsFunc(rep.Notes, func(n string) bool {
		return strings.Contains(n, "4 modules are signed by a key of no certificate")
	}) {
		t.Errorf("%+v %q", m, rep.Notes)
	}
	verifiedByOpenSSL(t, dir, other.Cert)

	restore(t, dir, files)
	o.Rules = signing.Rules{Signer: testSigner(key), Certificate: own, Trusted: []*modsig.Certificate{own}}
	o.AllowForeignKey = false
	if rep, err = Run(t.Context(), o); err != nil || rep.Modules[0].Blocked {
		t.Fatalf("%+v, %v", rep, err)
	}
	verifiedByOpenSSL(t, dir, key.Cert)
}

// refused runs and wants an error, and nothing changed.
func refused(t *testing.T, o Options, files map[string][]byte, kind where.Kind, text string) {
	t.Helper()
	_, err := Run(t.Context(), o)
	if where.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("want %q: %v", text, err)
	}
	for path, now := range contents(t, o.Inputs[0].Path) {
		if !bytes.Equal(now, files[path]) {
			t.Errorf("%s: %s changed", text, path)
		}
	}
}

func verifiedByOpenSSL(t *testing.T, dir string, cert []byte) {
	t.Helper()
	tmp := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(tmp, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pemFile := put("cert.pem", pipe(t, []string{"openssl", "x509", "-inform", "DER"}, cert))
	n := 0
	for path, data := range contents(t, dir) {
		if !isModule(path) {
			continue
		}
		n++
		content, cms, err := modsig.Split(plain(t, path, data))
		if err != nil || cms == nil {
			t.Fatalf("%s: %v", path, err)
		}
		out, err := exec.Command("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", put("sig", cms), "-content", put("content", content),
			"-certfile", pemFile, "-noverify", "-out", os.DevNull).CombinedOutput()
		if err != nil {
			t.Errorf("%s: openssl: %v\n%s", path, err, out)
		}
	}
	if n == 0 {
		t.Error("no module was verified")
	}
}

// Export, sign elsewhere, import: the third way to sign.
func TestExportImport(t *testing.T) {
	key := modsigtest.NewKey("Build time autogenerated kernel key")
	own := certificate(t, key.Cert)
	files := kernelFiles(t, 4, releasetest.Kernel{})
	dir := tree(t, files)
	o := stripping(t, dir)
	o.Rules = signing.Rules{Signer: testSigner(key), Certificate: own, Trusted: []*modsig.Certificate{own}}
	var list []signing.Request
	o.Export = func(l []signing.Request) error { list = l; return nil }
	if _, err := Run(t.Context(), o); err != nil || len(list) != 4 {
		t.Fatalf("%d requests, %v", len(list), err)
	}
	for path, now := range contents(t, dir) {
		if !bytes.Equal(now, files[path]) {
			t.Errorf("export changed %s", path)
		}
	}
	o.Export = nil
	answered := answer(t, key, list[:3])
	o.Rules.Signer = answered
	refused(t, o, files, where.Usage, "was imported")
	o.Rules.Signer = answer(t, key, list)
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	verifiedByOpenSSL(t, dir, key.Cert)
}

func TestSourceDateEpoch(t *testing.T) {
	dir := tree(t, kernelFiles(t, 1, releasetest.Kernel{}))
	o := stripping(t, dir)
	o.Latest = old.Add(-time.Hour).Truncate(time.Second)
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(dir, "usr/lib/modules", rel, "kernel/drivers/m00.ko"))
	if err != nil || !info.ModTime().Equal(o.Latest) {
		t.Errorf("%v, %v", info.ModTime(), err)
	}
}

func TestDryRun(t *testing.T) {
	files := kernelFiles(t, 2, releasetest.Kernel{})
	o := stripping(t, tree(t, files))
	o.DryRun, o.InPlace = true, false
	rep, err := Run(t.Context(), o)
	if err != nil || word(rep.Actions, "stripped") != 2 || rep.Outputs[0].Published {
		t.Errorf("%+v, %v", rep, err)
	}
	for path, now := range contents(t, o.Inputs[0].Path) {
		if !bytes.Equal(now, files[path]) {
			t.Errorf("%s changed", path)
		}
	}
	o.DryRun = false
	refused(t, o, files, where.Usage, "nothing said so")
}

// What is wrong in itself is not repaired, and a result that would not be
// keep is not written.
func TestRefusals(t *testing.T) {
	files := kernelFiles(t, 2, releasetest.Kernel{Build: 1})
	o := stripping(t, tree(t, files))
	o.Action = Distill
	refused(t, o, files, where.Unsupported, "wrong in itself")
	files = kernelFiles(t, 2, releasetest.Kernel{KfuncFatal: true})
	refused(t, stripping(t, tree(t, files)), files, where.Unsupported, "the result would not be keep")
	files = kernelFiles(t, 2, releasetest.Kernel{})
	path := "usr/lib/modules/" + rel + "/kernel/drivers/m00.ko"
	files[path] = files[path][:len(files[path])/2]
	refused(t, stripping(t, tree(t, files)), files, where.Malformed, "m00.ko")
	o = stripping(t, tree(t, kernelFiles(t, 1, releasetest.Kernel{})))
	o.Rules.Signer, o.Rules.Certificate = testSigner(modsigtest.NewKey("k")), certificate(t, modsigtest.NewKey("k").Cert)
	if _, err := Run(t.Context(), o); where.KindOf(err) != where.Usage {
		t.Errorf("drop and sign: %v", err)
	}
}
