package encounter

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kmod"
)

// Rules are what a kernel asks of BTF, with its base (kernel.Kernel.Rules).
type Rules = verdict.Base

// Answer is what a kernel says to a module's BTF and what the module's init does
// then, whatever base it was built on: the part of a meeting that a kernel log
// shows.
type Answer struct {
	Result verdict.Result // accepted for a module without BTF: nobody looks
	// Init is what init does with its ids: with the BTF where it was taken, else
	// without.
	Init verdict.Init

	refused bool // the module is not loaded, for its BTF
}

// Ask asks a kernel about a module's BTF.
func Ask(k *Rules, f *kmod.Facts) Answer {
	f = f.Opened()
	p, reg := k.Profile(), Registered(f)
	a := Answer{Result: k.Module(f.BTF.Bytes(), f.BTFBase.Bytes()), Init: verdict.Init{OK: true}}
	a.refused = !a.Result.OK && !p.AllowMismatch
	switch {
	case !p.ModuleBTF, len(reg.Kfuncs) == 0 && !reg.RegistersDtors:
	case f.BTF.Len() > 0 && a.Result.OK:
		a.Init = k.InitIDs(f.BTF.Bytes(), f.BTFBase.Bytes(), reg, nil)
	default:
		a.Init = p.InitMissing(reg)
	}
	return a
}

// Ends is the errno, negative as in a log, that loading the module ends with as
// far as BTF goes, and why; 0 where it loads.
func (a *Answer) Ends() (errno int, why string) {
	switch {
	case a.refused:
		return int(a.Result.Errno), a.Result.String()
	case a.Init.OK:
		return 0, ""
	}
	return int(a.Init.Errno), a.Init.String()
}

// Refused is the type of the module's own that a kernel refused, as the kernel
// of the module's build reads it; "" where it is none, or cannot be read.
func (a *Answer) Refused(by, own *Rules, f *kmod.Facts) string {
	if a.Result.Blob != verdict.Split || a.Result.TypeID == 0 || !f.BTFBase.Missing() || own.Raw() == nil || by.Raw() == nil || a.Result.TypeID < by.Raw().NumTypes() {
		return ""
	}
	split, err := btf.ParseWith(f.BTF.Bytes(), own.Raw(), own.Profile().Masks)
	if err != nil {
		return "" // the kernel takes it, this reader does not: nothing to show
	}
	return split.Label(btf.ID(a.Result.TypeID - by.Raw().NumTypes() + own.Raw().NumTypes()))
}
