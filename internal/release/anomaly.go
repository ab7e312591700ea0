package release

import (
	"cmp"
	"slices"
	"strings"
)

// Anomaly is one way in which the parts of a release contradict each other, or
// in which something that belongs to it is not looked at. It says what was seen;
// what it means for a decision is the judge's.
type Anomaly struct {
	Kind AnomalyKind
	// Subject is what it is about: an option, a symbol, a path; "" for the whole.
	Subject string
	// Claims are who says what, sorted; not all kinds have some.
	Claims []Claim
	// Settled is what the image shows of the subject, with the evidence; "" where
	// it shows nothing. What it shows is what the release then holds.
	Settled string
	// OneVersion: the sources that disagree are of one package version, or of
	// one tree.
	OneVersion bool
	// Count and Names are how many there are of a kind that is counted, and their
	// names in order.
	Count int
	Names []string
}

// Claim is what one source says.
type Claim struct {
	Source Source
	Says   string
}

// AnomalyKind is the kind of an Anomaly.
type AnomalyKind string

const (
	// ConfigDiffers: configs, or a config and the image, say different things of
	// the option Subject.
	ConfigDiffers AnomalyKind = "config"
	// ConfigUnused: a config that names no release beside others; not looked at.
	ConfigUnused AnomalyKind = "config-unused"
	// SymversDiffers: tables of exported symbols differ; Subject is the first
	// symbol by name.
	SymversDiffers AnomalyKind = "symvers"
	// SymversImage: a table of exported symbols contradicts the image's own,
	// which counts. Names are the symbols.
	SymversImage AnomalyKind = "symvers-image"
	// SymversUnused is ConfigUnused of tables of exported symbols.
	SymversUnused AnomalyKind = "symvers-unused"
	// BuiltinDiffers: lists of built-in modules differ; Subject is the first path.
	BuiltinDiffers AnomalyKind = "builtin"
	// FolderOutside: a link among the modules to a folder that is not among the
	// inputs, LinkOutside one of an added module to another kernel's. Names is
	// where they lead.
	FolderOutside AnomalyKind = "folder-outside"
	LinkOutside   AnomalyKind = "link-outside"
	// NotPacked: a module in the header of an rpm that does not hold it (%ghost).
	NotPacked AnomalyKind = "not-packed"
	// ListedNotGiven: modules below kernel/ that modules.order or modules.dep
	// lists and that were not given. GivenNotListed: the other way. BuiltInToo:
	// modules that modules.builtin lists, given as files. All are counted.
	ListedNotGiven AnomalyKind = "listed-not-given"
	GivenNotListed AnomalyKind = "given-not-listed"
	BuiltInToo     AnomalyKind = "built-in-too"
	// HeadersNoBase: the vmlinux of the headers has no BTF, the image has.
	HeadersNoBase AnomalyKind = "headers-no-base"
	// BuiltinUnused is ConfigUnused of lists of built-in modules.
	BuiltinUnused AnomalyKind = "builtin-unused"
)

// note adds an anomaly, its claims in order.
func (r *Release) note(a Anomaly) {
	slices.SortFunc(a.Claims, func(x, y Claim) int {
		return cmp.Or(strings.Compare(x.Says, y.Says), strings.Compare(x.Source.String(), y.Source.String()))
	})
	r.Anomalies = append(r.Anomalies, a)
}

// sortAnomalies puts them in an order that no input decides.
func (r *Release) sortAnomalies() {
	slices.SortStableFunc(r.Anomalies, func(a, b Anomaly) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Subject, b.Subject))
	})
}

// oneVersion reports whether sources are of one package version: of packages with
// one version, or of one tree or file.
func oneVersion(pkgs []*Package) bool {
	version := func(p *Package) string {
		if p.Version == "" {
			return "\x00" + p.File
		}
		return p.Version
	}
	return !slices.ContainsFunc(pkgs, func(p *Package) bool { return version(p) != version(pkgs[0]) })
}

// headersBase: external modules are encoded on the vmlinux in the headers. bare
// are those of which not even a banner is left.
func (r *Release) headersBase(bare []string) {
	has := slices.ContainsFunc(r.bootImages(), func(im *Image) bool { return im.Facts.BTF != nil })
	for _, file := range bare {
		if has {
			r.note(Anomaly{Kind: HeadersNoBase, Subject: file})
		}
	}
	for _, im := range r.Images {
		if has && im.Origin == Headers && im.Facts.BTF == nil {
			r.note(Anomaly{Kind: HeadersNoBase, Subject: im.Source.String()})
		}
	}
}
