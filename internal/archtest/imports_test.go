// Package archtest holds the architecture as tests: which package may import
// which, and which libraries stay where.
package archtest

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// allowed lists for every package of the program the packages of the program
// it may import, below kpkg-btf/. Imports point down only; a package that is
// not listed here is an error, so that each finds its place first.
var allowed = map[string][]string{
	// leaves
	"internal/model":         {},
	"internal/tri":           {},
	"internal/where":         {},
	"internal/toolversion":   {},
	"internal/report/screen": {"internal/where"},
	"internal/report/page":   {"internal/where"},
	"internal/judge/rules":   {"internal/model"},
	"internal/limits":        {"internal/where"},
	"internal/fsx":           {"internal/where"},
	"internal/document":      {"internal/model", "internal/where", "internal/limits"},
	"internal/btf":           {"internal/where", "internal/limits"},
	// what kernels can do
	"internal/kernel/ability": {"internal/tri"},
	// formats
	"internal/codec":          {"internal/codec/xz", "internal/where", "internal/limits"},
	"internal/codec/xz":       {"internal/where", "internal/limits"},
	"internal/elfx":           {"internal/where", "internal/limits", "internal/model"},
	"internal/elfx/edit":      {"internal/elfx", "internal/where", "internal/limits"},
	"internal/modsig":         {"internal/where", "internal/limits"},
	"internal/symvers":        {"internal/model", "internal/where", "internal/limits"},
	"internal/pack":           {"internal/pack/ar", "internal/pack/cpio", "internal/pack/deb822", "internal/pack/rpmhdr", "internal/pack/tarstream", "internal/codec", "internal/fsx", "internal/where", "internal/limits"},
	"internal/pack/ar":        {"internal/where", "internal/limits"},
	"internal/pack/cpio":      {"internal/where", "internal/limits"},
	"internal/pack/deb822":    {"internal/where", "internal/limits"},
	"internal/pack/rpmhdr":    {"internal/where", "internal/limits"},
	"internal/pack/tarstream": {"internal/where", "internal/limits"},
	// BTF
	"internal/btf/ids":      {"internal/elfx", "internal/where"},
	"internal/health":       {"internal/btf", "internal/btf/ids"},
	"internal/btf/distill":  {"internal/btf", "internal/where", "internal/limits"},
	"internal/btf/symbols":  {},
	"internal/btf/evidence": {"internal/btf", "internal/btf/symbols", "internal/where", "internal/limits"},
	"internal/btf/meaning":  {"internal/btf", "internal/model", "internal/where", "internal/limits"},
	"internal/btf/stamp":    {"internal/btf", "internal/where", "internal/limits"},
	"internal/btf/verdict":  {"internal/kernel/ability", "internal/tri", "internal/btf", "internal/where", "internal/limits", "internal/model"},
	"internal/btf/cdef":     {"internal/btf", "internal/where"},
	"internal/btf/diff":     {"internal/btf", "internal/btf/pin", "internal/btf/cdef", "internal/btf/meaning", "internal/where"},
	"internal/btf/rebase":   {"internal/btf", "internal/btf/meaning", "internal/where", "internal/limits"},
	"internal/btf/pin":      {"internal/btf", "internal/btf/meaning", "internal/where", "internal/limits"},
	// facts
	"internal/kimage":         {"internal/btf/ids", "internal/kernel/ability", "internal/tri", "internal/elfx", "internal/codec", "internal/modsig", "internal/btf", "internal/symvers", "internal/where", "internal/limits", "internal/model"},
	"internal/kmod":           {"internal/btf/ids", "internal/elfx", "internal/codec", "internal/modsig", "internal/btf", "internal/btf/stamp", "internal/btf/symbols", "internal/symvers", "internal/where", "internal/limits", "internal/model"},
	"internal/kmod/loadcheck": {"internal/tri", "internal/kmod", "internal/kimage", "internal/modsig", "internal/symvers", "internal/model"},
	// releases and documents
	"internal/abi":      {"internal/model", "internal/symvers", "internal/btf", "internal/btf/diff", "internal/btf/meaning"},
	"internal/abiname":  {"internal/model"},
	"internal/manifest": {"internal/tri", "internal/model", "internal/document", "internal/btf", "internal/btf/meaning", "internal/symvers", "internal/fsx", "internal/where", "internal/limits"},
	"internal/release": {"internal/health", "internal/btf/ids", "internal/tri", "internal/btf/stamp", "internal/kernel/ability", "internal/pack", "internal/kimage", "internal/kmod", "internal/codec", "internal/modsig", "internal/btf", "internal/symvers",
		"internal/manifest", "internal/model", "internal/where", "internal/limits"},
	"internal/fetch": {"internal/pack", "internal/pack/deb822", "internal/codec", "internal/abiname", "internal/fsx", "internal/where", "internal/limits"},
	// judgement
	"internal/kernel": {"internal/release", "internal/kernel/ability", "internal/kmod/loadcheck", "internal/btf", "internal/btf/evidence", "internal/btf/verdict", "internal/manifest", "internal/modsig", "internal/symvers", "internal/model", "internal/tri", "internal/where"},
	"internal/encounter": {"internal/btf/ids", "internal/release", "internal/kernel", "internal/kmod", "internal/kmod/loadcheck", "internal/manifest", "internal/btf", "internal/btf/distill", "internal/btf/evidence", "internal/btf/meaning", "internal/btf/stamp", "internal/btf/verdict",
		"internal/modsig", "internal/model", "internal/tri", "internal/where"},
	"hooks":  {},
	"policy": {"internal/judge/rules", "internal/where", "internal/model"},
	"internal/judge": {"internal/btf/cdef", "internal/health", "internal/btf/pin", "internal/judge/rules", "internal/kernel", "internal/encounter", "internal/kernel/ability", "internal/tri", "internal/abiname", "internal/release", "internal/abi", "policy", "internal/btf", "internal/btf/evidence", "internal/btf/stamp", "internal/btf/distill", "internal/btf/meaning", "internal/kimage", "internal/kmod", "internal/kmod/loadcheck", "internal/btf/diff", "internal/btf/ids",
		"internal/modsig", "internal/symvers", "internal/manifest", "internal/model", "internal/where", "internal/limits"},
	"internal/explain":  {"internal/explain/klog", "internal/codec", "internal/encounter", "internal/release", "internal/model", "internal/where", "internal/limits"},
	"internal/schema":   {"internal/where"},
	"internal/decision": {"internal/abiname", "internal/document", "internal/model", "internal/where", "internal/limits"},
	"internal/report":   {"internal/abiname", "internal/report/page", "internal/report/screen", "internal/judge/rules", "internal/document", "internal/model", "internal/where", "internal/limits"},
	// carrying out
	"internal/repair/signing":  {"internal/document", "internal/modsig", "internal/where"},
	"internal/host":            {"internal/encounter", "internal/kernel", "internal/fsx", "internal/kernel/ability", "internal/tri", "internal/judge", "internal/release", "internal/pack", "internal/kimage", "internal/codec", "internal/btf", "internal/model", "internal/where", "internal/limits"},
	"internal/companion":       {"internal/model", "internal/toolversion", "internal/where"},
	"internal/companion/build": {"internal/companion", "internal/toolversion", "internal/fsx", "internal/manifest", "internal/model", "internal/where", "internal/limits"},
	// repair
	"internal/repair/modfile": {"internal/btf/rebase", "internal/kmod", "internal/elfx", "internal/elfx/edit", "internal/btf", "internal/btf/distill", "internal/btf/stamp", "internal/where", "internal/limits"},
	"internal/repair/encode":  {"internal/codec", "internal/where"},
	"internal/repair/repack": {"internal/companion", "internal/repair/encode", "internal/pack", "internal/pack/ar", "internal/pack/cpio", "internal/pack/deb822", "internal/pack/rpmhdr", "internal/pack/tarstream",
		"internal/codec", "internal/fsx", "internal/where", "internal/limits"},
	"internal/repair": {"internal/btf/rebase", "internal/encounter", "internal/kernel", "internal/judge", "internal/release", "internal/pack", "internal/kmod", "internal/modsig", "internal/elfx", "internal/codec", "internal/btf", "internal/btf/evidence", "internal/btf/stamp",
		"internal/repair/modfile", "internal/repair/signing", "internal/repair/encode", "internal/repair/repack", "internal/fsx", "policy", "internal/model", "internal/where", "internal/limits"},
	// the top
	"internal/cli":             {"internal/audit/ask", "internal/among", "internal/encounter", "internal/explain/journal", "internal/report/screen", "internal/judge/rules", "internal/btf/stamp", "internal/repair/modfile", "internal/btf", "internal/btf/pin", "internal/elfx", "internal/kernel", "hooks", "internal/fetch", "internal/abiname", "internal/symvers", "internal/host", "internal/repair", "internal/repair/signing", "internal/companion", "internal/judge", "internal/decision", "internal/schema", "internal/explain", "internal/report", "internal/release", "internal/pack", "internal/manifest", "internal/fsx", "policy", "internal/model", "internal/where", "internal/limits", "internal/toolversion"},
	"cmd/kpkg-btf":             {"internal/cli"},
	"internal/among":           {"internal/encounter", "internal/kernel", "internal/kmod", "internal/manifest", "internal/release", "internal/codec", "internal/btf/evidence", "internal/model", "internal/where", "internal/limits"},
	"internal/explain/klog":    {},
	"internal/explain/journal": {"internal/where"},
	"cmd/kpkg-btf-package":     {"internal/companion/build"},
	// the program for whole archives
	"internal/audit/ask":      {"internal/fetch", "internal/where"},
	"internal/audit/plan":     {"internal/fetch", "internal/abiname", "internal/where"},
	"internal/audit/rules":    {},
	"internal/audit/store":    {"internal/fsx", "internal/where"},
	"internal/audit/store/s3": {"internal/audit/store", "internal/where"},
	"internal/audit/result":   {"internal/audit/plan", "internal/audit/store", "internal/model", "internal/where"},
	"internal/audit/unit": {"internal/audit/plan", "internal/audit/result", "internal/audit/store", "internal/btf", "internal/btf/pin", "internal/decision", "internal/encounter", "internal/fetch", "internal/fsx", "internal/judge", "internal/manifest", "internal/model",
		"internal/pack", "internal/release", "internal/report", "internal/where"},
	"internal/audit/run":   {"internal/audit/ask", "internal/audit/plan", "internal/audit/result", "internal/audit/store", "internal/audit/unit", "internal/fsx", "internal/where"},
	"internal/audit/merge": {"internal/abiname", "internal/audit/plan", "internal/audit/result", "internal/audit/store", "internal/fetch", "internal/fsx", "internal/manifest", "internal/model", "internal/where"},
	"internal/audit/site":  {"internal/fsx", "internal/model", "internal/where"},
	"internal/audit": {"internal/companion", "internal/audit/ask", "internal/audit/merge", "internal/audit/plan", "internal/audit/result", "internal/audit/rules", "internal/audit/run", "internal/audit/site", "internal/audit/store", "internal/audit/store/s3", "internal/audit/unit", "internal/fetch", "internal/fsx",
		"internal/judge", "internal/limits", "internal/model", "internal/toolversion", "internal/where", "policy"},
	"cmd/kpkg-btf-audit": {"internal/audit"},
}

