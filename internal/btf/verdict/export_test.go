package verdict

// Vmlinux is what a kernel says to its own base (btf_parse_base; up to 6.10
// btf_parse_vmlinux).
func Vmlinux(p *Profile, blob []byte) Result {
	b, err := NewBase(p, blob)
	if err != nil {
		return Result{Errno: EINVAL, Rule: "unreadable", Text: err.Error(), Blob: Own}
	}
	return b.own
}

// Fields are all fields in the order they are reported.
func Fields() []Field {
	out := make([]Field, numFields)
	for i := range out {
		out[i] = Field(i)
	}
	return out
}
