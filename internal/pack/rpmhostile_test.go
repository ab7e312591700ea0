package pack

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

// sampleRpm has every kind of entry, a hard-link set of three and a ghost.
func sampleRpm() *packtest.Rpm {
	return &packtest.Rpm{Digest: "sha256", Files: []packtest.File{
		{Path: "/lib/modules/6.1", Mode: 0o040755},
		{Path: "/lib/modules/6.1/a.ko", Mode: 0o100644, Data: "module"},
		{Path: "/lib/modules/6.1/b.ko", Mode: 0o100644, Data: "linked", Ino: 7},
		{Path: "/lib/modules/6.1/build", Mode: 0o120777, Data: "/usr/src/k"},
		{Path: "/lib/modules/6.1/c.ko", Mode: 0o100644, Data: "linked", Ino: 7},
		{Path: "/lib/modules/6.1/d.ko", Mode: 0o100644, Data: "linked", Ino: 7},
		{Path: "/dev/console", Mode: 0o020600},
		{Path: "/boot/initramfs", Mode: 0o100600, Flags: 1 << 6, Size: 99, Absent: true},
	}}
}

var sampleRpmNames = []string{
	"lib/modules/6.1|dir||", "lib/modules/6.1/a.ko|file||module", "lib/modules/6.1/b.ko|hardlink|lib/modules/6.1/d.ko|",
	"lib/modules/6.1/build|symlink|/usr/src/k|", "lib/modules/6.1/c.ko|hardlink|lib/modules/6.1/d.ko|",
	"lib/modules/6.1/d.ko|file||linked", "dev/console|other||", "boot/initramfs|ghost||",
}

func build(t testing.TB, change func(*packtest.Rpm)) string {
	r := sampleRpm()
	if change != nil {
		change(r)
	}
	return write(t, "k.rpm", r.Build())
}

// TestRpmForms are sound packages of every form rpm writes or wrote.
func TestRpmForms(t *testing.T) {
	for name, tt := range map[string]struct {
		change   func(*packtest.Rpm)
		coverage string
	}{
		"newc":        {nil, "sha256"},
		"stripped":    {func(r *packtest.Rpm) { r.Stripped = true }, "sha256"},
		"checksums":   {func(r *packtest.Rpm) { r.CRC = true }, "sha256"},
		"alternative": {func(r *packtest.Rpm) { r.Digest = "alt" }, "sha256-alt"},
		"old md5":     {func(r *packtest.Rpm) { r.Digest = "md5" }, "md5"},
		"not covered": {func(r *packtest.Rpm) { r.Digest = "" }, ""},
		"gzip untold": {func(r *packtest.Rpm) { r.Compress = func(b []byte) []byte { return []byte(gz(t, string(b))) } }, "sha256"},
		"rpm 6": {func(r *packtest.Rpm) {
			r.Stripped = true
			r.Set = []packtest.Tag{{Tag: 5114, Value: []uint32{6}}}
			r.SetSig = []packtest.Tag{{Tag: 1000}, {Tag: 278, Value: []string{"sig"}}}
		}, "sha256"},
		"dribbles": {func(r *packtest.Rpm) {
			r.SigDribbles = []packtest.Tag{{Tag: 274, Value: []string{"ima"}}, {Tag: 275, Value: []uint32{3}}}
		}, "sha256"},
		"zero padded": {func(r *packtest.Rpm) { r.Edit = func(b []byte) []byte { return append(b, make([]byte, 700)...) } }, "sha256"},
		"old names": {func(r *packtest.Rpm) {
			var all []string
			for _, f := range r.Files {
				all = append(all, f.Path)
			}
			r.Drop, r.Set = []uint32{1116, 1117, 1118}, []packtest.Tag{{Tag: 1027, Value: all}}
		}, "sha256"},
	} {
		t.Run(name, func(t *testing.T) {
			path := build(t, tt.change)
			got, err := walkAll(path, Options{})
			check(t, err)
			if !reflect.DeepEqual(names(got), sampleRpmNames) {
				t.Errorf("got\n%s", strings.Join(names(got), "\n"))
			}
			check(t, skipWalk(path))
			p, err := Open(context.Background(), path, Options{})
			check(t, err)
			defer p.Close()
			raw, err := os.ReadFile(path)
			check(t, err)
			if p.Coverage != tt.coverage || !bytes.Equal(p.Header().Bytes(), raw[:p.Header().Payload]) {
				t.Errorf("coverage %q; headers re-serialise: %v", p.Coverage, bytes.Equal(p.Header().Bytes(), raw[:p.Header().Payload]))
			}
		})
	}
}