// onlyIn keeps a library where it serves: everywhere else it is banned, with
// the reason.
var onlyIn = []struct{ library, where, reason string }{
	{"net/http", "internal/fetch", "the gate works without a network; fetching is one package"},
	{"github.com/ProtonMail/go-crypto", "internal/fetch", "signatures of repositories"},
	{"modernc.org/sqlite", "internal/audit/merge", "the merged answers; slow to build, and not of the gate"},
	{"github.com/minio/minio-go", "internal/audit/store/s3", "stores are not of the gate"},
	{"github.com/goreleaser/nfpm", "internal/companion/build", "41 modules: it builds new packages and nothing else"},
	{"github.com/klauspost/compress", "internal/codec internal/manifest", "decoders sit behind one budget"},
	{"github.com/pierrec/lz4", "internal/codec", "decoders sit behind one budget"},
	{"github.com/anchore/go-lzo", "internal/codec", "decoders sit behind one budget"},
	{"github.com/sassoftware/go-rpmutils", "internal/companion/build", "panics on malformed headers: a second reader in a process of its own"},
	{"github.com/blakesmith/ar", "internal/companion/build", "panics on malformed headers: a second reader in a process of its own"},
	{"debug/elf", "-", "not hardened against hostile input: internal/elfx reads ELF"},
	{"unsafe", "-", "nothing here needs it"},
}

