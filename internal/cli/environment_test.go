package cli

import (
	"testing"

	"github.com/spf13/pflag"
)

func TestVariableLike(t *testing.T) {
	flags := map[string]*pflag.Flag{}
	flagsOf(Command(), flags)
	for name, want := range map[string]string{
		"KPKG_BTF_SIGNATURE":       "KPKG_BTF_SIGNATURES",
		"KPKG_BTF_FROMAT":          "KPKG_BTF_FORMAT",
		"KPKG_BTF_BUILD_REQUIERD":  "KPKG_BTF_BUILD_REQUIRED",
		"KPKG_BTF_FALI":            "KPKG_BTF_FAIL",
		"KPKG_BTF_POLCY":           "", // what is not read is not suggested
		"KPKG_BTF_SOMETHING_ELSE":  "",
		"KPKG_BTF_NOTHING_LIKE_IT": "",
	} {
		if got := variableLike(name, flags); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Every flag that says whom to trust, what to run or what to let pass counts on
// the command line alone, of whatever command it is.
func TestTrustIsNotInherited(t *testing.T) {
	flags := map[string]*pflag.Flag{}
	flagsOf(Command(), flags)
	for _, name := range []string{"KPKG_BTF_POLICY", "KPKG_BTF_RESIGN", "KPKG_BTF_SIGN_CMD", "KPKG_BTF_TRUSTED_CERT", "KPKG_BTF_ALLOW_UNSIGNED_INPUT", "KPKG_BTF_ALLOW_FOREIGN_KEY"} {
		if f := flags[name]; f == nil || !fromCommandLine(f) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for _, name := range []string{"KPKG_BTF_FORMAT", "KPKG_BTF_AGAINST", "KPKG_BTF_SIGNATURES", "KPKG_BTF_JOBS"} {
		if f := flags[name]; f == nil || fromCommandLine(f) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
