package tri

import "testing"

func TestText(t *testing.T) {
	for _, s := range []State{Unknown, No, Yes} {
		text, err := s.MarshalText()
		var back State
		if err != nil || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("%s: read back as %s", s, back)
		}
	}
	var s State
	if s.UnmarshalText([]byte("maybe")) == nil || s != Unknown {
		t.Errorf("maybe is %s", s)
	}
	if got := State(7).String(); got != "state 7" {
		t.Errorf("got %q", got)
	}
}

func TestOr(t *testing.T) {
	for _, c := range []struct{ s, other, want State }{
		{Unknown, Unknown, Unknown}, {Unknown, No, No}, {Unknown, Yes, Yes}, {No, Yes, No}, {Yes, No, Yes}, {Yes, Unknown, Yes},
	} {
		if got := c.s.Or(c.other); got != c.want {
			t.Errorf("%s or %s is %s", c.s, c.other, got)
		}
	}
	if Of(true) != Yes || Of(false) != No {
		t.Error("what is known is not")
	}
}
