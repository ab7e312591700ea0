package vector

import (
	"slices"
	"strings"
	"testing"
)

const sample = `id: sample
mirrors: btf_check_meta
about: a sample
booted: 5.10.262 7.3.4
user 5.10.262: EINVAL M2 [$1] Invalid btf_info:1
module 5.11..7.1: EINVAL M2 [$1] Invalid btf_info:1
module 7.2..: ok

-- split --
INT "a" 4 : 32
`

func TestSeen(t *testing.T) {
	v, err := Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	// The middle line is about versions that were not booted as a module.
	for i, want := range []bool{true, false, true} {
		if got := v.Seen(&v.Expect[i]); got != want {
			t.Errorf("expectation %d: seen is %v", i, got)
		}
	}
	if got := Rules([]*Vector{v, v}, "module", Version{6, 1, 0}); !slices.Equal(got, []string{"M2"}) {
		t.Errorf("rules %q", got)
	}
	if got := Rules([]*Vector{v}, "module", Version{7, 3, 4}); len(got) != 0 {
		t.Errorf("rules of what is accepted: %q", got)
	}
}

func TestSays(t *testing.T) {
	e := Expect{Text: "type [$1] has (ids [*, *]) in base"}
	for text, want := range map[string]bool{
		"type [7] has (ids [10, 9]) in base":      true,
		"type [8] has (ids [10, 9]) in base":      false,
		"type [7] has (ids [10, x]) in base":      false,
		"type [7] has (ids [10, 9]) in base BTF":  false,
		"a type [7] has (ids [10, 9]) in base":    false,
		"type [7] has (ids [10, 9]) in base\n":    true,
		"type [7] has no (ids [10, 9]) in base 1": false,
	} {
		if got := e.Says(text, 7); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if !new(Expect).Says("anything", 1) {
		t.Error("without a message any will do")
	}
}

// TestParseRefuses: what is said of a blob that is missing is no vector.
func TestParseRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"nothing booted, no source": {"booted: 5.10.262 7.3.4\n", ""},
		"booted on no version":      {"7.3.4", "trixie"},
		"own of a split":            {"user 5.10.262", "own 5.10.262"},
		"no such section":           {"-- split --", "-- splat --"},
		"no such kind":              {"INT \"a\"", "INTEGER \"a\""},
		"no version":                {"5.11..7.1", "5.x..7.1"},
	} {
		text := strings.Replace(sample, change[0], change[1], 1)
		if _, err := Parse(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
