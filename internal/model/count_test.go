package model

import (
	"reflect"
	"testing"
)

func TestCounter(t *testing.T) {
	c := Counter{}
	if got := c.Sorted(); got == nil || len(got) != 0 {
		t.Errorf("%v", got)
	}
	for _, w := range []string{"b", "c", "a", "c", "b", "c"} {
		c.Add(w)
	}
	c["d"] = 1
	want := []Count{{Word: "c", Count: 3}, {Word: "b", Count: 2}, {Word: "a", Count: 1}, {Word: "d", Count: 1}}
	if got := c.Sorted(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 modules", 1: "1 module", 2: "2 modules"} {
		if got := Plural(n, "module", "modules"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestAgree(t *testing.T) {
	for _, c := range []struct {
		n          int
		text, want string
	}{{1, "{has|have} no BTF", "has no BTF"}, {2, "{has|have} no BTF", "have no BTF"}, {0, "a {it|them} b {is|are}", "a them b are"}, {1, "plain {x}", "plain {x}"}, {1, "open {", "open {"}} {
		if got := Agree(c.n, c.text); got != c.want {
			t.Errorf("%d %q: %q, want %q", c.n, c.text, got, c.want)
		}
	}
}
