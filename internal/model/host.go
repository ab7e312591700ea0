package model

// HostSchema is the schema word of the document that verify writes.
const HostSchema = "kpkg-btf/host/1.2"

// HostReport is what the kernels of a machine make of the modules they may
// meet: those on disk, those in initrds, those that others built.
type HostReport struct {
	Schema  string       `json:"schema"`
	Root    string       `json:"root"`
	Booted  string       `json:"booted"` // uname -r, "" where none of this root runs
	Base    BaseRef      `json:"base"`   // of the kernel that runs
	Kernels []HostKernel `json:"kernels"`
	// WrongFiles are kernel images and initrds that are not of the release they
	// are started for, by path.
	WrongFiles []HostFile `json:"wrong_files"`
	// Loaded is what the kernel that runs has loaded, beside the files; absent
	// where that was not compared.
	Loaded   *HostLoaded `json:"loaded,omitempty"`
	Unread   []string    `json:"unread"` // what could not be read, in words: it makes the answer inconclusive
	Outcome  Outcome     `json:"outcome"`
	Decision string      `json:"decision"`
	ExitCode int         `json:"exit_code"`
}

// HostLoaded is what the kernel that runs holds of the modules that are loaded.
type HostLoaded struct {
	Modules int `json:"modules"`
	// AsFile is how many have the BTF, or none, that their file on disk would have.
	AsFile  int            `json:"as_file"`
	Others  []LoadedModule `json:"others"` // by name
	Outcome Outcome        `json:"outcome"`
}

// LoadedModule is a module that is loaded otherwise than its file would be.
type LoadedModule struct {
	Name string    `json:"name"`
	Path string    `json:"path"` // the file that would be loaded now, "" without one
	BTF  LoadedBTF `json:"btf"`
	// Taint are the letters of /sys/module/NAME/taint: O built outside of the
	// kernel, E not signed, F forced, P proprietary, C staging.
	Taint string `json:"taint"`
	// Unexpected: nothing known says why it runs without its BTF.
	Unexpected bool `json:"unexpected"`
}

// LoadedBTF is what the kernel holds of a module's BTF, beside its file.
type LoadedBTF string

const (
	LoadedAsFile  LoadedBTF = "as-file"     // the same bytes, or none on both sides
	LoadedWithout LoadedBTF = "without-btf" // the file has BTF, and the kernel holds none
	LoadedOther   LoadedBTF = "other-build" // other bytes
	LoadedNoFile  LoadedBTF = "no-file"     // no file of this name would be loaded now
)

// HostFile is a kernel image or initrd that is not what the machine needs at
// its path.
type HostFile struct {
	Path string `json:"path"`
	What string `json:"what"` // "kernel" or "initrd"
	// Is is the release of which the file is, by its content, and Build what its
	// banner says of the build; "" where it does not tell.
	Is    string `json:"is"`
	Build string `json:"build"`
	// Want is the release that it is to be of, WantBuild the build.
	Want      string `json:"want"`
	WantBuild string `json:"want_build"`
	Why       string `json:"why"`
	// Mend is the command that puts it right on this distribution.
	Mend string `json:"mend"`
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
	Why     []string     `json:"why"`  // findings that decide
	Mend    string       `json:"mend"` // the command that puts it right on this distribution, "" when nothing is wrong
}

// HostModule is one module that something is wrong with on a kernel.
type HostModule struct {
	Path    string  `json:"path"`
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Meaning Meaning `json:"meaning"`
	Words   string  `json:"words,omitempty"` // the kernel's own, or why
}
