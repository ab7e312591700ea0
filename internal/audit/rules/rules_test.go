package rules

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "count the answers that changed in answers.txt")

const root = "../../../"

// folders hold the answers: what kernels say, and what commands say.
var folders = []string{"testdata/vectors/btf", "testdata/script"}

// now are the digests of all answers, by the names of their files. Comments and
// blank lines are no answers.
func now(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, folder := range folders {
		list, err := os.ReadDir(root + folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			text, err := os.ReadFile(filepath.Join(root, folder, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			for line := range strings.Lines(string(text)) {
				if s := strings.TrimSpace(line); s != "" && !strings.HasPrefix(s, "#") {
					h.Write([]byte(s + "\n"))
				}
			}
			out[folder+"/"+e.Name()] = fmt.Sprintf("%x", h.Sum(nil)[:8])
		}
	}
	return out
}

// counted is answers.txt as it must be, given what it was. What changed or went
// counts one more; what is new begins at 0.
func counted(was []entry, is map[string]string) []entry {
	var out []entry
	seen := map[string]bool{}
	for _, e := range was {
		seen[e.name] = true
		d, ok := is[e.name]
		if !ok {
			d = "-"
		}
		if d != e.digest {
			e.changes, e.digest = e.changes+1, d
		}
		out = append(out, e)
	}
	for name, d := range is {
		if !seen[name] {
			out = append(out, entry{0, d, name})
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return out
}

// TestRevision: an answer that changes forces the revision up.
func TestRevision(t *testing.T) {
	var want strings.Builder
	for _, e := range counted(read(answers), now(t)) {
		want.WriteString(e.String())
	}
	if want.String() == answers {
		return
	}
	if *update {
		if err := os.WriteFile("answers.txt", []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("answers changed, so results in stores are of other rules: make schemas counts them in internal/audit/rules/answers.txt")
}

func TestCounted(t *testing.T) {
	was := read("0 aa a\n2 bb b\n1 - gone\n0 cc c\n")
	for _, c := range []struct {
		is   map[string]string
		want string
		sum  int
	}{
		{map[string]string{"a": "aa", "b": "bb", "c": "cc"}, "0 aa a\n2 bb b\n0 cc c\n1 - gone\n", 3},
		{map[string]string{"a": "ab", "b": "bb", "c": "cc"}, "1 ab a\n2 bb b\n0 cc c\n1 - gone\n", 4},
		{map[string]string{"a": "aa", "b": "bb", "c": "cc", "d": "dd"}, "0 aa a\n2 bb b\n0 cc c\n0 dd d\n1 - gone\n", 3},
		{map[string]string{"a": "aa", "c": "cc"}, "0 aa a\n3 - b\n0 cc c\n1 - gone\n", 4},
		{map[string]string{"a": "aa", "b": "bb", "c": "cc", "gone": "gg"}, "0 aa a\n2 bb b\n0 cc c\n2 gg gone\n", 4},
	} {
		text, sum := "", 0
		for _, e := range counted(was, c.is) {
			text += e.String()
			sum += e.changes
		}
		if text != c.want || sum != c.sum {
			t.Errorf("%v: %d\n%s", c.is, sum, text)
		}
	}
	if Revision() < 1 {
		t.Error(Revision())
	}
}

// String is the line of an entry.
func (e entry) String() string { return fmt.Sprintf("%d %s %s\n", e.changes, e.digest, e.name) }
