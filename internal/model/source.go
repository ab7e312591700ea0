package model

import "embed"

// Source are the files of this package: the JSON schemas of documents take
// their descriptions from the doc comments of the types.
//
//go:embed *.go
var Source embed.FS