type pkg struct {
	ImportPath   string
	Imports      []string
	Dir          string
	ForTest      string
	TestGoFiles  []string
	GoFiles      []string
	Incomplete   bool
	XTestGoFiles []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json", "kpkg-btf/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// testOnly are packages that only tests (and generators) use; they may import
// what they like, and no package of the program may import them.
func testOnly(path string) bool {
	for _, s := range []string{"archtest", "btf/verdict/vector", "btf/verdict/mutant", "vmtest", "e2e", "bench", "pipelines", "realtest", "smallkernel", "thirdparty", "docgen", "schemagen"} {
		if strings.HasPrefix(path, "internal/"+s) {
			return true
		}
	}
	return strings.HasSuffix(path, "test") || strings.Contains(path, "test/")
}

func TestImportsPointDown(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, "kpkg-btf/")
		if testOnly(path) || len(p.GoFiles) == 0 {
			continue
		}
		seen++
		may, ok := allowed[path]
		if !ok {
			t.Errorf("%s is not in the table of packages: give it its place in internal/archtest and ARCHITECTURE.md", path)
			continue
		}
		for _, imp := range p.Imports {
			imp, ours := strings.CutPrefix(imp, "kpkg-btf/")
			if ours && !slices.Contains(may, imp) {
				t.Errorf("%s imports %s: imports point down only", path, imp)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d packages seen", seen)
	}
}

// TestOneEncounter: a kernel is asked about a module in one place. What a
// kernel's rules say of BTF is asked by package encounter alone; package kernel
// makes the rules.
func TestOneEncounter(t *testing.T) {
	asks := map[string]bool{"Relocate": true, "Relocated": true, "InitIDs": true, "InitMissing": true, "Outcome": true}
	found := 0
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, "kpkg-btf/")
		if testOnly(path) || strings.HasPrefix(path, "internal/btf/verdict") {
			continue
		}
		if path != "internal/encounter" && path != "internal/kernel" && slices.Contains(p.Imports, "kpkg-btf/internal/btf/verdict") {
			t.Errorf("%s imports internal/btf/verdict: only internal/encounter asks a kernel about a module", path)
		}
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				to, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || !asks[to.Sel.Name] && (to.Sel.Name != "Module" || len(call.Args) != 2) {
					return true
				}
				if found++; path != "internal/encounter" {
					t.Errorf("%s: %s calls %s: only internal/encounter asks a kernel about a module", path, name, to.Sel.Name)
				}
				return true
			})
		}
	}
	if found < 5 {
		t.Errorf("only %d calls seen: do the methods of verdict have other names?", found)
	}
}

