package kimage

import (
	"bytes"
	"slices"
	"strings"

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
// words in lower or upper case, a space between them, up to a NUL. Nothing else
// of a kernel begins with the release and goes on like that.
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

// generalWords are those of every architecture; one of them begins what stands
// behind the release, unless none was configured (include/linux/vermagic.h).
var generalWords = []string{"SMP", "preempt", "preempt_rt", "mod_unload", "modversions"}

// vermagicWords: "SMP preempt mod_unload modversions ", "ARMv7 p2v8 ",
// "RANDSTRUCT_0a1b… "; none at all is possible too. All words end with a space
// but those of arm64 ("aarch64") and riscv ("riscv", asm/vermagic.h), which stand
// last; there a general word must come before, so that no other text is taken
// for it.
func vermagicWords(b []byte) bool {
	for i, c := range b {
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
		if !word && (c != ' ' || i == 0 || b[i-1] == ' ') {
			return false
		}
	}
	if len(b) == 0 || b[len(b)-1] == ' ' {
		return true
	}
	words := strings.Split(string(b), " ")
	last := words[len(words)-1]
	return last == "aarch64" || last == "riscv" || len(words) > 1 && slices.Contains(generalWords, words[0])
}
