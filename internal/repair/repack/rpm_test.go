package repack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

// kernelSpec has what a rebuild would lose: hard links, a Lua scriptlet,
// triggers, weak dependencies, ghosts, flags, a changelog.
const kernelSpec = `
Name: kernel-test
Epoch: 1
Version: 6.1
Release: 1
Summary: test
License: GPL-2.0
%%global _binary_payload %s
%%global __os_install_post %%{nil}
%%global debug_package %%{nil}
%%global _build_id_links none
AutoReqProv: no
Provides: kmod(x.ko) ksym(foo) = 0x1, installonlypkg(kernel)
Requires(post): coreutils
Recommends: linux-firmware >= 1
Suggests: b
Supplements: c
Enhances: d
%%description
test
%%install
mkdir -p %%{buildroot}/lib/modules/6.1/kernel %%{buildroot}/boot
cd %%{buildroot}/lib/modules/6.1/kernel
printf 'the old content' > x.ko
printf 'shared' > link1.ko; ln link1.ko link2.ko; ln link1.ko link3.ko
ln -s x.ko soft.ko
: > empty.ko
seq 1 30000 > big.ko
echo conf > %%{buildroot}/boot/config
touch %%{buildroot}/boot/initrd %%{buildroot}/lib/modules/6.1/modules.dep
touch -d @1700000000 %%{buildroot}/lib/modules/6.1/kernel/*.ko
%%post
echo post
%%posttrans -p <lua>
print("lua")
%%triggerin -- glibc
echo trigger
%%transfiletriggerin -- /lib/modules
echo filetrigger
%%files
%%dir /lib/modules/6.1/kernel
/lib/modules/6.1/kernel/*.ko
%%config(noreplace) %%attr(0600,root,root) /boot/config
%%ghost /boot/initrd
%%verify(not md5 size mtime) /lib/modules/6.1/modules.dep
%%changelog
* Thu Jan 01 2026 A <a@example.org> - 6.1-1
- first
`

