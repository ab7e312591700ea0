package explain

import (
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/encounter"
)

// inserting finds why modprobe failed where the kernel's own words are not in
// the log: with stale kfunc ids there are none (6.4+).
func (s *search) inserting(e *event) {
	if e.Errno != int(verdict.EINVAL) && e.Errno != int(verdict.ENOENT) {
		return
	}
	for _, a := range s.of(e.Module) {
		if says, errno := fate(&a); errno != 0 && int(errno) == e.Errno {
			s.sourceSays(e, &a, says)
		}
	}
	switch {
	case len(e.Sources) > 0:
		s.settle(e, "")
	case len(s.of(e.Module)) == 0:
		e.Open = "no release given has a module " + e.Module + ", or none has a kernel to ask"
	default:
		e.Open = "by its BTF and its ids every module " + e.Module + " given loads on every kernel given: the reason is another"
	}
}

// fate is the errno that a module's load ends with as far as BTF goes, 0 when
// it loads.
func fate(a *answer) (says string, errno verdict.Errno) {
	base, m := a.on.Base, a.module
	reg := encounter.Registered(m.Facts)
	if !base.Profile().ModuleBTF {
		return "", 0
	}
	var init verdict.Init
	switch {
	case m.Facts.BTF.Len() == 0:
		init = base.Profile().InitMissing(reg)
	case a.result.OK:
		init = base.InitIDs(m.Facts.BTF.Bytes(), m.Facts.BTFBase.Bytes(), reg, nil)
	case !base.Profile().AllowMismatch:
		return a.result.String(), a.result.Errno
	default:
		init = base.Profile().InitMissing(reg)
	}
	if init.OK {
		return "", 0
	}
	return init.String(), init.Errno
}

// taken finds the module whose kfunc ids make a kernel say that a name is
// taken.
func (s *search) taken(e *event) {
	for _, on := range s.given {
		for _, of := range s.given {
			if !meet(on, of) {
				continue
			}
			for _, m := range of.modules {
				if !imports(m, "register_btf_kfunc_id_set") {
					continue
				}
				a := s.ask(on, of, m)
				if !a.result.OK || m.Facts.BTF.Len() == 0 {
					continue
				}
				if init := on.Base.InitIDs(m.Facts.BTF.Bytes(), m.Facts.BTFBase.Bytes(), encounter.Registered(m.Facts), nil); !init.OK && init.Text != "" && squeeze(init.Text) == squeeze(e.Log[0]) {
					s.sourceSays(e, &a, init.String())
				}
			}
		}
	}
	s.settle(e, "no module given registers a function of this name that a kernel given has at this id")
}

// sourceSays adds a source whose words are not the BTF's verdict.
func (s *search) sourceSays(e *event, a *answer, says string) {
	n := len(e.Sources)
	if s.source(e, a, false); len(e.Sources) == n {
		return
	}
	src := &e.Sources[n]
	src.Says = says
	if own := s.own(a.of, a.module); own != nil {
		b := s.ask(own, a.of, a.module)
		if says, errno := fate(&b); errno != 0 {
			src.Own = says
		}
	}
}