// edit replaces bytes of the cpio archive; their count stays.
func edit(old, new string) func(*packtest.Rpm) {
	return func(r *packtest.Rpm) {
		r.Edit = func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	}
}

func set(tag uint32, value any) func(*packtest.Rpm) {
	return func(r *packtest.Rpm) { r.Set = []packtest.Tag{{Tag: tag, Value: value}} }
}

// word overwrites a 32-bit word of the general header.
func word(at int, v uint32) func(*packtest.Rpm) {
	return func(r *packtest.Rpm) {
		r.EditHeader = func(b []byte) []byte { binary.BigEndian.PutUint32(b[at:], v); return b }
	}
}

// TestRpmHostile is P6 to P9.
func TestRpmHostile(t *testing.T) {
	zero := strings.Repeat("0", 64)
	tests := []struct {
		name   string
		change func(*packtest.Rpm)
		kind   where.Kind
		want   string
	}{
		{"nindex 2^31", word(8, 1<<31), where.Malformed, "2147483648 entries"},
		{"nindex 0", word(8, 0), where.Malformed, "0 entries"},
		{"hsize 257 MiB", word(12, 257<<20), where.Malformed, "store of 269484032 bytes"},
		{"hsize beyond file", word(12, 200<<20), where.Malformed, "truncated: rpm header needs"},
		{"header magic", word(0, 0), where.Malformed, "rpm header begins with"},
		{"region tag", word(16, 62), where.Malformed, "first tag is 62"},
		{"region count", word(28, 17), where.Malformed, "count 17"},
		{"region offset", word(24, 1<<30), where.Malformed, "outside the store"},
		{"region offset negative", word(24, 0xffffffff), where.Malformed, "outside the store"},
		{"region trailer", word(24, 0), where.Malformed, "trailer has tag"},
		{"entry tag", word(32, 5), where.Malformed, "entry #1 tag 5: reserved"},
		{"entry type", word(36, 10), where.Malformed, "entry #1 tag 1000: type 10"},
		{"entry offset", word(40, 1<<28), where.Malformed, "entry #1 tag 1000: offset 268435456"},
		{"entry string count", word(44, 2), where.Malformed, "entry #1 tag 1000: type 6 count 2"},
		{"entry overlap", word(56, 0), where.Malformed, "entry #2 tag 1001: offset 0 overlaps"},
		{"tag twice", word(48, 1000), where.Malformed, "tag occurs twice"},
		{"header digest", func(r *packtest.Rpm) { r.SetSig = []packtest.Tag{{Tag: 273, Value: zero}} }, where.Malformed, "digest of the rpm header"},
		{"header sha1", func(r *packtest.Rpm) { r.SetSig = []packtest.Tag{{Tag: 273}, {Tag: 269, Value: zero[:40]}} }, where.Malformed, "tag 269"},
		{"size tag", func(r *packtest.Rpm) { r.SetSig = []packtest.Tag{{Tag: 1000, Value: []uint32{5}}} }, where.Malformed, "data after the package"},
		{"long size tag", func(r *packtest.Rpm) { r.SetSig = []packtest.Tag{{Tag: 270, Value: []uint64{1 << 40}}} }, where.Malformed, "truncated"},
		{"payload digest", set(5092, []string{zero}), where.Malformed, "sha256 of the rpm payload is"},
		{"payload digest odd", set(5092, []string{"\x1b[2J"}), where.Malformed, `expected \x1b[2j`},
		{"payload alt digest", func(r *packtest.Rpm) { r.Digest = ""; set(5097, []string{zero})(r) }, where.Malformed, "decompressed rpm payload"},
		{"payload md5", func(r *packtest.Rpm) { r.Digest = ""; r.SetSig = []packtest.Tag{{Tag: 1004, Value: make([]byte, 16)}} }, where.Malformed, "md5 of the rpm header and payload"},
		{"digest algorithm", set(5093, []uint32{99}), where.Unsupported, "algorithm 99"},
		{"compressor", set(1125, "$(touch /tmp/pwned)"), where.Unsupported, "payload compressor $(touch"},
		{"compressor lie", set(1125, "xz"), where.Malformed, "payload"},
		{"payload format", set(1124, "drpm"), where.Unsupported, "payload format drpm"},
		{"format 7", set(5114, []uint32{7}), where.Unsupported, "rpm package format 7"},
		{"no name", func(r *packtest.Rpm) { r.Drop = []uint32{1000} }, where.Malformed, "without name"},
		{"name of type int", set(1000, []uint32{1}), where.Malformed, "tag 1000 has type 4"},
		{"too few modes", set(1030, []uint16{1}), where.Malformed, "tag 1030 has 1 values for 8 files"},
		{"no modes", func(r *packtest.Rpm) { r.Drop = []uint32{1030} }, where.Malformed, "tag 1030 is missing"},
		{"no sizes", func(r *packtest.Rpm) { r.Drop = []uint32{1028} }, where.Malformed, "tag 1028 is missing"},
		{"dir index", set(1116, []uint32{0, 0, 0, 0, 0, 0, 0, 9}), where.Malformed, "in directory #9"},
		{"name climbs", set(1118, []string{"/../", "/x/", "/y/", "/z/"}), where.Malformed, "leads out"},
		{"cpio magic", edit("070701", "070707"), where.Malformed, `cpio header begins with "070707"`},
		{"cpio namesize 0", cpioField(11, "00000000"), where.Malformed, "cpio name of 0 bytes"},
		{"cpio namesize huge", cpioField(11, "ffffffff"), where.Malformed, "cpio name of 4294967295"},
		{"cpio namesize short", cpioField(11, "00000005"), where.Malformed, "has its NUL at"},
		{"cpio not hex", cpioField(6, "0x000001"), where.Malformed, "not a hexadecimal number"},
		{"cpio size", cpioField(6, "ffffffff"), where.Malformed, "4294967295 bytes"},
		{"cpio mode", cpioField(1, "000081a4"), where.Malformed, "mode is 100644"},
		{"cpio name", edit("./lib/modules/6.1/a.ko", "./lib/modules/6.1/x.ko"), where.Malformed, "not in the header"},
		{"cpio climbs", edit("./lib/modules/6.1/a.ko", "./lib/../..///6.1/a.ko"), where.Malformed, "leads out"},
		{"cpio twice", edit("./lib/modules/6.1/b.ko", "./lib/modules/6.1/a.ko"), where.Malformed, "twice"},
		{"cpio link", edit("/usr/src/k", "/usr/src/x"), where.Malformed, "symlink to /usr/src/x"},
		{"no trailer", edit("TRAILER!!!", "TRAILER!!?"), where.Malformed, "not in the header"},
		{"trailer cut", func(r *packtest.Rpm) { r.Edit = func(b []byte) []byte { return b[:len(b)-124] } }, where.Malformed, "no TRAILER!!!"},
		{"after trailer", func(r *packtest.Rpm) { r.Edit = func(b []byte) []byte { return append(b, "070701"...) } }, where.Malformed, "after the end of the cpio"},
		{"file missing", func(r *packtest.Rpm) { r.Files[1].Absent = true }, where.Malformed, "but not in the payload"},
		{"ghost present", func(r *packtest.Rpm) { r.Files[7].Absent = false }, where.Malformed, "ghost file has content"},
		{"file size", func(r *packtest.Rpm) { r.Files[1].Size = 5 }, where.Malformed, "6 bytes in the rpm payload, 5"},
		{"stripped index", func(r *packtest.Rpm) { r.Stripped = true; edit("07070X00000003", "07070X00000099")(r) }, where.Malformed, "file index 153"},
		{"stripped not hex", func(r *packtest.Rpm) { r.Stripped = true; edit("07070X00000003", "07070X0000000g")(r) }, where.Malformed, "not a hexadecimal"},
		{"stripped twice", func(r *packtest.Rpm) { r.Stripped = true; edit("07070X00000002", "07070X00000000")(r) }, where.Malformed, "twice"},
		{"stripped size", func(r *packtest.Rpm) { r.Stripped = true; r.Files[1].Size = 1 << 62 }, where.Limit, "header says"},
		{"crc", func(r *packtest.Rpm) { r.CRC = true; edit("module\x00", "modulf\x00")(r) }, where.Malformed, "cpio checksum"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := build(t, tt.change)
			_, err := walkAll(path, Options{})
			skip := skipWalk(path)
			for _, err := range []error{err, skip} {
				if err == nil || where.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("kind %v: %v", where.KindOf(err), err)
				}
			}
		})
	}
}

