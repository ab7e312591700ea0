// Package toolversion is the version that all programs of this project share.
package toolversion

// Version is set by the linker (-X kpkg-btf/internal/toolversion.Version=…).
var Version = "0.1.0"
