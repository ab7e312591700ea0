package pack

import (
	"io"
	"time"
)

// Type is the kind of a file in a package.
type Type uint8

const (
	Regular Type = iota
	Directory
	Symlink
	Hardlink // Link names another entry of the package
	Ghost    // in an rpm's header but without content
	Other    // device, FIFO, socket
)

// Entry is one file of a package or tree.
type Entry struct {
	// Path is relative to the root, slash-separated and clean, without a
	// leading "./" or "/": "usr/lib/modules/6.1.0-55-amd64/kernel/…". Names
	// are data; nothing is ever written under them. The root itself is ".".
	Path string
	// Member is the part of the package that holds it: "data.tar.xz",
	// "payload", "" for a directory and for ghosts.
	Member  string
	Type    Type
	Mode    uint32 // permission bits and setuid, setgid, sticky
	Size    int64  // bytes of content; 0 unless Regular (or the last of a hard-link set)
	Link    string // target of a symlink as written; of a hard link: Path of the other entry
	ModTime time.Time
	Owner   string
	Group   string
}

// WalkFunc gets each entry in stream order with a reader over its content,
// valid only during the call; unread content is skipped. An error stops the
// walk and is returned with the path to the entry.
type WalkFunc func(e *Entry, content io.Reader) error
