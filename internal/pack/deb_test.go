package pack

import (
	"archive/tar"
	"context"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

func sampleTar(t testing.TB) string {
	setuid := reg("./usr/bin/su", "x")
	setuid.Mode = 0o4755
	return tarFile(t,
		special("./", tar.TypeDir, ""), special("./usr/", tar.TypeDir, ""),
		reg("./usr/lib/modules/6.1/kernel/a.ko", strings.Repeat("module a ", 1000)), setuid,
		reg("./empty", ""), special("./usr/hard", tar.TypeLink, "./usr/bin/su"),
		special("./usr/lib/modules/6.1/build", tar.TypeSymlink, "/usr/src/linux-headers"),
		special("./dev/fifo", tar.TypeFifo, ""), reg("./usr/"+strings.Repeat("long/", 60)+"name", "long"))
}

func sampleEntries(member string) []seen {
	long := strings.Repeat("module a ", 1000)
	mk := func(path string, ty Type, mode uint32, link, data string) seen {
		return seen{Entry{Path: path, Member: member, Type: ty, Mode: mode, Size: int64(len(data)), Link: link,
			ModTime: stamp, Owner: "root", Group: "root"}, data}
	}
	return []seen{
		mk(".", Directory, 0o755, "", ""), mk("usr", Directory, 0o755, "", ""),
		mk("usr/lib/modules/6.1/kernel/a.ko", Regular, 0o644, "", long), mk("usr/bin/su", Regular, 0o4755, "", "x"),
		mk("empty", Regular, 0o644, "", ""), mk("usr/hard", Hardlink, 0o755, "usr/bin/su", ""),
		mk("usr/lib/modules/6.1/build", Symlink, 0o755, "/usr/src/linux-headers", ""),
		mk("dev/fifo", Other, 0o755, "", ""), mk("usr/"+strings.Repeat("long/", 60)+"name", Regular, 0o644, "", "long"),
	}
}

func TestDebEveryCompressor(t *testing.T) {
	data, control := sampleTar(t), controlTar(t)
	tests := []struct{ control, controlData, data, payload string }{
		{"control.tar", control, "data.tar", data},
		{"control.tar.gz", gz(t, control), "data.tar.gz", gz(t, data)},
		{"control.tar.xz", filter(t, control, "xz", "-c"), "data.tar.xz", filter(t, data, "xz", "-c")},
		{"control.tar.zst", zst(t, control), "data.tar.zst", zst(t, data)},
		{"control.tar.gz/", gz(t, control), "data.tar.bz2/", filter(t, data, "bzip2", "-c")},
		{"control.tar.gz", gz(t, control), "data.tar.lzma", filter(t, data, "xz", "--format=lzma", "-c")},
	}
	for _, tt := range tests {
		t.Run(tt.data, func(t *testing.T) {
			path := write(t, "x.deb", arFile(arMember{name: "debian-binary", data: "2.0\n"},
				arMember{name: tt.control, data: tt.controlData}, arMember{name: "_gpg", data: "x"},
				arMember{name: tt.data, data: tt.payload}))
			for _, jobs := range []int{1, 3} {
				got, err := walkAll(path, Options{Jobs: jobs})
				check(t, err)
				if want := sampleEntries(strings.TrimSuffix(tt.data, "/")); !reflect.DeepEqual(got, want) {
					t.Errorf("jobs %d: got\n%v\nwant\n%v", jobs, got, want)
				}
			}
			check(t, skipWalk(path))
			if out, err := exec.Command("dpkg-deb", "--fsys-tarfile", path).Output(); err != nil || string(out) != data {
				t.Errorf("dpkg-deb reads %d bytes (%v), the fixture has %d", len(out), err, len(data))
			}
		})
	}
}

func TestDebFields(t *testing.T) {
	p, err := Open(context.Background(), write(t, "x.deb", debFile(t, sampleTar(t))), Options{})
	check(t, err)
	defer p.Close()
	got := []string{string(p.Kind), p.Name, p.Version, p.Arch, p.Source, p.SourceVersion, p.Fields["Depends"], p.Fields["Section"], p.Fields["Description"]}
	want := []string{"deb", "linux-image-test", "6.1.1-1+b1", "amd64", "linux", "6.1.1-1", "kmod,\nlinux-base (>= 4.3~)", "kernel", "a kernel\nin two lines"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if m := p.Members(); len(m) != 3 || m[2].Name != "data.tar" || m[2].End() != p.size {
		t.Errorf("members %+v", m)
	}
}

func TestUdeb(t *testing.T) {
	control := tarFile(t, reg("control", "Package: m\nVersion: 1\nArchitecture: all\nPackage-Type: udeb\n"))
	path := write(t, "no-suffix", arFile(arMember{name: "debian-binary", data: "2.0\n"}, arMember{name: "control.tar", data: control}, arMember{name: "data.tar", data: sampleTar(t)}))
	p, err := Open(context.Background(), path, Options{})
	check(t, err)
	defer p.Close()
	if p.Kind != Udeb || p.Source != "m" || p.SourceVersion != "1" {
		t.Errorf("kind %v source %s %s", p.Kind, p.Source, p.SourceVersion)
	}
}

// TestDebMembers has the arrangements of members that dpkg-deb tells apart;
// dpkg-deb itself is asked and must agree (RELIABILITY P3, P4, P5).
func TestDebMembers(t *testing.T) {
	bin := arMember{name: "debian-binary", data: "2.0\n"}
	ctl := arMember{name: "control.tar", data: controlTar(t)}
	dat := arMember{name: "data.tar", data: sampleTar(t)}
	extra := arMember{name: "extra", data: "xy"}
	under := arMember{name: "_extra", data: "xyz"}
	tests := []struct {
		name    string
		members []arMember
		want    string // part of the error; "" is accepted
	}{
		{"plain", []arMember{bin, ctl, dat}, ""},
		{"underscore first", []arMember{under, bin, ctl, dat}, "first ar member is not debian-binary"},
		{"underscore between", []arMember{bin, under, ctl, under, dat}, ""},
		{"extra after data", []arMember{bin, ctl, dat, extra}, ""},
		{"second data after data", []arMember{bin, ctl, dat, dat}, ""},
		{"extra before control", []arMember{bin, extra, ctl, dat}, "member extra stands before control.tar"},
		{"extra before data", []arMember{bin, ctl, extra, dat}, "member extra stands before data.tar"},
		{"data before control", []arMember{bin, dat, ctl}, "member data.tar stands before control.tar"},
		{"two controls", []arMember{bin, ctl, ctl, dat}, "two control members"},
		{"no control", []arMember{bin, dat}, "stands before control.tar"},
		{"no data", []arMember{bin, ctl}, "member data.tar is missing"},
		{"empty", nil, "first ar member is not debian-binary"},
		{"no debian-binary", []arMember{ctl, dat}, "first ar member is not debian-binary"},
		{"format 3", []arMember{{name: "debian-binary", data: "3.0\n"}, ctl, dat}, "deb format version 3.0"},
		{"format 2.9", []arMember{{name: "debian-binary", data: "2.9\nmore\n"}, ctl, dat}, ""},
		{"format words", []arMember{{name: "debian-binary", data: "two\n"}, ctl, dat}, "not major.minor"},
		{"format no line end", []arMember{{name: "debian-binary", data: "2.0"}, ctl, dat}, "without a line end"},
		{"data.tar.bad", []arMember{bin, ctl, {name: "data.tar.bad", data: dat.data}}, "dpkg reads data.tar, .gz"},
		{"control.tar.bz2", []arMember{bin, {name: "control.tar.bz2", data: ctl.data}, dat}, "dpkg reads control.tar, .gz"},
		{"size with letters", []arMember{bin, ctl, {name: "data.tar", data: dat.data, size: "12x"}}, "field size"},
		{"size negative", []arMember{bin, ctl, {name: "data.tar", data: dat.data, size: "-5"}}, "field size"},
		{"size huge", []arMember{bin, ctl, {name: "data.tar", data: dat.data, size: "9999999999"}}, "truncated: member data.tar"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, "x.deb", arFile(tt.members...))
			_, err := walkAll(path, Options{})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if k := where.KindOf(err); err != nil && k != where.Malformed && k != where.Unsupported {
				t.Errorf("kind %v: %v", k, err)
			}
			out, derr := exec.Command("dpkg-deb", "--fsys-tarfile", path).CombinedOutput()
			if (derr == nil) != (err == nil) {
				t.Errorf("dpkg-deb says %v %s, we say %v", derr, out[max(0, len(out)-200):], err)
			}
		})
	}
}

