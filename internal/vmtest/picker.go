package vmtest

import (
	"bytes"
	"debug/elf"
	"fmt"
	"strings"

	"kpkg-btf/internal/vmtest/wire"
)

// Picker finds the module that makes the best template: the smallest that
// needs no other module, does nothing when loaded and can be unloaded (crc7
// in 6.1 and 6.12; 6.18 and later have no such module).
type Picker struct {
	path string
	data []byte
}

// Add considers one module (decompressed) and keeps a copy if it is the best
// so far. What is not a module is not a candidate.
func (p *Picker) Add(path string, ko []byte) {
	ko = wire.Unsigned(ko)
	if p.data != nil && (len(ko) > len(p.data) || len(ko) == len(p.data) && path >= p.path) {
		return
	}
	if inert(ko) {
		p.path, p.data = path, bytes.Clone(ko)
	}
}

// Template is the module found, its signature taken off.
func (p *Picker) Template() (path string, ko []byte, err error) {
	if p.data == nil {
		return "", nil, fmt.Errorf("none of the modules can serve as a template: each depends on another or has an init function")
	}
	return p.path, p.data, nil
}

// inert is whether a module depends on none, has BTF of its own (so that what
// its name gives in sysfs is known), and has neither init nor exit function,
// nor kfunc sets that would go stale.
func inert(ko []byte) bool {
	info, err := modinfo(ko)
	if err != nil || info["name"] == "" || info["vermagic"] == "" || info["depends"] != "" || info["intree"] != "Y" {
		return false
	}
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil || f.Type != elf.ET_REL || f.Machine != elf.EM_X86_64 || f.Section(".BTF_ids") != nil {
		return false
	}
	syms, err := f.Symbols()
	if err != nil {
		return false
	}
	for _, s := range syms {
		if s.Name == "init_module" || s.Name == "cleanup_module" || strings.HasPrefix(s.Name, "__tracepoint_") {
			return false
		}
	}
	return true
}
