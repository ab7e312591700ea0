// Package wire is what the host and the guest of vmtest say to each other: a
// job goes in as two files of the initial ramdisk, records come out as JSON
// lines on the second serial port.
package wire

// Paths inside the guest.
const (
	ManifestPath = "/vmtest/manifest.json"
	BlobsPath    = "/vmtest/blobs"
)

// Span is a range of the blobs file. A length of -1 says that there is no
// such blob, which is not the same as an empty one.
type Span struct {
	Off int64
	Len int64
}

// None is the span of a blob that does not exist.
var None = Span{Len: -1}

// Manifest is the whole job. The bytes themselves are in the blobs file.
type Manifest struct {
	Blank    Span  // Blank.Bytes
	Spare    int   // Blank.Spare
	Sections int   // Blank.Sections
	Size     int64 // of the blobs file
	Cases    []Case
}

// Case is one question, by its place in Manifest.Cases.
type Case struct {
	Module Span   // a whole module; None: the blank filled with BTF and Base
	BTF    Span   // contents of .BTF
	Base   Span   // contents of .BTF.base
	Name   string // the module's name in sysfs
	Params string
	Keep   bool // stays loaded
	User   bool // BTF is loaded as user space's own, by bpf(BPF_BTF_LOAD)
	// Args is a program of the ramdisk that is run in place of all this, by
	// user and group UID.
	Args   []string `json:",omitempty"`
	UID    uint32   `json:",omitempty"`
	Digest bool     // return the SHA-256 of /sys/kernel/btf/NAME
	Bytes  bool     // return the bytes of it
}

// Record is one line from the guest; exactly one field is filled in.
type Record struct {
	Hello *Hello  `json:",omitempty"`
	Case  *Answer `json:",omitempty"`
	Done  *Done   `json:",omitempty"`
	Fatal string  `json:",omitempty"` // the guest gave up, and why
}

// Hello is the first record: the kernel about itself.
type Hello struct {
	Release    string // uname -r
	Version    string // /proc/version
	SigEnforce string // /sys/module/module/parameters/sig_enforce, "" when there is none
	Uptime     string // /proc/uptime when the guest began
	Base       string // SHA-256 of /sys/kernel/btf/vmlinux, "" when there is none
	Log        []Line // since boot, at most HelloLines
}

// HelloLines bounds the log in Hello.
const HelloLines = 2000

// Line is one record of /dev/kmsg, escaped as the kernel gives it out.
type Line struct {
	Level int    `json:"l"`
	Text  string `json:"t"`
}

// Answer is the kernel's verdict on one case. Errnos are positive, 0 is
// success; -1 means that the call was not made.
type Answer struct {
	I      int    // index of the case
	Init   int    // errno of init_module, or of bpf; a program's exit code
	File   bool   `json:",omitempty"` // /sys/kernel/btf/NAME exists
	Digest string `json:",omitempty"`
	Bytes  []byte `json:",omitempty"`
	Delete int    // errno of delete_module
	// Words are the end of what the verifier wrote to the loader's own buffer,
	// of a case with User.
	Words []byte `json:",omitempty"`
	// Stdout and Stderr are what a program wrote.
	Stdout  []byte `json:",omitempty"`
	Stderr  []byte `json:",omitempty"`
	Log     []Line `json:",omitempty"`
	Lost    int    `json:",omitempty"` // kernel log records overwritten before they were read
	Nanos   int64  // time of the whole case in the guest
	Problem string `json:",omitempty"` // the guest could not look
}

// Done is the last record.
type Done struct {
	Cases int
	Nanos int64  // from the first case to the last
	Log   []Line // what came after the last case
	Taint string // /proc/sys/kernel/tainted
}