func TestLibrariesStayWhereTheyServe(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, "kpkg-btf/")
		if testOnly(path) {
			continue
		}
		for _, imp := range p.Imports {
			for _, o := range onlyIn {
				if (imp == o.library || strings.HasPrefix(imp, o.library+"/")) && !inAny(path, o.where) {
					t.Errorf("%s imports %s: %s", path, imp, o.reason)
				}
			}
		}
	}
}

// linked are the modules that each program holds, besides the standard library:
// a heavy one stays out of the gate.
var linked = map[string][]string{
	"cmd/kpkg-btf": {
		"github.com/ProtonMail/go-crypto",
		"github.com/anchore/go-lzo",
		"github.com/cloudflare/circl",
		"github.com/goccy/go-yaml",
		"github.com/klauspost/compress",
		"github.com/knqyf263/go-deb-version",
		"github.com/knqyf263/go-rpm-version",
		"github.com/pierrec/lz4/v4",
		"github.com/spf13/cobra",
		"github.com/spf13/pflag",
		"github.com/youmark/pkcs8",
		"golang.org/x/crypto",
		"golang.org/x/sync",
		"golang.org/x/sys",
		"golang.org/x/term",
	},
	"cmd/kpkg-btf-audit": {
		"github.com/ProtonMail/go-crypto",
		"github.com/anchore/go-lzo",
		"github.com/cespare/xxhash/v2",
		"github.com/cloudflare/circl",
		"github.com/dustin/go-humanize",
		"github.com/go-ini/ini",
		"github.com/goccy/go-yaml",
		"github.com/google/uuid",
		"github.com/klauspost/compress",
		"github.com/klauspost/cpuid/v2",
		"github.com/klauspost/crc32",
		"github.com/knqyf263/go-deb-version",
		"github.com/knqyf263/go-rpm-version",
		"github.com/minio/crc64nvme",
		"github.com/minio/md5-simd",
		"github.com/minio/minio-go/v7",
		"github.com/philhofer/fwd",
		"github.com/pierrec/lz4/v4",
		"github.com/remyoudompheng/bigfft",
		"github.com/rs/xid",
		"github.com/tinylib/msgp",
		"github.com/ulikunitz/xz",
		"github.com/youmark/pkcs8",
		"github.com/zeebo/xxh3",
		"go.yaml.in/yaml/v3",
		"golang.org/x/crypto",
		"golang.org/x/exp",
		"golang.org/x/net",
		"golang.org/x/sync",
		"golang.org/x/sys",
		"golang.org/x/text",
		"modernc.org/libc",
		"modernc.org/mathutil",
		"modernc.org/memory",
		"modernc.org/sqlite",
	},
	"cmd/kpkg-btf-package": {
		"dario.cat/mergo",
		"github.com/AlekSi/pointer",
		"github.com/Masterminds/goutils",
		"github.com/Masterminds/semver/v3",
		"github.com/Masterminds/sprig/v3",
		"github.com/ProtonMail/go-crypto",
		"github.com/blakesmith/ar",
		"github.com/cavaliergopher/cpio",
		"github.com/cloudflare/circl",
		"github.com/cyphar/filepath-securejoin",
		"github.com/emirpasic/gods",
		"github.com/go-git/gcfg",
		"github.com/go-git/go-billy/v5",
		"github.com/go-git/go-git/v5",
		"github.com/gobwas/glob",
		"github.com/golang/groupcache",
		"github.com/google/rpmpack",
		"github.com/google/uuid",
		"github.com/goreleaser/chglog",
		"github.com/goreleaser/fileglob",
		"github.com/goreleaser/nfpm/v2",
		"github.com/huandu/xstrings",
		"github.com/jbenet/go-context",
		"github.com/kevinburke/ssh_config",
		"github.com/klauspost/compress",
		"github.com/klauspost/pgzip",
		"github.com/mitchellh/copystructure",
		"github.com/mitchellh/reflectwalk",
		"github.com/pjbgf/sha1cd",
		"github.com/sassoftware/go-rpmutils",
		"github.com/sergi/go-diff",
		"github.com/shopspring/decimal",
		"github.com/skeema/knownhosts",
		"github.com/spf13/cast",
		"github.com/ulikunitz/xz",
		"github.com/xanzy/ssh-agent",
		"github.com/xi2/xz",
		"gitlab.com/digitalxero/go-conventional-commit",
		"go.yaml.in/yaml/v3",
		"golang.org/x/crypto",
		"golang.org/x/net",
		"golang.org/x/sys",
		"gopkg.in/warnings.v0",
	},
}

