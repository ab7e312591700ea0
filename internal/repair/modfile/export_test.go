package modfile

// Strip is Open and Module.Strip.
func Strip(content []byte, o StripOptions) (*Result, error) {
	m, err := Open(content)
	if err != nil {
		return nil, err
	}
	return m.Strip(o)
}
