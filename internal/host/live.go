package host

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/internal/where"
)

// live compares what the kernel that runs has loaded with the files that it
// would load now: of a module that is loaded, /sys/module/NAME says so (one that
// is built in has no initstate there) and what it tainted, /sys/kernel/btf/NAME is
// the BTF that the kernel holds of it. disk is the release of the running
// kernel's name, and wrong names the modules of it that are known not to keep
// their BTF on it.
func (v *verifier) live(disk *release.Release, wrong map[string]bool) error {
	if v.running == nil || v.narrow() {
		return nil
	}
	k, err := kernel.Of(v.running)
	if err != nil {
		return where.In(v.running.Name, err)
	}
	if k.ReadsBTF().Is != tri.Yes {
		return nil // it holds BTF of no module, or it may not
	}
	loaded, err := v.s.loaded()
	if err != nil {
		v.unread(err)
		return nil
	}
	if len(loaded) == 0 {
		return nil
	}
	files := map[string]*release.Module{}
	for _, list := range [][]*release.Module{disk.Modules, disk.Added} { // depmod prefers what was added
		for _, m := range list {
			files[model.ModuleName(m.Path)] = m
		}
	}
	out := &model.HostLoaded{Modules: len(loaded), Others: []model.LoadedModule{}}
	for _, name := range loaded {
		taint, _ := v.s.read(filepath.Join(v.s.Root, "sys/module", name, "taint"), limits.MaxText)
		m := model.LoadedModule{Name: name, Taint: strings.TrimSpace(string(taint))}
		held, err := v.s.read(filepath.Join(v.s.Root, "sys/kernel/btf", name), limits.MaxBTF)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			v.unread(where.In("sys/kernel/btf/"+name, where.New(where.IO, "%w", err)))
			continue
		}
		file := files[name]
		if file != nil {
			m.Path = file.Path
		}
		switch m.BTF = compare(k, file, held); {
		case m.BTF == model.LoadedAsFile:
			out.AsFile++
			continue
		case m.BTF == model.LoadedWithout && !wrong[m.Path]:
			m.Unexpected = true
			out.Outcome = out.Outcome.Join(model.Outcome{Action: model.Strip})
		}
		out.Others = append(out.Others, m)
	}
	v.rep.Loaded = out
	return nil
}

// compare is what the kernel holds of a module beside what it would hold of its
// file.
func compare(k *kernel.Kernel, file *release.Module, held []byte) model.LoadedBTF {
	if file == nil {
		return model.LoadedNoFile
	}
	shown, known := encounter.Shown(k, file.Facts)
	switch {
	case len(held) == 0 && file.Facts.BTF.Len() == 0, known && bytes.Equal(held, shown):
		return model.LoadedAsFile
	case len(held) == 0:
		return model.LoadedWithout
	}
	return model.LoadedOther
}

// loaded are the modules that are loaded, sorted.
func (s *System) loaded() ([]string, error) {
	list, err := fs.ReadDir(tree(s.Root), "sys/module")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, where.In("sys/module", where.New(where.IO, "%w", err))
	}
	if len(list) > limits.MaxEntries {
		return nil, where.In("sys/module", where.New(where.Limit, "%d entries", len(list)))
	}
	var out []string
	for _, e := range list {
		state, err := s.read(filepath.Join(s.Root, "sys/module", e.Name(), "initstate"), limits.MaxText)
		if err == nil && strings.TrimSpace(string(state)) == "live" {
			out = append(out, e.Name())
		}
	}
	slices.Sort(out)
	return out, nil
}
