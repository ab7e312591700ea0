package release

import (
	"bytes"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
)

// sniff settles by content what the path leaves open. A single file given on
// the command line may have any name; a file in a tree must also be called
// like a kernel file.
func sniff(pl *place, name string, data []byte, single bool) {
	head := data[:min(len(data), 4096)]
	switch {
	case bytes.HasPrefix(bytes.TrimLeft(head, " \n\t\r{"), []byte(`"schema"`)) && bytes.Contains(head, []byte("kpkg-btf/manifest/")):
		pl.role = roleManifest
	case single && strings.HasSuffix(name, ".json.zst") && codec.Detect(head) == codec.Zstd:
		pl.role = roleManifest
	case kmod.Is(head):
		pl.role = roleModule
	case kimage.Is(head):
		if !single && pl.role != roleImage {
			pl.role = roleNone
			return
		}
		pl.role = roleImage
		if codec.Detect(head) != codec.None && pl.rel != "" {
			pl.role = roleModule // x.ko.xz: kimage.Is takes any compressed stream
		}
	case pl.role == roleModule || pl.role == roleImage:
		// named like one, but is not: the parser says what is wrong with it
	case bytes.HasPrefix(head, []byte("0x")) && bytes.Contains(head, []byte("\tEXPORT_")):
		pl.role = roleSymvers
	case bytes.Contains(head, []byte("CONFIG_")):
		pl.role = roleConfig
	case bytes.HasPrefix(head, []byte("kernel/")) && bytes.Contains(head, []byte(".ko\n")):
		pl.role = roleBuiltin
	case pl.role == roleSymvers && codec.Detect(head) != codec.None:
	default:
		pl.role = roleNone
	}
}
