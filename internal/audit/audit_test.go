package audit

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/audit/ask"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/toolversion"
)

// Asked to by its environment, this test's program is kpkg-btf-audit.
const asProgram = "KPKG_BTF_TEST_AUDIT"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "program" {
		os.Exit(Run())
	}
	os.Exit(m.Run())
}

// start runs the program with a request.
func start(t testing.TB, r ask.Request, env ...string) *exec.Cmd {
	t.Helper()
	r.Tool = toolversion.Version
	in, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), asProgram+"=program"), env...)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stdout, cmd.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// finish waits for a program and wants an exit code; it returns all it printed.
func finish(t testing.TB, cmd *exec.Cmd, want int) string {
	t.Helper()
	_ = cmd.Wait() // the code says it
	out := cmd.Stdout.(*bytes.Buffer).String() + cmd.Stderr.(*bytes.Buffer).String()
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("exit code %d, want %d\n%s", got, want, out)
	}
	return out
}

// pool is a folder with two uploads of one name, one of the next, and a package of
// external modules.
func pool(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	deb := func(file, name, version string, k releasetest.Kernel, only string) {
		files := k.Files()
		for path := range files {
			if !strings.Contains(path, only) {
				delete(files, path)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, file), releasetest.Deb(name, version, "amd64", files), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	k := releasetest.Kernel{Release: "6.1.0-2-amd64"}
	deb("a.deb", "linux-image-6.1.0-2-amd64", "6.1.4-1", k, "")
	deb("x.deb", "kmod-extra", "1-1", releasetest.Kernel{Release: "6.1.0-2-amd64", Modules: []string{"far:extra"}}, ".ko")
	k.Image, k.Build = btftest.Permuted, btftest.Permuted
	deb("b.deb", "linux-image-6.1.0-2-amd64", "6.1.5-1", k, "")
	deb("c.deb", "linux-image-6.1.0-3-amd64", "6.1.6-1", releasetest.Kernel{Release: "6.1.0-3-amd64", Image: btftest.Changed, Build: btftest.Changed}, "")
	return dir
}

// planned is a plan of a folder. Its units are 3 kernels, a window under one name,
// two as if, 3 of external modules.
func planned(t testing.TB, folder string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan")
	finish(t, start(t, ask.Request{Plan: &ask.Plan{Places: []fetch.Place{{At: folder}}, Modules: ask.DefaultModules, Names: 1, Cache: t.TempDir(), Output: file}}), 0)
	return file
}

const units = 8

func share(plan, store string, index, total int) ask.Request {
	return ask.Request{Run: &ask.Run{Plan: plan, Store: store, Shard: ask.Shard{Index: index, Total: total}, Day: "2026-12-01", Jobs: 1, Cache: filepath.Join(filepath.Dir(plan), "cache"), CacheSize: 1e9}}
}

// merged merges and returns the lines of all units.
func merged(t testing.TB, plan, store string, want int) (lines, dir string) {
	t.Helper()
	dir = t.TempDir()
	finish(t, start(t, ask.Request{Merge: &ask.Merge{Plans: []string{plan}, Store: store, Day: "2026-12-01", Output: dir}}), want)
	text, err := os.ReadFile(filepath.Join(dir, linesName))
	if err != nil {
		t.Fatal(err)
	}
	return string(text), dir
}

// TestSharesKilledAndMerged: two shares, one killed and started again, one merge.
func TestSharesKilledAndMerged(t *testing.T) {
	plan, store := planned(t, pool(t)), filepath.Join(t.TempDir(), "store")
	if out := finish(t, start(t, ask.Request{Merge: &ask.Merge{Plans: []string{plan}, Store: store, Output: t.TempDir()}}), model.ExitFailed); !strings.Contains(out, "no such file") {
		t.Errorf("a store that is not there: %s", out)
	}
	if err := os.Mkdir(store, 0o755); err != nil {
		t.Fatal(err)
	}
	lines, _ := merged(t, plan, store, model.ExitInconclusive)
	if strings.Count(lines, `"state":"missing"`) != units {
		t.Errorf("%s", lines)
	}
	one := start(t, share(plan, store, 1, 2))
	waitFor(t, filepath.Join(store, "results", "*", "*.json"))
	if err := one.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = one.Wait()
	lines, dir := merged(t, plan, store, model.ExitInconclusive)
	if n := strings.Count(lines, `"state":"missing"`); n == 0 || n == units {
		t.Errorf("%d units missing: the kill came too late or too early", n)
	}
	index, err := os.ReadFile(filepath.Join(dir, siteName, "index.html"))
	if err != nil || !bytes.Contains(index, []byte("Not complete: ")) || !bytes.Contains(index, []byte("unknown: missing")) {
		t.Errorf("%v: %s", err, index)
	}
	if out := finish(t, start(t, share(plan, store, 1, 2)), 0); !strings.Contains(out, "in the store already, 0 without a result") || strings.Contains(out, " 0 in the store") {
		t.Errorf("%s", out)
	}
	finish(t, start(t, share(plan, store, 2, 2)), 0)
	lines, dir = merged(t, plan, store, 0)
	if strings.Count(lines, `"state":"done"`) != units || strings.Count(lines, "\n") != units {
		t.Errorf("%s", lines)
	}
	asks(t, filepath.Join(dir, databaseName))
	pages(t, filepath.Join(dir, siteName))

	// One run over all, into a store of its own: the same answer.
	whole := filepath.Join(t.TempDir(), "whole")
	finish(t, start(t, share(plan, whole, 1, 1)), 0)
	if again, _ := merged(t, plan, whole, 0); again != lines {
		t.Errorf("two shares say\n%s\none run\n%s", lines, again)
	}
}

// waitFor waits until there is a file of a pattern.
func waitFor(t testing.TB, pattern string) {
	t.Helper()
	for range 1000 {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("no %s after 5 s", pattern)
}

// asks asks the database what its schema promises.
func asks(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for query, want := range map[string]string{
		"SELECT schema FROM audit": "kpkg-btf/audit/1.0",
		"SELECT group_concat(name || ' ' || version || ' ' || age, ', ') FROM (SELECT * FROM side WHERE kernel ORDER BY age)":             "6.1.0-2-amd64 6.1.4-1 1, 6.1.0-2-amd64 6.1.5-1 2, 6.1.0-3-amd64 6.1.6-1 3",
		"SELECT count(*) FROM unit WHERE kind = 'kernel' AND word = 'keep' AND with_btf = 3":                                              "3",
		"SELECT group_concat(DISTINCT base_equal) FROM unit WHERE kind = 'window'":                                                        "differs",
		"SELECT count(*) FROM unit WHERE kind = 'window' AND as_if":                                                                       "1",
		"SELECT count(*) FROM unit JOIN side ON side.id = new WHERE kind = 'outside' AND side.name = 'kmod-extra'":                        "3",
		"SELECT sum(outcome.modules) FROM outcome JOIN unit ON unit.id = unit WHERE what = 'verdict' AND kind = 'kernel'":                 "9",
		"SELECT group_concat(DISTINCT outcome.word) FROM outcome JOIN unit ON unit.id = unit WHERE what = 'meaning' AND kind = 'outside'": "same",
		"SELECT count(*) FROM package":                   "4",
		"SELECT count(*) FROM health WHERE of_bytes > 0": "3",
		"SELECT count(*) > 0 FROM finding JOIN unit ON unit.id = unit WHERE kind = 'window' AND action != 'keep'":                              "1",
		"SELECT count(*) FROM unit WHERE (state = 'done') != (key IS NOT NULL) OR (word = 'keep') != (exit_code = 0)":                          "0",
		"SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%-- %' OR sql IS NULL OR type = 'index' OR name IN ('package', 'health', 'audit')": "12",
	} {
		var got string
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q, want %q; %v", query, got, want, err)
		}
	}
}

// pages reads what the pages show.
func pages(t *testing.T, folder string) {
	t.Helper()
	for name, want := range map[string][]string{
		"index.html":            {"Complete: all 8 units have a result.", `href="amd64_6.1-amd64.html"`, `href="amd64_kmod-extra.html"`, "an upload on an earlier one, as if it had kept the name"},
		"amd64_6.1-amd64.html":  {"3 uploads", "6.1.0-2-amd64 6.1.4-1", "types of vmlinux", "Kernels on kernels", `<td class="g">keep`},
		"amd64_kmod-extra.html": {"1 version of external modules", "6.1.0-3-amd64 6.1.6-1"},
	} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, w := range want {
			if !bytes.Contains(text, []byte(w)) {
				t.Errorf("%s does not show %q:\n%s", name, w, text)
			}
		}
		if bytes.Contains(text, []byte("?")) && name == "amd64_kmod-extra.html" && bytes.Contains(text, []byte(`>?<`)) {
			t.Errorf("%s shows something unknown", name)
		}
	}
}

// rounds is how often two runs are killed: 100 with the tag long.
var rounds = 3

// TestTwoRunsKilled: two runs into one store at once, killed at random and started
// again until both are through, leave the answer of one.
func TestTwoRunsKilled(t *testing.T) {
	folder := pool(t)
	plan := planned(t, folder)
	reference := filepath.Join(t.TempDir(), "reference")
	finish(t, start(t, share(plan, reference, 1, 1)), 0)
	want, _ := merged(t, plan, reference, 0)
	r := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		store := filepath.Join(t.TempDir(), fmt.Sprint(round))
		kills := 0
		for open := 2; open > 0; {
			runs := []*exec.Cmd{start(t, share(plan, store, 1, 1)), start(t, share(plan, store, 1, 1))}
			for _, cmd := range runs[:open] {
				time.Sleep(time.Duration(r.Int64N(int64(120 * time.Millisecond))))
				if kills < 4 {
					_ = cmd.Process.Signal(syscall.SIGKILL) // it may be through
				}
			}
			open = 0
			for _, cmd := range runs {
				_ = cmd.Wait()
				switch code := cmd.ProcessState.ExitCode(); code {
				case 0:
				case -1:
					kills++
					open = 2
				default:
					t.Fatalf("round %d: exit code %d: %s", round, code, cmd.Stderr)
				}
			}
		}
		if got, _ := merged(t, plan, store, 0); got != want {
			t.Fatalf("round %d, %d kills:\n%s\nwant\n%s", round, kills, got, want)
		}
		same(t, reference, store)
	}
}

