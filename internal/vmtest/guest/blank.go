//go:build linux && amd64

package main

import (
	"fmt"
	"os"
	"slices"

	"kpkg-btf/internal/vmtest/wire"
)

// needBlank makes a template out of nothing if the job brought none but needs
// one: the kernel itself says how long its struct module is, and what version
// magic it wants, when it is given a wrong one.
func (j *job) needBlank(log *kernelLog) error {
	if j.man.Blank.Len >= 0 || !slices.ContainsFunc(j.man.Cases, func(c wire.Case) bool { return c.Module.Len < 0 && !c.User && c.Args == nil }) {
		return nil
	}
	btf, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		return fmt.Errorf("no template, and none can be made: %w", err)
	}
	layout, err := wire.FindModuleLayout(btf)
	if err != nil {
		return fmt.Errorf("no template, and none can be made: %w", err)
	}
	errno := initModule(wire.Synth(layout, "?"), "")
	lines, _ := log.drain()
	for _, l := range lines {
		magic := wire.Vermagic(l.Text)
		if magic == "" {
			continue
		}
		blank, err := wire.NewBlank(wire.Synth(layout, magic))
		if err != nil {
			return err
		}
		j.blank = *blank
		return nil
	}
	return fmt.Errorf("no template, and none can be made: a wrong version magic gave errno %d and %+v", int(errno), lines)
}
