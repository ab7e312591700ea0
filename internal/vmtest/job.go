package vmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"kpkg-btf/internal/vmtest/wire"
)

// Kernel is what is booted: the bytes of a bzImage, or the path of one.
type Kernel struct {
	Image   []byte
	Path    string
	Release string // uname -r it must report; "" accepts any
}

// Kind is what a case hands to the kernel.
type Kind uint8

const (
	// SplitBTF is the template with Case.BTF as its .BTF; a nil BTF leaves
	// the section out, an empty one makes it empty.
	SplitBTF Kind = iota
	// DistilledBTF is the template with Case.BTF and Case.Base as .BTF and
	// .BTF.base, nil and empty as above.
	DistilledBTF
	// WholeModule is Case.Module, byte for byte, signature included.
	WholeModule
	// UserBTF is no module: Case.BTF, without a base, as user space loads it
	// with bpf(BPF_BTF_LOAD). Verdict.Words is what the verifier said.
	UserBTF
	// Program is no module: Case.Args is run, by the user Case.UID. It is one
	// of Job.Files. Verdict.Exit, Stdout and Stderr are what became of it.
	Program
	// Object is no module: the programs of the BPF object Case.Object are loaded
	// with cilium/ebpf, each alone. Verdict.Programs is what became of them.
	Object
)

// Case is one question to the kernel. Cases are asked in order.
type Case struct {
	ID     string
	Kind   Kind
	BTF    []byte
	Base   []byte
	Module []byte
	Params string // module parameters of a WholeModule
	Object []byte
	Args   []string
	UID    uint32
	Keep   bool // stays loaded, for the modules after it that need it

	// What to return of /sys/kernel/btf/NAME if it is present.
	WantDigest bool // its SHA-256
	WantBytes  bool // and the bytes: for single cases, the way out is narrow
}

// InOrder are the cases that load whole modules one after the other, each kept
// for those after it, and give the SHA-256 of what sysfs then shows of its BTF.
func InOrder(modules ...Module) []Case {
	var out []Case
	for _, m := range modules {
		out = append(out, Case{ID: m.Name, Kind: WholeModule, Module: m.Data, Keep: true, WantDigest: true})
	}
	return out
}

// File is a file of the guest, for the programs that run there: an absolute
// path and the bits of chmod.
type File struct {
	Path string
	Mode int
	Data []byte
}

// Firmware is UEFI firmware for a machine: a flash image of code, as Debian's
// package ovmf has it, and the content of the one with variables.
type Firmware struct {
	Code string
	Vars []byte
}

// Job is everything that one boot is asked.
type Job struct {
	// Template is the module that carries the BTF of the cases that are not
	// WholeModule; see Picker. Its own BTF and signature are taken off. With
	// nil the guest makes one of nothing, for kernels without their modules
	// (they need their own BTF and CONFIG_MODULE_FORCE_LOAD).
	Template []byte
	Cases    []Case
	// Files are laid out in the guest before the first case.
	Files []File
	// Cmdline is added to the kernel's command line: "module.sig_enforce=1".
	Cmdline []string
	// Firmware starts the kernel; nil leaves that to QEMU.
	Firmware *Firmware
	// Memory of the machine in MiB; 0 takes what the job needs.
	Memory int
	// Timeout of the whole boot; 0 takes five minutes for the start and a
	// quarter of a second for each case, 30 times what an idle host needs.
	Timeout time.Duration
	// Quiet is how long the guest may say nothing before it counts as hung;
	// 0 is three minutes.
	Quiet time.Duration
}

func (j *Job) timeout() time.Duration {
	if j.Timeout > 0 {
		return j.Timeout
	}
	return 5*time.Minute + time.Duration(len(j.Cases))*250*time.Millisecond
}

func (j *Job) quiet() time.Duration {
	if j.Quiet > 0 {
		return j.Quiet
	}
	return 3 * time.Minute
}

// memory is enough for the kernel, the ramdisk twice (as it was loaded and as
// it is unpacked) and modules at work.
func (j *Job) memory(blobs int64) int {
	if j.Memory > 0 {
		return j.Memory
	}
	for i := range j.Files {
		blobs += int64(len(j.Files[i].Data))
	}
	return 768 + int(2*blobs>>20)
}

