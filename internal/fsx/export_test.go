package fsx

// What the tests of this package, which are outside of it because the faults
// (fsxtest) are, look at from within.
const (
	TempPrefix   = tempPrefix
	FolderPrefix = folderPrefix
)

var (
	TempName = tempName
	LinkName = linkName
)

// LinkInto is what a directory of the real file system does to link anew.
func LinkInto(d Dir, from, to string) error { return d.(*osDir).linkInto(from, to) }
