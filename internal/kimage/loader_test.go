package kimage

import "testing"

func TestVermagic(t *testing.T) {
	const release = "6.1.0-test"
	for _, c := range []struct {
		name, text, want string
	}{
		{"x86", release + " SMP preempt mod_unload modversions \x00", release + " SMP preempt mod_unload modversions "},
		{"arm", release + " SMP mod_unload ARMv7 p2v8 \x00", release + " SMP mod_unload ARMv7 p2v8 "},
		{"arm64", release + " SMP preempt mod_unload aarch64\x00", release + " SMP preempt mod_unload aarch64"},
		{"arm64 without options", release + " aarch64\x00", release + " aarch64"},
		{"riscv", release + " SMP mod_unload riscv\x00", release + " SMP mod_unload riscv"},
		{"loongarch", release + " SMP preempt mod_unload LOONGARCH 64BIT \x00", release + " SMP preempt mod_unload LOONGARCH 64BIT "},
		{"ppc64le", release + " SMP preempt mod_unload patchable-function-entry relocatable \x00", release + " SMP preempt mod_unload patchable-function-entry relocatable "},
		{"two words of a text", release + " kernel image\x00", ""},
		{"no words", release + " \x00", release + " "},
		{"randstruct", release + " SMP RANDSTRUCT_0a1b2c \x00", release + " SMP RANDSTRUCT_0a1b2c "},
		{"a sentence", release + " is not (supported)\x00", ""},
		{"no last space", release + " SMP\x00", ""},
		{"inside a word", "x" + release + " SMP \x00", ""},
		{"two spaces", release + " SMP  preempt \x00", ""},
		{"another release", "6.1.0-other SMP \x00", ""},
		{"not ended", release + " SMP ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := fake{release: release, texts: []string{"", c.text}}
			if f := mustParse(t, k.elf()); f.Vermagic != c.want || f.StructModule != 0 {
				t.Errorf("%q, want %q", f.Vermagic, c.want)
			}
		})
	}
}
