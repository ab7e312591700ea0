package kmod_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kpkg-btf/internal/kmod"
)

func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tool runs a binutils tool over a module and gives the result.
func tool(t *testing.T, data []byte, name string, args ...string) []byte {
	t.Helper()
	in := file(t, "in.ko", data)
	out := in + ".out"
	if name == "strip" {
		args = append(args, "-o", out, in)
	} else {
		args = append(args, in, out)
	}
	if msg, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s (make deps installs binutils): %v\n%s", name, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCopiesAgree: whatever packaging does to a module, its loaded code keeps
// its digest.
func TestCopiesAgree(t *testing.T) {
	m := full()
	data := m.Bytes()
	digest := mustParse(t, data).AllocDigest
	for name, copied := range map[string][]byte{
		"signed":               key.Sign(data),
		"objcopy":              tool(t, data, "objcopy"),
		"strip -g":             tool(t, data, "strip", "-g"),
		"strip --strip-unneed": tool(t, data, "strip", "--strip-unneeded"),
		"stripped and signed":  key.Sign(tool(t, data, "strip", "-g")),
		"without .BTF":         tool(t, data, "objcopy", "--remove-section", ".BTF"),
		"with debuglink":       tool(t, data, "objcopy", "--add-gnu-debuglink="+file(t, "x.debug", []byte("debug"))),
	} {
		if got := mustParse(t, copied).AllocDigest; got != digest {
			t.Errorf("%s: digest %x, want %x", name, got, digest)
		}
	}
	m.Debug = false
	if got := mustParse(t, m.Bytes()).AllocDigest; got != digest {
		t.Errorf("built without debug information: digest %x, want %x", got, digest)
	}
}

// TestChangesDiffer: what is loaded counts, down to what a call refers to.
func TestChangesDiffer(t *testing.T) {
	seen := map[uint64]string{mustParse(t, full().Bytes()).AllocDigest: "the module"}
	for name, change := range map[string]func(*kmod.Facts) []byte{
		"code":   func(*kmod.Facts) []byte { m := full(); m.Text = "other code of it"; return m.Bytes() },
		"import": func(*kmod.Facts) []byte { m := full(); m.Imports[2] = "kmallog"; return m.Bytes() },
		"import made weak": func(*kmod.Facts) []byte {
			m := full()
			m.WeakImports, m.Imports = append(m.Imports[2:], m.WeakImports...), m.Imports[:2]
			return m.Bytes()
		},
		"checksum": func(*kmod.Facts) []byte { m := full(); m.Versions[1].CRC = 2; return m.Bytes() },
		"modinfo":  func(*kmod.Facts) []byte { m := full(); m.Modinfo[3] = "srcversion=ABD"; return m.Bytes() },
		"export":   func(*kmod.Facts) []byte { m := full(); m.Exports[0].Namespace = "VSOCX"; return m.Bytes() },
		"id":       func(*kmod.Facts) []byte { m := full(); m.IDs[0].Words[0].ID = 8; return m.Bytes() },
	} {
		d := mustParse(t, change(nil)).AllocDigest
		if other, ok := seen[d]; ok {
			t.Errorf("%s changed: the digest is that of %s", name, other)
		}
		seen[d] = name
	}
	m := full()
	m.BTF = []byte("another BTF")
	if _, ok := seen[mustParse(t, m.Bytes()).AllocDigest]; !ok {
		t.Error(".BTF is not loaded and must not count")
	}
}

// TestBuildsAgree: what tells one build of a source from the next is not part
// of the code digest, and everything else is.
func TestBuildsAgree(t *testing.T) {
	m := full()
	first := mustParse(t, m.Bytes())
	data := m.Bytes()
	note := file(t, "note", []byte("another build"))
	for name, c := range map[string]struct {
		data []byte
		same bool
	}{
		"build id":   {tool(t, data, "objcopy", "--add-section=.note.gnu.build-id="+note, "--set-section-flags=.note.gnu.build-id=alloc,readonly"), true},
		"ids of BTF": {tool(t, data, "objcopy", "--update-section=.BTF_ids="+file(t, "ids", make([]byte, len(first.IDs.Data)))), true},
		"BTF":        {tool(t, data, "objcopy", "--update-section=.BTF="+note), true},
		"signature":  {key.Sign(data), true},
		"code":       {tool(t, data, "objcopy", "--update-section=.text="+file(t, "text", []byte("something else"))), false},
		"data":       {tool(t, data, "objcopy", "--add-section=.data.more="+note, "--set-section-flags=.data.more=alloc,data"), false},
	} {
		if got := mustParse(t, c.data).CodeDigest; (got == first.CodeDigest) != c.same {
			t.Errorf("%s: the same %v, want %v", name, got == first.CodeDigest, c.same)
		}
	}
	m.Vermagic = "9.9.9-another-name SMP preempt mod_unload modversions "
	if mustParse(t, m.Bytes()).CodeDigest != first.CodeDigest {
		t.Error("the release in vermagic counts")
	}
	m.Vermagic = "6.1.0-test SMP mod_unload modversions "
	if mustParse(t, m.Bytes()).CodeDigest == first.CodeDigest {
		t.Error("the options of vermagic do not count")
	}
}
