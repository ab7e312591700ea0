package judge

import (
	"fmt"
	"testing"

	"kpkg-btf/internal/model"
)

// Many subjects of one rule are one finding; the list
// names all of them, the sentence the first three.
func TestNotesGroup(t *testing.T) {
	var n gathering
	const total = 2107
	for i := range total {
		n.add(model.Finding{Rule: "x", Action: model.Strip}, modulesText("odd"), fmt.Sprint(i), fmt.Sprintf("detail %d", i))
	}
	j := ruleOn(append(n, said(model.Finding{Rule: "note", Severity: model.Info}),
		said(model.Finding{Rule: "grave", Severity: model.Error, Action: model.Rebuild}),
		said(model.Finding{Rule: "open", Severity: model.Error, Inconclusive: true})), "r", nil)
	f := j.findings()
	if len(f) != 4 || f[0].Rule != "grave" || f[1].Rule != "x" || f[2].Rule != "open" || f[3].Rule != "note" {
		t.Fatalf("order: %+v", f)
	}
	if x := f[1]; x.Count != total || len(x.Subjects) != total || x.Message != fmt.Sprintf("%d modules odd (first: detail 0) (also 1, 2 and %d more)", total, total-3) || x.Release != "r" {
		t.Errorf("%+v", x)
	}
	if o := j.outcome(); o.Action != model.Rebuild || !o.Inconclusive {
		t.Errorf("outcome %+v", o)
	}
}
