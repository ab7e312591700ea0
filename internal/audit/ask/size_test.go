package ask

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, "20G": 20e9, "1K": 1000, "3M": 3e6, "1T": 1e12, "": -1, "G": -1, "-1": -1, "1.5G": -1, "9223372036854775807T": -1, "1g": -1} {
		got, err := Size(text)
		if want < 0 && err == nil || want >= 0 && (err != nil || got != want) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}