// same compares all objects of two stores.
func same(t *testing.T, a, b string) {
	t.Helper()
	list := func(dir string) map[string]string {
		out := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
				return err
			}
			text, err := os.ReadFile(path)
			rel, _ := filepath.Rel(dir, path)
			out[rel] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	x, y := list(a), list(b)
	for name := range x {
		if x[name] != y[name] {
			t.Errorf("%s differs or is not there", name)
		}
	}
	if len(x) != len(y) {
		t.Errorf("%d and %d objects", len(x), len(y))
	}
}

// TestFailedUnit: a package that is gone or another one leaves its units without a
// result and the others with theirs; the next run tries again.
func TestFailedUnit(t *testing.T) {
	folder := pool(t)
	plan, store := planned(t, folder), filepath.Join(t.TempDir(), "store")
	kept, err := os.ReadFile(filepath.Join(folder, "c.deb"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "c.deb"), append([]byte("?"), kept[1:]...), 0o644); err != nil {
		t.Fatal(err)
	}
	out := finish(t, start(t, share(plan, store, 1, 1)), model.ExitFailed)
	if !strings.Contains(out, "no result: 6.1.0-3-amd64 6.1.6-1 amd64: ") || !strings.Contains(out, "the index says") || !strings.Contains(out, "3 without a result") {
		t.Errorf("%s", out)
	}
	lines, dir := merged(t, plan, store, model.ExitInconclusive)
	if strings.Count(lines, `"state":"failed","reason":"`) != 3 {
		t.Errorf("%s", lines)
	}
	if index, err := os.ReadFile(filepath.Join(dir, siteName, "index.html")); err != nil || !bytes.Contains(index, []byte("the index says")) {
		t.Errorf("%v: the first page does not say why", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "c.deb"), kept, 0o644); err != nil {
		t.Fatal(err)
	}
	finish(t, start(t, share(plan, store, 1, 1)), 0)
	if lines, _ := merged(t, plan, store, 0); strings.Contains(lines, "failed") {
		t.Errorf("%s", lines)
	}
	if left, _ := filepath.Glob(filepath.Join(store, "failed", "*", "*")); len(left) > 0 {
		t.Errorf("failures stay: %v", left)
	}
}

