package explain

import (
	"slices"
	"testing"
)

// A refusal's words are found among those of others, wherever a kernel ended
// its lines; and not where one of them is missing or out of order.
func TestWithin(t *testing.T) {
	log := []string{"[100768]FUNCtype_id=100816", "[100756]FUNCtype_id=100804", "size=4", "Invalidname", "Invalidname"}
	for key, want := range map[string][]string{
		"[100768]FUNCtype_id=100816Invalidname":       {log[0], log[3]},
		"[100756]FUNCtype_id=100804Invalidname":       {log[1], log[3]},
		"[100756]FUNCtype_id=100804size=4Invalidname": {log[1], log[2], log[3]},
		"[100756]FUNCInvalidname":                     nil,
		"Invalidname[100768]FUNCtype_id=100816":       nil,
		"[100768]FUNCtype_id=100816Invalidname.":      nil,
		"":                                            nil,
	} {
		if got := within(key, log); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	// A text that is the beginning of another does not lead astray.
	if got := within("abac", []string{"a", "ab", "b", "a", "c"}); len(got) == 0 {
		t.Error("not found")
	}
}
