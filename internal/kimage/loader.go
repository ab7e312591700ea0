package kimage

import (
	"bytes"

	"kpkg-btf/internal/btf"
)

// textThisModule is what the loader says of a module whose struct module is of
// another size (elf_validity_cache_copy, 6.4+).
const textThisModule = "section size must match the kernel's built struct module size at run time"

// maxVermagic bounds the string; the longest seen has 80 bytes.
const maxVermagic = 256

// loader reads what the module loader compares modules with.
func (k *kernel) loader(f *Facts, base *btf.Raw) {
	f.Vermagic = k.vermagic(f.Release)
	if base == nil {
		return
	}
	if _, ok := k.find(textThisModule); ok {
		if t, ok := base.Find(btf.Struct, "module"); ok {
			f.StructModule = int64(t.SizeType)
		}
	}
}

// vermagic finds VERMAGIC_STRING (include/linux/vermagic.h): the release and
// words in lower or upper case, each followed by a space, up to a NUL. Nothing
// else of a kernel begins with the release and goes on like that.
func (k *kernel) vermagic(release string) string {
	if release == "" {
		return ""
	}
	start := []byte(release + " ")
	for _, a := range k.areas {
		for b := a.data; ; {
			i := bytes.Index(b, start)
			if i < 0 {
				break
			}
			text, _, ok := bytes.Cut(b[i:min(len(b), i+maxVermagic)], []byte{0})
			if ok && (i == 0 || b[i-1] == 0) && vermagicWords(text[len(start):]) {
				return string(text)
			}
			b = b[i+len(start):]
		}
	}
	return ""
}

// vermagicWords: "SMP preempt mod_unload modversions ", "ARMv7 p2v8 ",
// "RANDSTRUCT_0a1b… "; none at all is possible too.
func vermagicWords(b []byte) bool {
	if len(b) > 0 && b[len(b)-1] != ' ' {
		return false
	}
	for i, c := range b {
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
		if !word && (c != ' ' || i == 0 || b[i-1] == ' ') {
			return false
		}
	}
	return true
}
