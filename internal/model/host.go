package model

// HostSchema is the schema word of the document that verify writes.
const HostSchema = "kpkg-btf/host/1.0"

// HostReport is what the kernels of a machine make of the modules they may
// meet: those on disk, those in initrds, those that others built.
type HostReport struct {
	Schema   string       `json:"schema"`
	Root     string       `json:"root"`
	Booted   string       `json:"booted"` // uname -r, "" where none of this root runs
	Base     BaseRef      `json:"base"`   // of the kernel that runs
	Kernels  []HostKernel `json:"kernels"`
	Unread   []string     `json:"unread"` // what could not be read, in words: it makes the answer inconclusive
	Outcome  Outcome      `json:"outcome"`
	Decision string       `json:"decision"`
	ExitCode int          `json:"exit_code"`
}

// HostKernel is one installed kernel.
type HostKernel struct {
	Release string        `json:"release"`
	Image   string        `json:"image"`
	Base    BaseRef       `json:"base"`
	Running bool          `json:"running"` // the one that runs has this name
	Meets   []HostMeeting `json:"meets"`
}

// HostMeeting is modules and a kernel that may load them.
type HostMeeting struct {
	// What is "installed modules", "added modules" (extra, updates,
	// weak-updates, DKMS) or "initrd".
	What string `json:"what"`
	Path string `json:"path"`
	// On is "installed" or "running".
	On       string  `json:"on"`
	Modules  int     `json:"modules"`
	Verdicts []Count `json:"verdicts"`
	Meanings []Count `json:"meanings"`
	// Wrong are the modules that will be refused, lose their BTF, or load with
	// types that mean something else, by path.
	Wrong   []HostModule `json:"wrong"`
	Outcome Outcome      `json:"outcome"`
	Why     []string     `json:"why"` // findings that decide
}

// HostModule is one module that something is wrong with on a kernel.
type HostModule struct {
	Path    string  `json:"path"`
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Meaning Meaning `json:"meaning"`
	Words   string  `json:"words,omitempty"` // the kernel's own, or why
}
