package cli_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"kpkg-btf/internal/audit"
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/cli"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/companion/build"
	"kpkg-btf/internal/decision"
	"kpkg-btf/internal/document/documenttest"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/report/screen"
)

var update = flag.Bool("update", false, "rewrite the golden output in the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kpkg-btf": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Environ: os.Environ}))
		},
		"kpkg-btf-audit":   func() { os.Exit(audit.Run()) },
		"kpkg-btf-package": func() { os.Exit(build.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script/*.txtar: every command and exit code, as
// its user sees it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"kernel":   kernel,
			"exit":     exit,
			"says":     says,
			"render":   render,
			"runs":     runs,
			"truncate": truncate,
			"basefile": basefile,
			"rawbase":  rawbase,
			"reseal":   reseal,
			"pack":     packTree,
			"packtar":  packTar,
		},
	})
}

// exit CODE COMMAND...: runs the program and wants exactly this exit code.
func exit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		if _, ok := strings.CutPrefix(err.Error(), "exit status "); !ok {
			ts.Fatalf("%v", err)
		}
		got, _ = strconv.Atoi(strings.TrimPrefix(err.Error(), "exit status "))
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	if isText(args[1:]) {
		text := ts.ReadFile("stdout")
		if fault := screenFault(text); fault != "" && !strings.HasPrefix(text, "{") { // a document begins so
			ts.Fatalf("a screen breaks the rules of output: %s", fault)
		}
	}
}

// isText reports whether a command prints a screen, which the rules of output
// hold for: not a document, a file to copy or a script.
func isText(args []string) bool {
	line := strings.Join(args, " ")
	for _, other := range []string{"--format", "kpkg-btf record", "schema", "hooks print", "policy print", "completion", "reprint"} {
		if strings.Contains(line, other) {
			return false
		}
	}
	return args[0] == "kpkg-btf"
}

// oneOfMany is a number of one before a plural.
var oneOfMany = regexp.MustCompile(`(?:^|[^0-9.,:+-])1 (modules|symbols|types|lines|events|kernels|releases|packages|findings|functions|ids|definitions|inputs|questions|exports|bytes of slack)\b`)

// screenFault names the first line of a text that breaks the rules: wider than
// 120 columns, or "1 modules".
func screenFault(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(line); n > screen.MaxWidth {
			return fmt.Sprintf("%d columns: %s", n, line)
		}
		if m := oneOfMany.FindString(line); m != "" {
			return fmt.Sprintf("%q: %s", m, line)
		}
	}
	return ""
}

// render WIDTH DECISION FILE: the text of a stored decision at a width, as
// after the run that stored it.
func render(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: render WIDTH DECISION FILE")
	}
	width, err := strconv.Atoi(args[0])
	ts.Check(err)
	rep, err := decision.Read([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	var b bytes.Buffer
	ts.Check(report.Render(&b, rep, "text", report.Options{Width: width, Run: report.Run{Stored: args[1]}}))
	if fault := screenFault(b.String()); fault != "" {
		ts.Fatalf("a screen breaks the rules of output: %s", fault)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b.Bytes(), 0o644))
}

// runs FILE: every command that a screen prints behind Next and More runs, in
// their order; "decides" is no fault, being misused or failing is.
func runs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: runs FILE")
	}
	commands := printedCommands(ts.ReadFile(args[0]))
	if len(commands) == 0 {
		ts.Fatalf("%s prints no command", args[0])
	}
	for _, c := range commands {
		err := ts.Exec("sh", "-c", c)
		if err == nil {
			continue
		}
		switch code := strings.TrimPrefix(err.Error(), "exit status "); code {
		case "3", "4", "5", "6":
		default:
			ts.Fatalf("%s: the printed command %q: %v", args[0], c, err)
		}
	}
}

// commandLine begins a command behind the labels of a screen.
var commandLine = regexp.MustCompile(`^(?:  (?:Next|More)  |        )((?:kpkg-btf|mkdir) .*)$`)

// printedCommands are the commands of a screen, with what they are for cut off.
func printedCommands(text string) []string {
	var out []string
	open := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		m := commandLine.FindStringSubmatch(line)
		switch {
		case open:
			out[len(out)-1] += " " + strings.TrimSpace(strings.TrimSuffix(line, `\`))
		case m != nil:
			c, _, _ := strings.Cut(strings.TrimSuffix(m[1], ` \`), "  ")
			out = append(out, c)
		default:
			continue
		}
		open = strings.HasSuffix(line, `\`)
	}
	return out
}

func TestScreenFault(t *testing.T) {
	for text, want := range map[string]bool{
		"all is well\n": false, "1 module\n": false, "11 modules": false, "1 modules": true, "of 1 symbols": true, "0.1 types": false,
		strings.Repeat("x", 120): false, strings.Repeat("x", 121): true, strings.Repeat("−", 120): false,
	} {
		if got := screenFault(text); (got != "") != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestPrintedCommands(t *testing.T) {
	text := "KEEP\n  Next  kpkg-btf apply d.json \\\n          a.deb -o b.deb\n          (what for)\n        mkdir -p x\n  More  kpkg-btf help abi.lost  what this means\n  Why   kpkg-btf is not run\n"
	want := []string{"kpkg-btf apply d.json a.deb -o b.deb", "mkdir -p x", "kpkg-btf help abi.lost"}
	if got := printedCommands(text); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// says REGEXP: standard output has it, with line breaks and runs of blanks as
// one blank each: text is wrapped, and what it says does not depend on where.
func says(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: says REGEXP")
	}
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	text := strings.Join(strings.Fields(ts.ReadFile("stdout")), " ")
	if re.MatchString(text) == neg {
		ts.Fatalf("says %q: %v in\n%s", args[0], !neg, ts.ReadFile("stdout"))
	}
}

// truncate FILE SIZE cuts a file; a negative size counts from the end.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE SIZE")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	if n < 0 {
		n += info.Size()
	}
	ts.Check(os.Truncate(path, n))
}

// reseal FILE puts the digest of an edited document right.
func reseal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: reseal FILE")
	}
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, documenttest.Resum(text), 0o644))
}

// basefile DIR FILE unpacks the base that lies beside a manifest.
func basefile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: basefile DIR FILE")
	}
	found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.btf.zst"))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%d bases in %s", len(found), args[0])
	}
	packed, err := os.ReadFile(found[0])
	ts.Check(err)
	var dec codec.Decoder
	blob, err := dec.Decode(nil, codec.Detect(packed), packed, 1<<30)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), blob, 0o644))
}

var variants = map[string]btftest.Variant{"plain": btftest.Plain, "permuted": btftest.Permuted, "grown": btftest.Grown, "changed": btftest.Changed, "reserved": btftest.Reserved, "filled": btftest.Filled}

// rawbase FILE VARIANT [elf]: writes the base of a build, alone or as the
// section of a vmlinux that is not linked yet, with its section .BTF_ids in
// FILE.BTF_ids. The variant "other" is a base
// that has little of the others.
func rawbase(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: rawbase FILE VARIANT [elf]")
	}
	b := btftest.Base()
	if v, ok := variants[args[1]]; ok {
		b = btftest.Kernel(v)
	} else {
		b.Struct("zone", 4, btftest.M("", 2, 0))
		b.Int("int", 4, btftest.Signed)
	}
	out := b.Bytes()
	if len(args) > 2 {
		var ids []byte
		for _, w := range []btf.ID{b.ID(btf.Func, "printk"), 1, 0, b.ID(btf.Func, "kfree_skb"), 7} {
			ids = binary.LittleEndian.AppendUint32(ids, uint32(w))
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0])+".BTF_ids", ids, 0o644))
		local := elftest.Local(elfx.STTObject)
		out = elftest.File{Type: 2, Sections: []elftest.Section{
			{Name: ".text", Data: []byte("code")}, {Name: ".BTF", Data: out}, {Name: ".BTF_ids", Data: ids}, {Name: ".data", Data: []byte("data")},
		}, Symbols: []elftest.Symbol{
			{Name: "__BTF_ID__func__printk__1", Section: ".BTF_ids", Value: 0, Size: 4, Info: local},
			{Name: "__BTF_ID__set8__some", Section: ".BTF_ids", Value: 4, Size: 16, Info: local},
			{Name: "__BTF_ID__func__kfree_skb__2", Section: ".BTF_ids", Value: 12, Size: 4, Info: local},
		}}.Bytes()
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out, 0o644))
}

// kernel PATH RELEASE [key=value...]: writes a small release as a tree, or as
// a .deb when PATH ends so. Keys: image, build (variants of the base), key,
// modulekey, modules (comma-separated), exports (further symbols of the
// image), options (words of the image's vermagic and the modules', "," for a
// blank), moduleoptions (of the modules' alone), crc, only (path substring of the
// files to keep), without (to leave out), arch (of the image), version (of the
// package), compiler (in the config), flags nobtf, nobase (the image lost it), distilled, unversioned, noconfig, strict (no BTF mismatch
// allowed), kfuncfatal.
func kernel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: kernel PATH RELEASE [key=value...]")
	}
	k := releasetest.Kernel{Release: args[1]}
	name, version, only, without := "linux-image-"+args[1], "1.0-1", "", ""
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "image":
			k.Image = variants[value]
		case "build":
			k.Build = variants[value]
		case "both":
			k.Image, k.Build = variants[value], variants[value]
		case "key":
			k.Key = value
		case "modulekey":
			k.ModuleKey = value
		case "modules":
			k.Modules = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
			if k.Modules == nil {
				k.Modules = []string{}
			}
		case "crc":
			n, err := strconv.ParseUint(value, 0, 32)
			ts.Check(err)
			k.CRC = uint32(n)
		case "arch":
			if value != "arm64" {
				ts.Fatalf("arch=%s: only arm64", value)
			}
			k.Machine = 183
		case "exports":
			k.Exports = strings.Split(value, ",")
		case "options":
			k.Options = strings.ReplaceAll(value, ",", " ")
		case "moduleoptions":
			k.ModuleOptions = strings.ReplaceAll(value, ",", " ") + " "
		case "name":
			name = value
		case "only":
			only = value
		case "without":
			without = value
		case "nobase":
			k.NoBase = true
		case "nobtf":
			k.NoBTF = true
		case "distilled":
			k.Distilled = true
		case "strict":
			k.Strict = true
		case "kfuncfatal":
			k.KfuncFatal = true
		case "headersbtf":
			k.HeadersBTF = true
		case "noconfig":
			k.NoConfig = true
		case "unversioned":
			k.Unversioned = true
		case "compiler":
			k.Compiler = value
		case "version":
			version = value
		default:
			ts.Fatalf("kernel: unknown key %q", key)
		}
	}
	files := k.Files()
	for path := range files {
		if only != "" && !strings.Contains(path, only) || without != "" && strings.Contains(path, without) {
			delete(files, path)
		}
	}
	path := ts.MkAbs(args[0])
	if ext := filepath.Ext(path); ext == ".deb" || ext == ".udeb" {
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
		ts.Check(os.WriteFile(path, releasetest.Deb(name, version, "amd64", files), 0o644))
		return
	}
	ts.Check(releasetest.WriteTree(path, files))
}
