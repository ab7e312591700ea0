package model

import "testing"

func TestNameSubjects(t *testing.T) {
	for _, c := range []struct {
		message  string
		subjects []string
		count    int
		want     string
	}{
		{"1 symbol is gone", []string{"foo"}, 1, "1 symbol is gone (foo)"},
		{"3 are gone", []string{"a", "b", "c"}, 3, "3 are gone (a, b, c)"},
		{"9 are gone", []string{"a", "b", "c", "d"}, 9, "9 are gone (a, b, c and 6 more)"},
		{"2 are odd (first: m.ko: why)", []string{"m.ko", "n.ko"}, 2, "2 are odd (first: m.ko: why) (also n.ko)"},
		{"5 are odd (first: m.ko: why)", []string{"m.ko", "n.ko", "o.ko", "p.ko"}, 5, "5 are odd (first: m.ko: why) (also n.ko, o.ko and 2 more)"},
		{"foo_bar is not foo", []string{"bar"}, 1, "foo_bar is not foo (bar)"},
		{"reached by foo, bar", []string{"foo", "bar"}, 2, "reached by foo, bar"},
		{"about the release", nil, 1, "about the release"},
	} {
		f := Finding{Message: c.message, Subjects: c.subjects, Count: c.count}
		for range 2 {
			if f.NameSubjects(); f.Message != c.want {
				t.Errorf("%q, want %q", f.Message, c.want)
			}
		}
	}
}
