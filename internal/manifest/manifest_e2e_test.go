//go:build e2e

package manifest

import (
	"slices"
	"testing"

	"kpkg-btf/internal/realtest"
)

// TestRealTexts reads config and modules.builtin of one kernel of
// each series and architecture.
func TestRealTexts(t *testing.T) {
	packages := map[string]string{ // to the name of the configuration in it
		realtest.PairAOld: "boot/config-*", realtest.PairBOld: "boot/config-*", realtest.Base73: "config",
	}
	for _, f := range realtest.Flavours72 {
		packages[realtest.Base72(f.Flavour)] = "config"
	}
	for spec, config := range packages {
		t.Run(spec, func(t *testing.T) {
			texts := realtest.Members(t, realtest.Deb(t, spec), config, "modules.builtin")
			options, err := ConfigOptions(texts[0])
			if err != nil || !slices.ContainsFunc(options, func(o Option) bool { return o == Option{Name: "CONFIG_MODULES", Value: "y"} }) {
				t.Errorf("config: %d options, %v", len(options), err)
			}
			builtin, err := BuiltInPaths(texts[1])
			if err != nil || len(builtin) < 100 {
				t.Errorf("%d built-in modules, %v", len(builtin), err)
			}
			t.Logf("%d options, %d built-in modules", len(options), len(builtin))
		})
	}
}
