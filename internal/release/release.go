// Package release puts together what many inputs hold of a kernel: packages,
// trees, single files and manifests in; releases out, each with its images,
// modules, config and exported symbols. Nothing is settled by "first wins":
// the order of inputs and of their members never matters.
package release

import (
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
)

// Key names a release.
type Key struct {
	Name string // uname -r
	Arch model.Arch
}

func (k Key) String() string {
	if k.Arch == model.ArchUnknown {
		return k.Name
	}
	return k.Name + " " + string(k.Arch)
}

// Source is where a file came from: the input as it was named, and the path in it.
type Source struct {
	Package string
	Path    string
}

func (s Source) String() string {
	if s.Path == "" {
		return s.Package
	}
	return s.Package + ": " + s.Path
}

// Package is one input that had kernel content.
type Package struct {
	File    string // path as named
	Kind    string // "deb", "udeb", "rpm", "directory", "file", "manifest"
	Name    string
	Version string
	Arch    string // the package's own word
	// Source is the source package and SourceVersion its version, "" where the
	// package names none.
	Source, SourceVersion string

	prefix string // what the paths in it stand below, see treePrefix
}

// Label is the package in a few words: "linux-image-… 6.1.192-1", or the file.
func (p Package) Label() string {
	if p.Name == "" {
		return p.File
	}
	return p.Name + " " + p.Version
}

// Module is one module of a release. Path is relative to lib/modules/RELEASE/
// and ends in .ko whatever the compression.
type Module struct {
	Path     string
	Source   Source
	Origin   Origin
	FileSize int64 // as stored, compressed
	// Own, of an added module: the kernel's own packages ship it.
	Own   bool
	Facts *kmod.Facts
	// Copies are further files that hold the same module (udeb, unsigned,
	// debug); Differ are those whose BTF or allocated sections disagree, of debug
	// copies the allocated sections alone.
	Copies []Source
	Differ []Source
}

// Name is the module's name as the kernel spells it: what it says itself, which
// modules before 4.13 do not, else what its file is called.
func (m *Module) Name() string {
	if n := m.Facts.Modinfo.Name; n != "" {
		return n
	}
	return model.ModuleName(m.Path)
}

// Image is one kernel image, or a vmlinux beside it.
type Image struct {
	Source      Source
	Origin      Origin
	PathRelease string // the release its path names, "" if none
	Rescue      bool   // put aside for a machine that no longer boots (vmlinuz-0-rescue-…)
	Facts       *kimage.Facts
}

// Text is a small text file of a release: its config, modules.builtin.
type Text struct {
	Source Source
	Data   []byte
}

// Release is everything the inputs hold of one kernel build.
type Release struct {
	Key
	Packages []*Package
	Images   []*Image  // boot images first, then headers, then debug
	Modules  []*Module // sorted by path; shipped ones
	Added    []*Module // below updates/, extra/, weak-updates/
	// Packed are the modules of a condensed release, sorted by path.
	Packed  []*Packed
	Configs []*Text // all that count for the release
	Config  *Text   // the first of them by path, else the one in the image; nil when there is none
	// Options are what the configs say and the image shows of the options that
	// matter. One that is not listed is not known.
	Options manifest.Config
	Builtin *Text // modules.builtin, nil when not given, or several differ
	Symvers *symvers.Table
	// SymversSource says where the table is from: a Module.symvers, or the image's own tables.
	SymversSource string
	// Anomalies are contradictions among the parts of the release, and what of it
	// was not looked at, in an order that no input decides.
	Anomalies []Anomaly
	// Unread are members that belong to the release but could not be read.
	Unread []error
	// Doc is the manifest the release was read from; Images and Modules are
	// then empty.
	Doc *manifest.Manifest
	// kfuncs are what Kfuncs found, once kfuncsKnown.
	kfuncs      []Kfunc
	kfuncsKnown bool
	// refs are the references that belong to Doc, see WholeRefs.
	refs *manifest.Refs
}
