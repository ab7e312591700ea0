package report

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/model"
)

// loadWords say whether modules load at all.
var loadWords = map[string]string{
	string(model.LoadsYes):     "load",
	string(model.LoadsNo):      "do not",
	string(model.LoadsMaybe):   "do not where older modules are loaded",
	string(model.LoadsUnknown): "are not known to",
}

// all reports whether every module loads.
func all(list []model.Count) bool {
	return len(list) == 0 || len(list) == 1 && list[0].Word == string(model.LoadsYes)
}

func loadText(list []model.Count) string {
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%d %s", c.Count, loadWords[c.Word])
	}
	return strings.Join(parts, ", ")
}