// cpioField overwrites header field n of the first entry.
func cpioField(n int, value string) func(*packtest.Rpm) {
	return func(r *packtest.Rpm) {
		r.Edit = func(b []byte) []byte { copy(b[6+8*n:], value); return b }
	}
}

func TestSourceRpm(t *testing.T) {
	for name, path := range map[string]string{
		"made": build(t, func(r *packtest.Rpm) {
			r.Drop = []uint32{1044}
			r.Set = []packtest.Tag{{Tag: 1106, Value: []uint32{1}}}
		}),
		"built": rpmbuild(t, true),
	} {
		p, err := Open(context.Background(), path, Options{})
		check(t, err)
		defer p.Close()
		err = p.Walk(context.Background(), func(*Entry, io.Reader) error { return nil })
		if p.Kind != SourceRpm || p.Name == "" || where.KindOf(err) != where.Unsupported || where.HintOf(err) == "" {
			t.Errorf("%s: kind %v name %s: %v", name, p.Kind, p.Name, err)
		}
	}
}

// TestRpmTruncated is P2 for rpms: every length is an error, digests or not.
func TestRpmTruncated(t *testing.T) {
	for _, r := range []*packtest.Rpm{sampleRpm(), {Files: sampleRpm().Files, SetSig: []packtest.Tag{{Tag: 1000}, {Tag: 273}}, Stripped: true}} {
		whole := r.Build()
		path := write(t, "k.rpm", whole)
		check(t, skipWalk(path))
		for n := len(whole) - 1; n >= 0; n-- {
			check(t, os.Truncate(path, int64(n)))
			if err := skipWalk(path); where.KindOf(err) != where.Malformed || err == nil {
				t.Fatalf("cut to %d of %d bytes: %v", n, len(whole), err)
			}
		}
	}
}

// TestMutations changes each byte of both package forms to a few values. No
// change may panic, and what is still accepted must be a whole walk.
func TestMutations(t *testing.T) {
	for name, whole := range map[string][]byte{
		"k.rpm": (&packtest.Rpm{Files: sampleRpm().Files, SetSig: []packtest.Tag{{Tag: 273}}}).Build(),
		"x.deb": debFile(t, tarFile(t, reg("./a.ko", "module"), special("./l", '2', "x"))),
	} {
		path := write(t, name, whole)
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		check(t, err)
		defer f.Close()
		for at, was := range whole {
			for _, b := range []byte{0, 0xff, was ^ 1, was ^ 0x80} {
				_, err := f.WriteAt([]byte{b}, int64(at))
				check(t, err)
				if err := skipWalk(path); err != nil && where.KindOf(err) == where.Internal {
					t.Fatalf("%s byte %d = %#x: %v", name, at, b, err)
				}
			}
			_, err := f.WriteAt([]byte{was}, int64(at))
			check(t, err)
		}
		check(t, skipWalk(path))
	}
}
