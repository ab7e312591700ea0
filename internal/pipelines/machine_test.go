//go:build pipelines

package pipelines

import (
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
)

// machine is a small Debian system in a folder: the trixie chroot of `make
// tools` without its compilers. What is not real on it: uname (strace writes
// another name into the answer), /proc/version and the base in sysfs, which
// are those of pair A's older kernel under the newer one's name, as if that
// had been replaced in place. It has no /proc/config.gz, as Debian's have none.
type machine struct {
	root   string
	base   string // files that are bound over those of this kernel
	banner string
	uts    string // the answer of uname(2), as strace takes it
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	tools, err := exec.Command(filepath.Join(realtest.Root(), "testdata/real/tools.sh"), realtest.Cache()).Output()
	if err != nil {
		t.Fatalf("make tools: %v", err)
	}
	dir := t.TempDir()
	m := &machine{root: filepath.Join(dir, "root"), base: filepath.Join(dir, "base"), banner: filepath.Join(dir, "banner")}
	must(t, os.Mkdir(m.root, 0o755))
	output(t, "sh", "-c", `tar -C "$1" --exclude ./usr/include --exclude ./usr/lib/gcc --exclude './usr/libexec/gcc*' --exclude './usr/bin/*-linux-gnu-*' --exclude ./usr/share/doc --exclude ./usr/share/locale --exclude './var/cache/*' -cf - . | tar -C "$2" -xf -`,
		"sh", strings.TrimSpace(string(tools)), m.root)
	old, err := kimage.Parse(t.Context(), realtest.Member(t, realtest.Deb(t, realtest.PairAOld), "boot/vmlinuz-*"), kimage.Options{})
	must(t, err)
	write(t, m.base, old.BTF)
	write(t, m.banner, []byte(strings.ReplaceAll(old.Banner, old.Release, release)+"\n"))
	for _, f := range []string{"Linux", "machine", release, "#1 SMP", "x86_64", "(none)"} {
		m.uts += hex.EncodeToString(append([]byte(f), make([]byte, 65-len(f))...))
	}
	return m
}

// Where a program runs: as the first process of a system (a booted host, as
// far as anybody can tell from inside), or in a chroot below one, with /proc
// and /sys in it, as builders of images do.
const (
	asHost   = "--pid --fork"
	asChroot = "--"
)

// mounts are what both runs of a script begin with: $1 is the root, $2 the
// base, $3 the banner, $4 the script.
const mounts = `mount -t proc proc "$1/proc"; mount --bind /sys "$1/sys"; mount --bind /dev "$1/dev"
mount --bind "$2" "$1/sys/kernel/btf/vmlinux"; mount --bind "$3" "$1/proc/version"
[ ! -e "$1/proc/config.gz" ] || mount --bind /dev/null "$1/proc/config.gz"
`

// run runs a shell script in the machine and gives what it said and the code.
func (m *machine) run(t *testing.T, where, script string) (said string, code int) {
	t.Helper()
	return m.strace(t, where, mounts+`exec chroot "$1" sh -c "$4"`, script)
}

// outside runs a script beside the machine, with its root as $1; as a host,
// the first process has its root there: rpm --root as if rpm were on it.
func (m *machine) outside(t *testing.T, where, script string) (said string, code int) {
	t.Helper()
	if where == asChroot {
		return m.strace(t, where, mounts+`exec sh -c "$4" sh "$1"`, script)
	}
	return m.strace(t, where, mounts+`mount --rbind "$1/proc" /proc; rm -f "$1/code" "$1/done"
		(until [ "$(stat -Lc %i /proc/1/root/.)" = "$(stat -Lc %i "$1")" ]; do sleep 0.1; done
		code=0; sh -c "$4" sh "$1" || code=$?; echo $code >"$1/code"; : >"$1/done") &
		exec chroot "$1" sh -c 'until [ -e /done ]; do sleep 0.1; done; exit $(cat /code)'`, script)
}

// strace runs a program with another answer of uname, in mounts of its own.
func (m *machine) strace(t *testing.T, where, program, script string) (said string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null", "-e", "trace=uname", "-e", "inject=uname:poke_exit=@arg1="+m.uts,
		"unshare", "--mount")
	cmd.Args = append(append(cmd.Args, strings.Fields(where)...), "sh", "-ec", program, "sh", m.root, m.base, m.banner, script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// must is run for a script that has to succeed.
func (m *machine) must(t *testing.T, where, script string) string {
	t.Helper()
	said, code := m.run(t, where, script)
	if code != 0 {
		t.Fatalf("%s: exit %d\n%s", script, code, said)
	}
	return said
}

// file is the text of a file of the machine, "" when it is missing.
func (m *machine) file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.root, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// list is every file of the machine but records and logs of dpkg, apt and rpm,
// what belongs to the test, and what depmod of this kmod writes, which the postrm of
// an older kernel does not know.
func (m *machine) list(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(m.root, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, m.root)
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"/var/lib/dpkg", "/var/lib/apt", "/var/log", "/usr/lib/modules", "/pool", "/.rpmdb", "/var/cache", "/tmp", "/proc", "/sys", "/dev"}, name):
			return fs.SkipDir
		}
		all = append(all, name+" "+d.Type().String())
		return nil
	})
	must(t, err)
	return slices.DeleteFunc(all, func(f string) bool { return strings.HasPrefix(f, "/code ") || strings.HasPrefix(f, "/done ") })
}

// without returns what is in a and not in b.
func without(a, b []string) []string {
	in := map[string]bool{}
	for _, x := range b {
		in[x] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(x string) bool { return in[x] })
}

// ours are the lines of a log that the check wrote.
func ours(said string) []string {
	var lines []string
	for l := range strings.Lines(said) {
		if strings.HasPrefix(l, "kpkg-btf:") {
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	return lines
}

// kernelParts are image, config and some modules of pair A's newer kernel, in
// two parts as distributions split them; the first ones of the package, so
// that the rest need not be unpacked.
func kernelParts(t *testing.T, image, extra string) (modules int) {
	t.Helper()
	realtest.Walk(t, realtest.Deb(t, realtest.PairANew), func(name string, content io.Reader) error {
		switch {
		case strings.Contains(name, "/kernel/block/"):
			return fs.SkipAll
		case strings.Contains(name, "/kernel/arch/x86/crypto/"), strings.HasPrefix(name, "boot/vmlinuz-"), strings.HasPrefix(name, "boot/config-"):
			modules += strings.Count(filepath.Ext(name), ".ko")
			return realtest.WriteFile(filepath.Join(image, name), content)
		case strings.Contains(name, "/kernel/arch/x86/events/"):
			modules++
			return realtest.WriteFile(filepath.Join(extra, name), content)
		}
		return nil
	})
	return modules
}