// TestBadStore: what lies in a store under a unit's name and is not its result ends
// the run; nothing takes it for one.
func TestBadStore(t *testing.T) {
	plan, store := planned(t, pool(t)), filepath.Join(t.TempDir(), "store")
	finish(t, start(t, share(plan, store, 1, 1)), 0)
	found, err := filepath.Glob(filepath.Join(store, "results", "*", "*.json"))
	if err != nil || len(found) != units {
		t.Fatal(err, found)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{text[:len(text)/2], nil, bytes.Replace(text, []byte(`"key":"`), []byte(`"key":"0`), 1)} {
		if err := os.WriteFile(found[0], bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if out := finish(t, start(t, share(plan, store, 1, 1)), model.ExitFailed); !strings.Contains(out, "result") {
			t.Errorf("%s", out)
		}
		dir := t.TempDir()
		finish(t, start(t, ask.Request{Merge: &ask.Merge{Plans: []string{plan}, Store: store, Day: "2026-12-01", Output: dir}}), model.ExitFailed)
		if _, err := os.Stat(filepath.Join(dir, databaseName)); err == nil {
			t.Error("a database of a store that cannot be read")
		}
	}
}

func TestRequests(t *testing.T) {
	for _, c := range []struct {
		r    ask.Request
		want int
		says string
	}{
		{ask.Request{}, 2, "a request for nothing"},
		{ask.Request{Run: &ask.Run{Store: "http://x"}}, 2, "a store is a folder or s3://"},
		{ask.Request{Run: &ask.Run{Store: "s3://"}}, 2, "not s3://BUCKET"},
		{ask.Request{Run: &ask.Run{Policy: "/nonexistent", Store: "x"}}, 2, "policy"},
		{ask.Request{Run: &ask.Run{Plan: "/nonexistent", Store: "x"}}, 1, "plan"},
		{ask.Request{Plan: &ask.Plan{Patterns: []string{"["}}}, 2, "--package"},
	} {
		out := finish(t, start(t, c.r), c.want)
		if !strings.Contains(out, c.says) {
			t.Errorf("%+v: %s", c.r, out)
		}
	}
}
