package verdict

import (
	"fmt"
	"strings"
)

// Errno is a negative error number as the kernel returns it, 0 for success.
type Errno int

// The errnos of the rules (include/uapi/asm-generic/errno*.h; ENOTSUPP is
// internal to the kernel, include/linux/errno.h).
const (
	ENOENT   Errno = -2
	E2BIG    Errno = -7
	EEXIST   Errno = -17
	EINVAL   Errno = -22
	ELOOP    Errno = -40
	ENOTSUPP Errno = -524
)

var errnoNames = map[Errno]string{
	0: "0", ENOENT: "ENOENT", E2BIG: "E2BIG", EEXIST: "EEXIST", EINVAL: "EINVAL", ELOOP: "ELOOP", ENOTSUPP: "ENOTSUPP",
}

func (e Errno) String() string {
	if n, ok := errnoNames[e]; ok {
		return n
	}
	return fmt.Sprintf("errno %d", -int(e))
}

// Blob says which of a module's sections a rule refused.
type Blob uint8

// The sections that are judged.
const (
	Split     Blob = iota // .BTF
	Distilled             // .BTF.base
	Own                   // the kernel's own base
)

var blobNames = [...]string{".BTF", ".BTF.base", "vmlinux"}

func (b Blob) String() string { return blobNames[b] }

// Result is a kernel's answer. The zero Result is not an answer; an accepting
// one has OK and nothing else.
type Result struct {
	OK    bool
	Errno Errno
	// Rule names the check that refused: "H3", "M4", "struct.member.name",
	// "chain.eloop". It is the same for all kernels and stays the same.
	Rule string
	// Text is the kernel's own message, "Invalid name"; "" where it refuses
	// without a word. Subject is the type it is about as the kernel prints it,
	// "[106314] STRUCT rimary_device size=40 vlen=3"; "" where it names none.
	Text, Subject string
	// Lines are the kernel log's records, prefix included, trailing newlines
	// cut: one for every fragment of a message, as the kernel prints it.
	Lines []string
	// Undefined says that the kernel would leave its own memory or loop for
	// ever: no errno is right, and the module must not be loaded.
	Undefined bool
	Blob      Blob
	// TypeID is the id in the message, 0 when the rule is about no type.
	TypeID uint32
	// Offset is where in the blob the offending field is.
	Offset uint32
}

var accepted = Result{OK: true}

// String is the refusal in one line.
func (r *Result) String() string {
	if r.OK {
		return "accepted"
	}
	if r.Undefined {
		return fmt.Sprintf("undefined in the kernel (%s, type %d, %s+0x%x)", r.Rule, r.TypeID, r.Blob, r.Offset)
	}
	text := strings.TrimSpace(r.Subject + " " + strings.TrimSpace(r.Text))
	if text == "" {
		text = "no message"
	}
	return fmt.Sprintf("%s (%s, %s+0x%x): %s", r.Errno, r.Rule, r.Blob, r.Offset, text)
}
