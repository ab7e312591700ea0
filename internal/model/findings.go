package model

// About says what the subjects of a finding are.
type About string

const (
	OfRelease About = "release" // none: it is about the release itself
	OfModules About = "modules"
	OfSymbols About = "symbols"
)
