//go:build e2e

package modfile_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/repair/modfile"
)

// shown are the modules that the chroot's bpftool is given: with kfuncs, with
// plain lists, with trace events, large and small.
var shown = map[string]bool{"nf_flow_table": true, "tcp_bbr": true, "nf_conntrack": true, "xfs": true, "vsock": true, "msr": true}

// bpftool is what bpftool 7.5 (libbpf 1.5) names in a file, -B base or not.
func (p peer) bpftool(file, base string) (string, error) {
	args := []string{p.root, "bpftool"}
	if base != "" {
		args = append(args, "-B", base)
	}
	var said bytes.Buffer
	cmd := exec.Command("chroot", append(args, "btf", "dump", "file", file, "format", "raw")...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("bpftool: %w: %s", err, said.String())
	}
	return string(out), nil
}

// byBpftool compares what bpftool names in a module with what we read in it: as it
// came, distilled with the base of its own, relocated by libbpf onto the base
// of its kernel, and stripped, where nothing is left to be named.
func byBpftool(t *testing.T, p peer, m member, r *modfile.Result, kernel *kimage.Facts) error {
	base, err := btf.Parse(kernel.BTF)
	if err != nil {
		return err
	}
	before, err := kmod.Parse(m.content, kmod.Options{})
	if err != nil {
		return err
	}
	after, err := kmod.Parse(r.Data, kmod.Options{})
	if err != nil {
		return err
	}
	own, err := btf.Parse(after.BTFBase.Bytes())
	if err != nil {
		return err
	}
	relocated, err := relocatedBy(kernel, after)
	if err != nil {
		return err
	}
	stripped, err := modfile.Strip(r.Data, modfile.StripOptions{})
	if err != nil {
		return err
	}
	vmlinux := p.file("vmlinux", kernel.BTF)
	for _, c := range []struct {
		what, file, base string
		blob             []byte
		on               *btf.Raw
	}{
		{"as it came", p.file("before.ko", m.content), vmlinux, before.BTF.Bytes(), base},
		{"its own base", p.file("base.btf", after.BTFBase.Bytes()), "", after.BTFBase.Bytes(), nil},
		{"distilled", p.file("after.ko", r.Data), "", after.BTF.Bytes(), own},
		{"relocated", p.file("after.ko", r.Data), vmlinux, relocated, base},
	} {
		var raw *btf.Raw
		if raw, err = btf.Parse(c.blob); c.on != nil {
			raw, err = btf.ParseSplit(c.blob, c.on)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		got, err := p.bpftool(c.file, c.base)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		if want := btftest.Dump(raw); got != want || strings.Count(want, "\n") < 4 {
			return fmt.Errorf("%s: bpftool names %d bytes of types, we read %d", c.what, len(got), len(want))
		}
	}
	if out, err := p.bpftool(p.file("stripped.ko", stripped.Data), vmlinux); err == nil {
		return fmt.Errorf("stripped: bpftool reads %d bytes of types", len(out))
	}
	return nil
}

// relocatedBy is what the kernel does with the module's BTF.
func relocatedBy(kernel *kimage.Facts, f *kmod.Facts) ([]byte, error) {
	var major, minor, patch int
	if _, err := fmt.Sscanf(kernel.Release, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return nil, err
	}
	p := verdict.ForVersion(major, minor, patch)
	base, err := verdict.NewBase(&p, kernel.BTF)
	if err != nil {
		return nil, err
	}
	out, r := base.Relocated(f.BTF.Bytes(), f.BTFBase.Bytes())
	if !r.OK {
		return nil, fmt.Errorf("refused: %s", r.String())
	}
	return out, nil
}
