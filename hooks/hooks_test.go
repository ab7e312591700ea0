package hooks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Every file is in the table, and says in its head what it is.
func TestTableAndFolder(t *testing.T) {
	var listed []string
	for _, h := range All() {
		listed = append(listed, h.File)
		if h.Version() < 1 || h.What == "" {
			t.Errorf("%s: version %d", h.Name, h.Version())
		}
		if h.Run != bytes.HasPrefix(h.Text(), []byte("#!/bin/sh\n")) {
			t.Errorf("%s: a program without #!, or the other way round", h.Name)
		}
		if got, ok := Find(h.Name); !ok || got != h {
			t.Errorf("Find(%s) = %v", h.Name, got)
		}
	}
	if !slices.IsSortedFunc(All(), func(a, b Hook) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted")
	}
	err := fs.WalkDir(texts, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !slices.Contains(listed, path) {
			t.Errorf("%s is in no list", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := Find("nothing"); ok {
		t.Error("found nothing")
	}
}

// A text that changes needs a new version: whoever copied it can tell.
func TestVersions(t *testing.T) {
	for _, h := range All() {
		sum := sha256.Sum256(h.Text())
		if got := hex.EncodeToString(sum[:4]); versions[h.Name] != (released{h.Version(), got}) {
			t.Errorf("%s: %d %s, the list has %v: raise the version in its head, and here", h.Name, h.Version(), got, versions[h.Name])
		}
	}
}

type released struct {
	version int
	digest  string // first digits of the text's SHA-256
}

// make reads the fragments.
func TestMakeFragments(t *testing.T) {
	for _, name := range []string{"rules.real", "before-dh_strip"} {
		h, _ := Find(name)
		cmd := exec.Command("make", "-rsn", "-f", "-", "x", "KPKG_BTF=")
		macro := map[string]string{"rules.real": "kpkg_btf_repair", "before-dh_strip": "kpkg_btf_staged"}[name]
		cmd.Stdin = strings.NewReader(string(h.Text()) + "\nx:\n\t$(call " + macro + ",some/tree)\n")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "NOT INSTALLED: module BTF of some/tree is not checked") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// The tool's own host packages carry these texts, not others.
func TestOwnPackages(t *testing.T) {
	for name, file := range map[string]string{"dpkg-trigger": "../debian/kpkg-btf-host.triggers", "rpm-posttrans": "../rpm/kpkg-btf.spec"} {
		h, _ := Find(name)
		var own []string
		for l := range strings.Lines(string(h.Text())) {
			if !strings.HasPrefix(l, "#") {
				own = append(own, l)
			}
		}
		want := strings.Replace(strings.Join(own, ""), "%transfiletriggerin --", "%transfiletriggerin host --", 1)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want == "" || !strings.Contains(string(text), want) {
			t.Errorf("%s does not carry\n%s", file, want)
		}
	}
}