// TestNotPackages is P1: what claims to be a package and is none.
func TestNotPackages(t *testing.T) {
	for name, data := range map[string]string{
		"empty.deb": "", "text.rpm": "hello\n", "twice.deb": gz(t, string(debFile(t, sampleTar(t)))), "short.udeb": "!<arch",
	} {
		_, err := Open(context.Background(), write(t, name, []byte(data)), Options{})
		if err == nil || where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), "not a deb or rpm (first bytes ") || where.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	lib := write(t, "libx.a", arFile(arMember{name: "x.o", data: "elf!"}))
	got, err := walkAll(lib, Options{})
	check(t, err)
	if len(got) != 1 || got[0].Path != "libx.a" || got[0].Type != Regular || got[0].Size != 72 {
		t.Errorf("a static library is a file: %+v", got)
	}
}

// TestDebTruncated is P2: cut anywhere, never a complete walk.
func TestDebTruncated(t *testing.T) {
	whole := arFile(arMember{name: "debian-binary", data: "2.0\n"},
		arMember{name: "control.tar.gz", data: gz(t, controlTar(t))}, arMember{name: "data.tar.gz", data: gz(t, sampleTar(t))})
	path := write(t, "x.deb", whole)
	check(t, skipWalk(path))
	for n := len(whole) - 1; n >= 0; n-- {
		check(t, os.Truncate(path, int64(n)))
		err := skipWalk(path)
		if err == nil {
			t.Fatalf("cut to %d of %d bytes: no error", n, len(whole))
		}
		if k := where.KindOf(err); k != where.Malformed {
			t.Fatalf("cut to %d bytes: kind %v: %v", n, k, err)
		}
		if !strings.Contains(err.Error(), "0x") && n != 0 {
			t.Fatalf("cut to %d bytes: no offset: %v", n, err)
		}
	}
}