func TestLinkedModules(t *testing.T) {
	for program, want := range linked {
		list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "kpkg-btf/"+program)
		list.Env = append(os.Environ(), "CGO_ENABLED=0") // as the programs are built
		out, err := list.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		got := strings.Fields(string(out))
		slices.Sort(got)
		got = slices.DeleteFunc(slices.Compact(got), func(m string) bool { return m == "kpkg-btf" })
		if !slices.Equal(got, want) {
			t.Errorf("%s links %q, the table says %q: a module comes with its reason in go.mod", program, got, want)
		}
	}
}

func inAny(path, list string) bool {
	for _, w := range strings.Fields(list) {
		if path == w || strings.HasPrefix(path, w+"/") {
			return true
		}
	}
	return false
}

// TestTableHasNoCycle makes the table itself point down.
func TestTableHasNoCycle(t *testing.T) {
	state := map[string]int{} // 1 open, 2 done
	var visit func(p string) bool
	visit = func(p string) bool {
		switch state[p] {
		case 1:
			return false
		case 2:
			return true
		}
		state[p] = 1
		for _, d := range allowed[p] {
			if !visit(d) {
				t.Errorf("cycle through %s -> %s", p, d)
				return true
			}
		}
		state[p] = 2
		return true
	}
	for p := range allowed {
		visit(p)
	}
}
