package explain

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// dropped finds what the one warning for all modules may have been about.
func (s *search) dropped(e *event) {
	for _, a := range s.every() {
		if p := a.on.Rules.Profile(); p.AllowMismatch && p.WarnOnce {
			s.source(e, &a, false)
		}
	}
	s.settle(e, "no kernel given refuses a module given and prints this warning")
}

// registering finds modules that register BTF ids and end up without BTF.
func (s *search) registering(e *event) {
	symbol := "register_btf_kfunc_id_set"
	switch {
	case strings.Contains(e.Symbol, "dtor"):
		symbol = "register_btf_id_dtor_kfuncs"
	case strings.Contains(e.Symbol, "struct_ops"):
		symbol = "__register_bpf_struct_ops"
	}
	for _, on := range s.given {
		for _, of := range s.given {
			if meet(on, of) {
				s.registeringOn(e, on, of, symbol)
			}
		}
	}
	s.settle(e, "every module given that imports "+symbol+" has BTF that the kernels given take")
}

func (s *search) registeringOn(e *event, on, of *candidate, symbol string) {
	for _, m := range of.modules {
		if !imports(m, symbol) {
			continue
		}
		if m.Facts.BTF.Len() == 0 {
			s.plain(e, m, of, on.ref, "it has no BTF")
		} else if a := s.ask(on, of, m); !a.Result.OK {
			s.source(e, &a, false)
		}
	}
}

func imports(m *release.Module, name string) bool {
	for i := range m.Facts.Imports {
		if m.Facts.Imports[i].Name == name {
			return true
		}
	}
	return false
}

// settle returns the cure of the first source, or says that there is none.
func (s *search) settle(e *event, none string) {
	if len(e.Sources) == 0 {
		e.Open = none
		return
	}
	if src := &e.Sources[0]; !same(&src.Of, &src.On) {
		meaning := e.Meaning
		e.cure(src)
		if len(e.Sources) > 1 {
			e.Meaning = "if it is the first of those named, " + e.Meaning
		}
		e.Meaning = meaning + ". Here: " + e.Meaning
	}
}

// vermagic finds the build whose version magic was logged.
func (s *search) vermagic(e *event) {
	for _, of := range s.given {
		for _, m := range of.byName[e.Module] {
			if strings.TrimSpace(m.Facts.Modinfo.Vermagic) != strings.TrimSpace(e.have) {
				continue
			}
			on := model.GivenRelease{Name: firstWord(e.want), Arch: of.ref.Arch, Packages: []string{}}
			for _, c := range s.given {
				if c.ref.Name == on.Name {
					on = c.ref
					break
				}
			}
			s.plain(e, m, of, on, fmt.Sprintf("its version magic is %q", m.Facts.Modinfo.Vermagic))
		}
	}
	if len(e.Sources) == 0 {
		e.Open = "no module " + e.Module + " given has this version magic"
	}
}

// symbolVersion finds modules whose checksum of a symbol differs from a
// kernel's.
func (s *search) symbolVersion(e *event) {
	for _, on := range s.given {
		if on.Release.Symvers == nil {
			continue
		}
		sym, ok := on.Release.Symvers.Lookup(e.Symbol)
		if !ok || !sym.HasCRC {
			continue
		}
		for _, of := range s.given {
			for _, m := range of.byName[e.Module] {
				for _, v := range m.Facts.Versions {
					if v.Name == e.Symbol && v.CRC != sym.CRC {
						s.plain(e, m, of, on.ref, fmt.Sprintf("it wants %s with 0x%08x, the kernel exports 0x%08x", e.Symbol, v.CRC, sym.CRC))
					}
				}
			}
		}
	}
	if len(e.Sources) == 0 {
		e.Open = fmt.Sprintf("no module %s given wants %s with another checksum than a kernel given exports", e.Module, e.Symbol)
	}
}

// plain adds a source that needs no kernel to be asked.
func (s *search) plain(e *event, m *release.Module, of *candidate, on model.GivenRelease, says string) {
	if len(e.Sources) == maxSources {
		e.More++
		return
	}
	e.Sources = append(e.Sources, model.LogSource{Module: m.Path, Of: of.ref, On: on, Exact: true, Says: says, Own: "not asked"})
}
