//go:build pipelines

package pipelines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// A small kernel is an image of pair A with about 40 of its modules, as a
// package of the name, version and architecture that Debian gave it.
type smallKernel struct{ spec, headers, release, version string }

var (
	smallOld = smallKernel{realtest.PairAOld, realtest.PairAOldHeaders, "6.1.0-55-amd64", "6.1.192-1"}
	smallNew = smallKernel{realtest.PairANew, realtest.PairANewHeaders, "6.1.0-56-amd64", "6.1.192-2"}
)

const smallControl = `Package: linux-image-%s
Source: linux
Version: %s
Architecture: amd64
Maintainer: X <x@example.org>
Description: part of a kernel
 A test.
`

// stageImage writes image and modules of the small kernel below a folder.
func (k smallKernel) stageImage(t *testing.T, dir string) {
	t.Helper()
	for path, data := range partFiles(t, k.spec) {
		write(t, filepath.Join(dir, path), data)
	}
}

// stage writes the headers' Module.symvers too.
func (k smallKernel) stage(t *testing.T, dir string) {
	t.Helper()
	k.stageImage(t, dir)
	symvers := "usr/src/linux-headers-" + k.release + "/Module.symvers"
	write(t, filepath.Join(dir, symvers), realtest.Member(t, realtest.Deb(t, k.headers), "Module.symvers"))
}

// deb packs the small kernel into a folder and gives the file.
func (k smallKernel) deb(t *testing.T, dir string) string {
	t.Helper()
	tree := t.TempDir()
	must(t, os.Chmod(tree, 0o755))
	k.stage(t, tree)
	write(t, filepath.Join(tree, "DEBIAN/control"), fmt.Appendf(nil, smallControl, k.release, k.version))
	must(t, os.MkdirAll(dir, 0o755))
	file := filepath.Join(dir, "linux-image-"+k.release+"_"+k.version+"_amd64.deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, file).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	return file
}

// archive makes a signed apt archive of the packages in a folder and gives its
// address and the keyring.
func archive(t *testing.T, pool string) (address, keyring string) {
	t.Helper()
	root := filepath.Dir(pool)
	home, err := os.MkdirTemp("", "gpg") // short: the agent's socket lies in it
	must(t, err)
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	keyring = filepath.Join(home, "public.gpg")
	gpg := "gpg --homedir " + home + " --batch --quiet --pinentry-mode loopback --passphrase '' "
	script := strings.Join([]string{
		"d=dists/test/main/binary-amd64", "mkdir -p $d", "apt-ftparchive packages " + filepath.Base(pool) + " >$d/Packages", "gzip -k $d/Packages",
		"apt-ftparchive -o APT::FTPArchive::Release::Suite=test release dists/test >Release", "mv Release dists/test/",
		gpg + "--quick-generate-key archive@example.org ed25519 sign 0", gpg + "--output " + keyring + " --export",
		gpg + "--clearsign --output dists/test/InRelease dists/test/Release",
	}, "\n")
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return "file://" + root, keyring
}
