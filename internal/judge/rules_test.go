package judge

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
)

// ruleWord is the form of a finding's rule.
var ruleWord = regexp.MustCompile(`^(self|window|abi|reverse|outside|set|policy)\.[a-z][a-z-]*$`)

// Every rule that the judge can report is described in model.FindingRules, and
// none is described that it cannot: policies and lint rely on that list.
func TestFindingRulesAreDescribed(t *testing.T) {
	used := map[string]bool{"self.rejected": true, "self.dropped": true, "self.init-fails": true} // "self." + verdict
	for _, dir := range []string{".", "../../policy", "../decision"} {
		pkgs, err := parser.ParseDir(token.NewFileSet(), dir, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pkgs {
			ast.Inspect(p, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if s, err := strconv.Unquote(l.Value); err == nil && ruleWord.MatchString(s) {
						used[s] = true
					}
				}
				return true
			})
		}
	}
	for rule := range used {
		if _, ok := model.FindingRuleOf(rule); !ok {
			t.Errorf("%s is reported and not in internal/model/findings.go: describe it there", rule)
		}
	}
	for _, f := range model.FindingRules() {
		if !used[f.Rule] {
			t.Errorf("%s is described in internal/model/findings.go and never reported", f.Rule)
		}
	}
}
