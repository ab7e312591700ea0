package page

// Elsewhere are the reasons why no test runs the commands of a block, and what
// each means. A block may name a test in their place, as internal/pipelines:TestX.
// Whether its flags, hooks and variables exist is checked all the same.
var Elsewhere = map[string]string{
	"network":  "it fetches from an archive that the tests do not reach",
	"root":     "it changes the machine that it runs on",
	"build":    "it is a step of a kernel or package build that takes hours",
	"fragment": "it is a part of a file of the reader's, not a command by itself",
	"make":     "it is a target of the Makefile, which CI runs",
	"syntax":   "it shows the form of a command",
}
