package bpfobj

// Answer is what became of one program: the loader or the kernel refused it, or
// it is loaded. One of "tc" or "xdp" has run on a packet of zeros.
type Answer struct {
	Program string
	Error   string   `json:",omitempty"`
	Words   []string `json:",omitempty"` // of the verifier
	Value   uint32   // that it returned
}
