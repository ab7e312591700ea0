package plan

import (
	"bytes"
	"testing"
)

// What is read of a plan has no fault, and as many units as it promises.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"schema":"` + Schema + `","units":0}` + "\n"))
	f.Add([]byte(`{"schema":"` + Schema + `","units":1}` + "\n{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := NewReader(bytes.NewReader(text), "plan")
		if err != nil {
			return
		}
		for n := 0; ; n++ {
			u, err := r.Next()
			if err != nil {
				return
			}
			if u.fault() != "" || n > bytes.Count(text, []byte("\n")) {
				t.Errorf("unit %d: %+v", n, u)
			}
		}
	})
}