// packed is a job in the form the guest reads.
type packed struct {
	manifest []byte
	blobs    [][]byte
	size     int64
	files    []File
}

func (p *packed) add(b []byte) wire.Span {
	if b == nil {
		return wire.None
	}
	s := wire.Span{Off: p.size, Len: int64(len(b))}
	p.blobs = append(p.blobs, b)
	p.size += s.Len
	return s
}

func (p *packed) writeBlobs(w io.Writer) error {
	for _, b := range p.blobs {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// object puts a BPF object into the guest, and with the first the program that loads them.
func (p *packed) object(w *wire.Case, i int, object []byte) error {
	const loader = "/bpf/run"
	if !slices.ContainsFunc(p.files, func(f File) bool { return f.Path == loader }) {
		program, err := bpfrun()
		if err != nil {
			return err
		}
		p.files = append(p.files, File{Path: loader, Mode: 0o755, Data: program})
	}
	f := File{Path: fmt.Sprintf("/bpf/%d.o", i), Mode: 0o644, Data: object}
	p.files = append(p.files, f)
	w.Args = []string{loader, f.Path}
	return nil
}

func (j *Job) pack() (*packed, error) {
	p := &packed{files: slices.Clone(j.Files)}
	templateName := wire.SynthName
	man := wire.Manifest{Blank: wire.None, Cases: make([]wire.Case, 0, len(j.Cases))}
	if j.Template != nil {
		blank, err := wire.NewBlank(j.Template)
		if err != nil {
			return nil, fmt.Errorf("template: %w", err)
		}
		if templateName, err = ModuleName(j.Template); err != nil {
			return nil, fmt.Errorf("template: %w", err)
		}
		man.Blank, man.Spare, man.Sections = p.add(blank.Bytes), blank.Spare, blank.Sections
	}
	for i := range j.Cases {
		c := &j.Cases[i]
		w := wire.Case{
			Module: wire.None, BTF: wire.None, Base: wire.None, Name: templateName,
			Params: c.Params, Keep: c.Keep, Digest: c.WantDigest, Bytes: c.WantBytes,
		}
		switch {
		case c.Kind == WholeModule:
			if c.Module == nil {
				return nil, fmt.Errorf("case %q: no module", c.ID)
			}
			// A module too broken to have a name is still a fair question.
			w.Module = p.add(c.Module)
			w.Name, _ = ModuleName(c.Module)
		case c.Kind == UserBTF:
			w.User, w.BTF = true, p.add(c.BTF)
		case c.Kind == Object:
			if err := p.object(&w, i, c.Object); err != nil {
				return nil, err
			}
		case c.Kind == Program:
			if len(c.Args) == 0 {
				return nil, fmt.Errorf("case %q: no program", c.ID)
			}
			w.Args, w.UID = c.Args, c.UID
		default:
			w.BTF = p.add(c.BTF)
			if c.Kind == DistilledBTF {
				w.Base = p.add(c.Base)
			}
		}
		man.Cases = append(man.Cases, w)
	}
	man.Size = p.size
	var err error
	p.manifest, err = json.Marshal(man)
	return p, err
}

// ModuleName is the name= line of .modinfo, which the kernel's own name of
// the module (in sysfs and for delete_module) equals in every in-tree module.
func ModuleName(ko []byte) (string, error) {
	info, err := modinfo(ko)
	if err != nil {
		return "", err
	}
	if info["name"] == "" {
		return "", fmt.Errorf("module without a name in .modinfo")
	}
	return info["name"], nil
}

// modinfo is the first value of each key of .modinfo.
func modinfo(ko []byte) (map[string]string, error) {
	raw, err := wire.Section(ko, ".modinfo")
	if err != nil {
		return nil, err
	}
	out := make(map[string]string)
	for line := range strings.SplitSeq(string(raw), "\x00") {
		key, value, ok := strings.Cut(line, "=")
		if _, seen := out[key]; ok && !seen {
			out[key] = value
		}
	}
	return out, nil
}

// ReplaceBTF is a module with other contents of .BTF and .BTF.base and
// without its signature; a nil slice leaves the section out.
func ReplaceBTF(ko, btf, base []byte) ([]byte, error) {
	blank, err := wire.NewBlank(ko)
	if err != nil {
		return nil, err
	}
	return blank.Fill(nil, btf, base), nil
}
