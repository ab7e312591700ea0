// Package tri is the one answer that may be missing: yes, no, or unknown. What
// no source says is unknown, never no.
package tri

import "fmt"

// State is an answer. The zero State is Unknown.
type State uint8

const (
	Unknown State = iota
	No
	Yes
)

var words = [...]string{"unknown", "no", "yes"}

// Of is the answer that is known.
func Of(yes bool) State {
	if yes {
		return Yes
	}
	return No
}

// Or is s where it is known, else other.
func (s State) Or(other State) State {
	if s != Unknown {
		return s
	}
	return other
}

func (s State) String() string {
	if int(s) < len(words) {
		return words[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Words are the spellings there are.
func (State) Words() []string { return words[:] }

// MarshalText spells the answer as documents do.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *State) UnmarshalText(b []byte) error {
	for i, w := range words {
		if w == string(b) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("unknown answer %q: want yes, no or unknown", b)
}
