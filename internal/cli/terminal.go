package cli

import (
	"golang.org/x/term"

	"kpkg-btf/internal/report"
)

// colourWords are the values of --color.
var colourWords = []string{"auto", "always", "never"}

// screenOptions are how text is laid out on standard output; where it goes to
// a file it is 80 columns without colour, unless colour is asked for.
func (a *app) screenOptions(toFile bool) report.Options {
	o := report.Options{Verbose: a.verbose, Tool: toolName(), Colour: a.colour == "always"}
	f, ok := fileOf(a.env.Stdout)
	if toFile || !ok || !term.IsTerminal(int(f.Fd())) {
		return o
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil {
		o.Width = w
	}
	// https://no-color.org: set and not empty.
	if a.colour == "auto" && a.env.Getenv("NO_COLOR") == "" && a.env.Getenv("TERM") != "dumb" {
		o.Colour = true
	}
	return o
}