// TestDebInnerTruncated cuts the payload alone, the ar around it is sound.
func TestDebInnerTruncated(t *testing.T) {
	data := sampleTar(t)
	for n := 0; n < len(data); n += 512 {
		for _, member := range []arMember{{name: "data.tar", data: data[:n]}, {name: "data.tar.gz", data: gz(t, data[:n])}} {
			path := write(t, "x.deb", arFile(arMember{name: "debian-binary", data: "2.0\n"}, arMember{name: "control.tar", data: controlTar(t)}, member))
			err := skipWalk(path)
			if where.KindOf(err) != where.Malformed || err == nil {
				t.Fatalf("%s of %d bytes: %v", member.name, n, err)
			}
		}
	}
}

// TestTarNames is P10.
func TestTarNames(t *testing.T) {
	tests := []struct {
		entry tarEntry
		want  string
		kind  where.Kind
	}{
		{reg("./../../etc/shadow", "x"), "leads out of the package", where.Malformed},
		{reg("usr/../../x", "x"), "leads out of the package", where.Malformed},
		{reg("/etc/passwd", "x"), "is absolute", where.Malformed},
		{reg(strings.Repeat("d/", 300<<10)+"f", "x"), "name of", where.Limit},
		{reg("./"+strings.Repeat("n", 70<<10), "x"), "name of", where.Limit},
		{special("./l", tar.TypeLink, "../../x"), "leads out of the package", where.Malformed},
		{reg("./esc\x1b[2J/../..", "x"), `\x1b[2J`, where.Malformed},
	}
	for _, tt := range tests {
		path := write(t, "x.deb", debFile(t, tarFile(t, reg("./before", ""), tt.entry)))
		err := skipWalk(path)
		if err == nil || where.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%.30q: %v", tt.entry.Name, err)
		}
	}
}

// TestTarRepeats: the same path again, another type, files below a symlink:
// all are reported in order and nothing is resolved.
func TestTarRepeats(t *testing.T) {
	path := write(t, "x.deb", debFile(t, tarFile(t, special("./d", tar.TypeDir, ""), special("./d", tar.TypeSymlink, "/etc"), reg("./d/passwd", "1"), reg("d//./passwd", "2"))))
	got, err := walkAll(path, Options{})
	check(t, err)
	var list []string
	for _, e := range got {
		list = append(list, e.Path+" "+e.Data)
	}
	if want := []string{"d ", "d ", "d/passwd 1", "d/passwd 2"}; !reflect.DeepEqual(list, want) {
		t.Errorf("got %q", list)
	}
}
