package model

import "strings"

// moduleEnds are the ends of the names that kbuild and distributions give the
// files of modules: plain, compressed (CONFIG_MODULE_COMPRESS_*), and what was
// split off for debuggers.
var moduleEnds = []string{".ko", ".ko.xz", ".ko.zst", ".ko.gz", ".ko.debug"}

// ModuleStem cuts the end of a module's file off, "a/b.ko.xz" becomes "a/b"; ok
// is false for files that are not called like one. A ".ko" elsewhere in the
// name is part of it.
func ModuleStem(p string) (stem string, ok bool) {
	for _, end := range moduleEnds {
		if stem, ok := strings.CutSuffix(p, end); ok && stem != "" && stem[len(stem)-1] != '/' {
			return stem, true
		}
	}
	return p, false
}

var nameFix = strings.NewReplacer("-", "_", ",", "_")

// ModuleName is how the kernel calls the module in a file, by the file's path,
// or the one that somebody names or modpost calls owner, without an end: the
// last element, "-" and "," as "_" (KBUILD_MODNAME: name-fix-token in
// scripts/Makefile.lib; libkmod's modname_normalize does the same to "-"). The
// module itself knows better: release.Module.Name asks it first.
func ModuleName(p string) string {
	stem, _ := ModuleStem(p)
	return nameFix.Replace(stem[strings.LastIndexByte(stem, '/')+1:])
}
