package explain

import "syscall"

// inserting finds why modprobe failed where the kernel's own words are not in
// the log: with stale kfunc ids there are none (6.4+).
func (s *search) inserting(e *event) {
	if e.Errno != -int(syscall.EINVAL) && e.Errno != -int(syscall.ENOENT) {
		return
	}
	for _, a := range s.of(e.Module) {
		if errno, says := a.Ends(); errno == e.Errno {
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
				if !a.Result.OK || m.Facts.BTF.Len() == 0 {
					continue
				}
				if !a.Init.OK && a.Init.Text != "" && squeeze(a.Init.Text) == squeeze(e.Log[0]) {
					s.sourceSays(e, &a, a.Init.String())
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
		if errno, says := b.Ends(); errno != 0 {
			src.Own = says
		}
	}
}
