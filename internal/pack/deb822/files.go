package deb822

import (
	"encoding/hex"
	"strconv"
	"strings"

	"kpkg-btf/internal/where"
)

// Listed is one line of a Checksums-Sha256 field.
type Listed struct {
	SHA256 string // lower-case hex
	Size   int64
	Name   string // a plain file name, or a path below the index in a Release file
}

// Checksums reads a Checksums-Sha256 or SHA256 field: digest, size, name.
func Checksums(value string) ([]Listed, error) {
	var list []Listed
	for line := range strings.SplitSeq(value, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return nil, where.New(where.Malformed, "checksum line %s is not digest, size, name", where.Clean(line))
		}
		size, err := strconv.ParseUint(f[1], 10, 63)
		if err != nil {
			return nil, where.New(where.Malformed, "checksum line: size %s is not a number", where.Clean(f[1]))
		}
		if sum, err := hex.DecodeString(f[0]); err != nil || len(sum) != 32 {
			return nil, where.New(where.Malformed, "checksum line: %s is not a SHA-256", where.Clean(f[0]))
		}
		list = append(list, Listed{strings.ToLower(f[0]), int64(size), f[2]})
	}
	return list, nil
}
