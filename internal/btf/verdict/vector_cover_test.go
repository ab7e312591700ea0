package verdict

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/verdict/vector"
)

// sayers are the methods through which every refusal goes; the last string
// among their arguments is the kernel's message.
var sayers = []string{"refuse", "refuseAt", "refuseType", "refuseMember", "refuseEntry", "bad", "badElement", "badMember", "blame"}

// unreachable are messages that no vector can have, and why.
var unreachable = map[string]string{
	"Invalid resolve state":    "the resolver's own invariant",
	"Unsupported check_member": "kinds that cannot be members are refused before",
	"Invalid type":             "of a DATASEC's variable, which is resolved first and has a size then",
	"base BTF id [%d] maps to invalid distilled base BTF id [%d]": "needs a base with a named but empty name: relocate_test.go builds one",
}

// TestEveryMessageHasAVector: each message that a rule of this package can give
// is what some vector expects. The messages are read from the package's source,
// so that a rule that is new asks for its vector.
func TestEveryMessageHasAVector(t *testing.T) {
	vectors, err := vector.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, v := range vectors {
		for _, e := range v.Expect {
			said = append(said, e.Text)
		}
	}
	n := 0
	for text, where := range messages(t) {
		n++
		if unreachable[text] != "" {
			continue
		}
		if !slices.ContainsFunc(said, template(text).MatchString) {
			t.Errorf("%s: no vector expects %q", where, text)
		}
	}
	t.Logf("%d messages", n)
	if n < 60 {
		t.Errorf("only %d messages found in the source", n)
	}
}

// template is a format with something in the place of each verb. A vector may
// leave out what differs by base, at the end.
func template(format string) *regexp.Regexp {
	verb := regexp.MustCompile(`%[a-z]`)
	return regexp.MustCompile("^" + verb.ReplaceAllString(regexp.QuoteMeta(strings.TrimSpace(format)), ".*") + "$")
}

// messages are the formats given to the sayers, with their place.
func messages(t *testing.T) map[string]string {
	out := map[string]string{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := goparser.ParseFile(fset, f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if fun, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(sayers, fun.Sel.Name) {
				if text := lastString(call); strings.Contains(text, " ") {
					out[text] = fset.Position(call.Pos()).String()
				}
			}
			return true
		})
	}
	return out
}

// lastString is the last string literal in a call that is not empty.
func lastString(call *ast.CallExpr) (last string) {
	ast.Inspect(call, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil && s != "" {
				last = s
			}
		}
		return true
	})
	return last
}

// noVector are the fields of a Profile that are about a module's init or only
// about the words, which vectors do not hold; initids_test.go and the booted
// kernels look at them.
var noVector = []string{
	"Name", "Assumed", "AllowMismatch", "WarnOnce", "LogSpace", "evidence",
	"KfuncAPI", "KfuncMissing", "KfuncFlags", "KfuncProtoCheck", "KfuncDuplicate", "DtorAPI", "DtorMissing",
}

// TestEverySwitchHasAVector: wherever two neighbouring versions differ in a
// rule, a vector notices when that rule alone is taken back.
func TestEverySwitchHasAVector(t *testing.T) {
	vectors, err := vector.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	switches := 0
	for i := 1; i < len(vectorVersions); i++ {
		before, after := vectorVersions[i-1], vectorVersions[i]
		old, p := ForVersion(before[0], before[1], before[2]), ForVersion(after[0], after[1], after[2])
		if !old.ModuleBTF {
			continue
		}
		for f := range reflect.TypeFor[Profile]().NumField() {
			name := reflect.TypeFor[Profile]().Field(f).Name
			if slices.Contains(noVector, name) || reflect.ValueOf(old).Field(f).Equal(reflect.ValueOf(p).Field(f)) {
				continue
			}
			switches++
			back := p
			reflect.ValueOf(&back).Elem().Field(f).Set(reflect.ValueOf(old).Field(f))
			if !slices.ContainsFunc(vectors, func(v *vector.Vector) bool { return notices(t, v, &p, &back) }) {
				t.Errorf("%s, %s to %s: no vector notices when it is taken back", name, before, after)
			}
		}
	}
	t.Logf("%d switches", switches)
	if switches < 25 {
		t.Errorf("only %d switches between %d versions", switches, len(vectorVersions))
	}
}

// notices reports whether a vector is judged differently by two profiles.
func notices(t *testing.T, v *vector.Vector, p, q *Profile) bool {
	if v.Split != nil {
		raw := vectorBase(p)
		if split, distilled, err := v.Module(raw); err == nil {
			var r [2]Result
			for i, profile := range []*Profile{p, q} {
				b, err := NewBase(profile, raw.Bytes())
				if err != nil {
					t.Fatal(err)
				}
				r[i] = b.Module(split, distilled)
			}
			if r[0].OK != r[1].OK || r[0].Rule != r[1].Rule {
				return true
			}
		}
	}
	if !v.Has("user") {
		return false
	}
	blob, err := v.Alone()
	if err != nil {
		t.Fatal(err)
	}
	a, b := User(p, blob, 8, false), User(q, blob, 8, false)
	return a.OK != b.OK || a.Rule != b.Rule
}
