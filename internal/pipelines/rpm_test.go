//go:build pipelines

package pipelines

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/realtest"
)

// fedoraSpec packs a staged tree in Fedora's layout: kernel-core with the
// image and the modules of an early boot, kernel-modules-core, kernel-modules.
// What Fedora's own spec does besides is not imitated.
const fedoraSpec = `
Name: kernel
Version: 6.1.192
Release: 2
Summary: test
License: GPL-2.0
%%global _binary_payload %s
%%global __os_install_post %%{nil}
%%global debug_package %%{nil}
%%global _build_id_links none
AutoReqProv: no
%%description
test
%%package core
Summary: test
%%description core
test
%%package modules-core
Summary: test
%%description modules-core
test
%%package modules
Summary: test
%%description modules
test
%%install
mkdir -p %%{buildroot}
cp -al %s/. %%{buildroot}/
%%files core
/lib/modules/%s/vmlinuz
/lib/modules/%s/config
/lib/modules/%s/modules.builtin
%%files modules-core
/lib/modules/%s/kernel/[a-ce-z]*
%%files modules
/lib/modules/%s/kernel/drivers
`

const release = "6.1.0-56-amd64"

// TestFedoraLayout: rpms made by the real rpmbuild from a Debian kernel's own
// files give the manifest that the .deb gives, packages aside.
func TestFedoraLayout(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairANew)
	want, complaint, code := realtest.Run(t, "record", deb)
	if code != 0 {
		t.Fatalf("record: exit %d %s", code, complaint)
	}
	for _, payload := range []string{"w1.zstdio", "w0.xzdio"} { // the formats; how hard they try is not the point
		t.Run(payload, func(t *testing.T) {
			rpms := buildRPMs(t, deb, payload)
			got, complaint, code := realtest.Run(t, append([]string{"record"}, rpms...)...)
			if code != 0 {
				t.Fatalf("record: exit %d %s", code, complaint)
			}
			compareManifests(t, got, want)
			out, _, code := realtest.Run(t, append([]string{"check"}, rpms...)...)
			if code != 0 {
				t.Errorf("check: exit %d\n%s", code, out)
			}
			out, _, code = realtest.Run(t, "check", rpms[len(rpms)-1])
			if code != 5 || !strings.Contains(out, "kernel-core") {
				t.Errorf("modules alone: exit %d\n%s", code, out)
			}
		})
	}
}

func compareManifests(t *testing.T, got, want string) {
	t.Helper()
	a, err := manifest.Read([]byte(got))
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.Read([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	x, err := a.ContentDigest()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.ContentDigest()
	if err != nil {
		t.Fatal(err)
	}
	if x != y {
		ja, _ := json.Marshal(a.Image)
		jb, _ := json.Marshal(b.Image)
		t.Errorf("manifests differ: %d and %d modules\n%s\n%s", len(a.Modules), len(b.Modules), ja, jb)
	}
}

// buildRPMs stages a .deb's files as Fedora does and packs them.
func buildRPMs(t *testing.T, deb, payload string) []string {
	t.Helper()
	top := t.TempDir()
	stage := filepath.Join(top, "stage")
	realtest.Walk(t, deb, func(name string, content io.Reader) error {
		switch {
		case strings.HasPrefix(name, "boot/vmlinuz-"):
			name = "lib/modules/" + release + "/vmlinuz"
		case strings.HasPrefix(name, "boot/config-"):
			name = "lib/modules/" + release + "/config"
		case strings.HasPrefix(name, "lib/modules/"):
		default:
			return nil
		}
		return realtest.WriteFile(filepath.Join(stage, name), content)
	})
	spec := filepath.Join(top, "kernel.spec")
	text := fmt.Sprintf(fedoraSpec, payload, stage, release, release, release, release, release)
	if err := os.WriteFile(spec, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("rpmbuild", "-bb", "--define", "_topdir "+top, "--define", "_unpackaged_files_terminate_build 0", spec)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v\n%s", err, out[max(0, len(out)-2000):])
	}
	var rpms []string
	for _, p := range []string{"core", "modules-core", "modules"} {
		found, err := filepath.Glob(filepath.Join(top, "RPMS/*/kernel-"+p+"-6.1.192-2.*.rpm"))
		if err != nil || len(found) != 1 {
			t.Fatalf("kernel-%s: %v %v", p, found, err)
		}
		rpms = append(rpms, found[0])
	}
	return rpms
}