// rpmbuild makes the package with the real tool.
func rpmbuild(t *testing.T, payload string) string {
	t.Helper()
	top := t.TempDir()
	spec := filepath.Join(top, "k.spec")
	check(t, os.WriteFile(spec, fmt.Appendf(nil, kernelSpec, payload), 0o644))
	run(t, "rpmbuild", "-bb", "--define", "_topdir "+top, spec)
	found, err := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

func run(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

const modules = "lib/modules/6.1/kernel/"

var rpmEdits = map[string]string{
	modules + "x.ko": strings.Repeat("new content ", 1000), modules + "link3.ko": "shared anew", modules + "empty.ko": "now",
}

// allowed are the tags that a rewrite changes; of the signature header too.
var rpmAllowed = []string{"Sha1header", "Sha256header", "Sigmd5", "Sigsize", "Size", "Filesizes", "Filedigests", "Payloaddigest", "Payloaddigestalt", "Payloadsize", "Archivesize", "Filemd5s"}

// tags returns the XML of each tag, as rpm prints it.
func tags(t *testing.T, file string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, part := range strings.Split(run(t, "rpm", "-qp", "--nosignature", "--xml", file), "<rpmTag name=\"")[1:] {
		name, value, _ := strings.Cut(part, "\"")
		out[name] += value
	}
	return out
}

// TestRpmChange: packages of the real rpmbuild, every payload compressor:
// nothing but sizes and digests differs, rpm verifies the digests, installs
// the package and finds its files as they should be.
func TestRpmChange(t *testing.T) {
	for _, payload := range []string{"w9.gzdio", "w6.xzdio", "w3.zstdio", "w9.bzdio", "w2.lzdio", "w.ufdio"} {
		t.Run(payload, func(t *testing.T) {
			file := rpmbuild(t, payload)
			same, r, err := rewritten(t, file, change(nil), Options{})
			check(t, err)
			a, _ := os.ReadFile(file)
			b, _ := os.ReadFile(same)
			if !bytes.Equal(a, b) || len(r.Changed) != 0 {
				t.Errorf("without a change: %d bytes became %d", len(a), len(b))
			}
			out, r, err := rewritten(t, file, change(rpmEdits), Options{})
			check(t, err)
			if len(r.Changed) != 3 || len(r.Notes) != 0 || r.CrossChecked != "rpm" {
				t.Errorf("%+v", r)
			}
			again, _, err := rewritten(t, file, change(rpmEdits), Options{Jobs: 3})
			check(t, err)
			a, _ = os.ReadFile(out)
			b, _ = os.ReadFile(again)
			if !bytes.Equal(a, b) {
				t.Error("-j3 makes other bytes")
			}
			old, now := tags(t, file), tags(t, out)
			for name := range old {
				if old[name] != now[name] && !slices.Contains(rpmAllowed, name) {
					t.Errorf("tag %s: %s\nwas %s", name, now[name], old[name])
				}
			}
			if len(old) != len(now) || len(old) < 60 {
				t.Errorf("%d tags, were %d", len(now), len(old))
			}
			if said := run(t, "rpm", "-Kv", out); strings.Count(said, ": OK") < 4 || strings.Contains(said, "BAD") {
				t.Errorf("rpm -Kv: %s", said)
			}
			install(t, out)
		})
	}
}

// install installs the package into a root of its own and verifies it; the old
// one is removed by the same way.
func install(t *testing.T, file string) {
	t.Helper()
	root := t.TempDir()
	rpm := func(args ...string) string {
		return run(t, append([]string{"rpm", "--root", root, "--nosignature"}, args...)...)
	}
	rpm("--initdb")
	rpm("-U", "--nodeps", "--noscripts", "--notriggers", file)
	if said := rpm("-V", "--nodeps", "--noscripts", "kernel-test"); strings.TrimSpace(said) != "" {
		t.Errorf("rpm -V: %s", said)
	}
	var ids []os.FileInfo
	for _, name := range []string{"link1.ko", "link2.ko", "link3.ko"} {
		got, err := os.ReadFile(filepath.Join(root, modules, name))
		if err != nil || string(got) != rpmEdits[modules+"link3.ko"] {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		fi, err := os.Stat(filepath.Join(root, modules, name))
		check(t, err)
		ids = append(ids, fi)
	}
	if !os.SameFile(ids[0], ids[1]) || !os.SameFile(ids[1], ids[2]) {
		t.Error("the hard links are no longer one file")
	}
}

// TestRpmEpoch: the header's time of a changed file follows.
func TestRpmEpoch(t *testing.T) {
	epoch := time.Unix(1600000000, 0)
	out, _, err := rewritten(t, rpmbuild(t, "w1.gzdio"), change(rpmEdits), Options{Epoch: &epoch})
	check(t, err)
	said := run(t, "rpm", "-qp", "--nosignature", "--qf", "[%{BASENAMES} %{FILEMTIMES}\n]", out)
	for _, want := range []string{"x.ko 1600000000", "link1.ko 1600000000", "big.ko 1700000000"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	install(t, out)
}

// TestCreaterepo reads the output.
func TestCreaterepo(t *testing.T) {
	out, _, err := rewritten(t, rpmbuild(t, "w1.gzdio"), change(rpmEdits), Options{})
	check(t, err)
	run(t, "createrepo_c", "--no-database", filepath.Dir(out))
	sum := sha256.Sum256(must(os.ReadFile(out)))
	primary, err := filepath.Glob(filepath.Join(filepath.Dir(out), "repodata/*primary.xml.gz"))
	if err != nil || len(primary) != 1 {
		t.Fatal(primary, err)
	}
	if text := run(t, "zcat", primary[0]); !strings.Contains(text, fmt.Sprintf("%x", sum)) || !strings.Contains(text, "ksym(foo)") {
		t.Errorf("%s", text)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// gpg makes a key in a home of its own.
func gpg(t *testing.T, algorithm string) (sign func(context.Context, []byte) ([]byte, error), key string) {
	t.Helper()
	home := t.TempDir()
	check(t, os.Chmod(home, 0o700))
	base := []string{"gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""}
	run(t, append(base, "--quick-gen-key", "t@example.org", algorithm, "sign", "never")...)
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() })
	key = filepath.Join(home, "key.asc")
	run(t, append(base, "--armor", "--output", key, "--export")...)
	return func(_ context.Context, header []byte) ([]byte, error) {
		cmd := exec.Command(base[0], append(base[1:], "--digest-algo", "SHA256", "--detach-sign")...)
		cmd.Stdin = bytes.NewReader(header)
		return cmd.Output()
	}, key
}

// TestRpmSign: a signature made anew is one that rpm accepts; without, the old
// one is gone and the user told.
func TestRpmSign(t *testing.T) {
	file := rpmbuild(t, "w1.gzdio")
	for _, algorithm := range []string{"rsa2048", "ed25519"} {
		sign, key := gpg(t, algorithm)
		out, r, err := rewritten(t, file, change(rpmEdits), Options{Sign: sign})
		check(t, err)
		db := t.TempDir()
		run(t, "rpm", "--dbpath", db, "--initdb")
		run(t, "rpm", "--dbpath", db, "--import", key)
		said := run(t, "rpm", "--dbpath", db, "-Kv", out)
		if !strings.Contains(said, "Signature, key ID") || strings.Contains(said, "NOKEY") || strings.Contains(said, "BAD") || len(r.Notes) != 0 {
			t.Errorf("%s: %+v\n%s", algorithm, r, said)
		}
		more := change(map[string]string{modules + "x.ko": "third"})
		gone, r, err := rewritten(t, out, more, Options{})
		check(t, err)
		if said := run(t, "rpm", "-Kv", gone); strings.Contains(said, "Signature, key ID") || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "signature dropped") {
			t.Errorf("%s: %+v\n%s", algorithm, r, said)
		}
		kept, _, err := rewritten(t, out, change(nil), Options{})
		check(t, err)
		if !bytes.Equal(must(os.ReadFile(out)), must(os.ReadFile(kept))) {
			t.Error("the signature of an unchanged package was touched")
		}
		again, r, err := rewritten(t, out, more, Options{Sign: sign})
		check(t, err)
		said = run(t, "rpm", "--dbpath", db, "-Kv", again)
		if strings.Count(said, "Signature, key ID") != 1 || len(r.Notes) != 1 {
			t.Errorf("%s: %+v\n%s", algorithm, r, said)
		}
	}
}

// TestSignRefuses signatures over something else and what is none.
func TestSignRefuses(t *testing.T) {
	file := rpmbuild(t, "w1.gzdio")
	sign, _ := gpg(t, "rsa2048")
	for name, f := range map[string]func(context.Context, []byte) ([]byte, error){
		"other data": func(ctx context.Context, b []byte) ([]byte, error) { return sign(ctx, b[1:]) },
		"nothing":    func(context.Context, []byte) ([]byte, error) { return nil, nil },
		"noise":      func(context.Context, []byte) ([]byte, error) { return bytes.Repeat([]byte("x"), 300), nil },
		"two": func(ctx context.Context, b []byte) ([]byte, error) {
			s, err := sign(ctx, b)
			return append(s, s...), err
		},
	} {
		_, _, err := rewritten(t, file, change(rpmEdits), Options{Sign: f})
		if where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), "signing: not a signature") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := rewritten(t, file, change(rpmEdits), Options{Sign: func(context.Context, []byte) ([]byte, error) {
		return nil, where.New(where.IO, "helper hangs")
	}})
	if where.KindOf(err) != where.IO || !strings.Contains(err.Error(), "helper hangs") {
		t.Error(err)
	}
}

func fileSum(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// synthetic is a package of packtest with file digests and signatures that
// rpmbuild would not make.
func synthetic(stripped bool) *packtest.Rpm {
	files := []packtest.File{
		{Path: "/lib/modules/6.1/a.ko", Mode: 0o100644, Data: "aaa", Ino: 7},
		{Path: "/lib/modules/6.1/b.ko", Mode: 0o100644, Data: "aaa", Ino: 7},
		{Path: "/lib/modules/6.1/c.ko", Mode: 0o100644, Data: "ccccc"},
		{Path: "/lib/modules/6.1/d.ko", Mode: 0o100644, Data: "d"},
	}
	var sums []string
	for _, f := range files {
		sums = append(sums, fileSum(f.Data))
	}
	return &packtest.Rpm{Files: files, Stripped: stripped, CRC: !stripped, Digest: "sha256",
		Set: []packtest.Tag{{Tag: 1035, Value: sums}, {Tag: 5011, Value: []uint32{8}}, {Tag: 5009, Value: []uint64{9}}},
		SetSig: []packtest.Tag{{Tag: 268, Value: []byte("rsa")}, {Tag: 274, Value: []string{"0101", "0101", "0202", "0303"}}, {Tag: 275, Value: []uint32{2}},
			{Tag: 276, Value: []string{"", "", "AAAA", ""}}, {Tag: 277, Value: []uint32{8}}}}
}

// TestRpmSynthetic: stripped and checksummed archives, IMA and fs-verity
// signatures.
func TestRpmSynthetic(t *testing.T) {
	for _, stripped := range []bool{false, true} {
		file := save(t, "x.rpm", synthetic(stripped).Build())
		out, r, err := rewritten(t, file, change(map[string]string{"lib/modules/6.1/b.ko": "B", "lib/modules/6.1/c.ko": "CCCCCCCC"}), Options{})
		check(t, err)
		want := synthetic(stripped)
		for i, data := range []string{"B", "B", "CCCCCCCC", "d"} {
			want.Files[i].Data = data
			want.Set[0].Value.([]string)[i] = fileSum(data)
		}
		want.Set[2].Value = []uint64{10}
		want.SetSig = []packtest.Tag{{Tag: 274, Value: []string{"", "", "", "0303"}}, {Tag: 275, Value: []uint32{2}}}
		if !bytes.Equal(must(os.ReadFile(out)), want.Build()) {
			t.Errorf("stripped %v: not what the builder makes: %d bytes, want %d", stripped, len(must(os.ReadFile(out))), len(want.Build()))
		}
		if notes := strings.Join(r.Notes, "\n"); len(r.Notes) != 3 || !strings.Contains(notes, "IMA signatures of 3") || !strings.Contains(notes, "fs-verity signatures of 1") {
			t.Errorf("%q", r.Notes)
		}
	}
}

// TestRpmRefused: nothing is published.
func TestRpmRefused(t *testing.T) {
	ed := change(map[string]string{"lib/modules/6.1/c.ko": "new"})
	for _, c := range []struct {
		name, want string
		kind       where.Kind
		edit       func(*packtest.Rpm)
	}{
		{"format 6", "package format 6", where.Unsupported, func(r *packtest.Rpm) { r.Set = append(r.Set, packtest.Tag{Tag: 5114, Value: []uint32{6}}) }},
		{"a digest that lies", "header: lib/modules/6.1/c.ko: the header says", where.Malformed, func(r *packtest.Rpm) { r.Set[0].Value.([]string)[2] = fileSum("x") }},
		{"unknown file digests", "algorithm 99", where.Unsupported, func(r *packtest.Rpm) { r.Set[1].Value = []uint32{99} }},
		{"old IMA", "IMA", where.Unsupported, func(r *packtest.Rpm) {
			r.Set = append(r.Set, packtest.Tag{Tag: 5090, Value: []string{"", "", "", ""}})
		}},
		{"unknown compressor", "compressor", where.Unsupported, func(r *packtest.Rpm) { r.Compressor = "$(id)" }},
		{"odd flags", "payload flags", where.Unsupported, func(r *packtest.Rpm) {
			r.Compressor, r.Compress = "gzip", filter(t, "gzip", "-c")
			r.Set = append(r.Set, packtest.Tag{Tag: 1126, Value: "$(id)"})
		}},
	} {
		r := synthetic(false)
		c.edit(r)
		file := save(t, "x.rpm", r.Build())
		p, err := (&pack.Input{Path: file, Size: -1}).Open(t.Context(), pack.Options{})
		if err == nil {
			p.Close()
			_, _, err = rewritten(t, file, ed, Options{})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || where.KindOf(err) != c.kind || !strings.HasPrefix(err.Error(), file) {
			t.Errorf("%s: %v (kind %v)", c.name, err, where.KindOf(err))
		}
	}
}
