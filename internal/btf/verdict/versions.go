package verdict

import (
	"fmt"

	"kpkg-btf/internal/btf"
)

// version is major.minor.patch, comparable as a number.
type version uint64

func v(major, minor, patch int) version {
	return version(major)<<32 | version(minor)<<16 | version(patch)
}

// newest is the last release whose rules were read.
var newest = v(7, 3, 0xffff)

// fixes is a change by the release that brought it and the stable releases
// that carry it.
type change struct {
	in     version
	stable []version
}

// has reports whether a kernel has the change: by its release, or by being late
// enough in a stable series that took it.
func (c change) has(at version) bool {
	for _, s := range c.stable {
		if at>>16 == s>>16 && at >= s {
			return true
		}
	}
	return at >= c.in
}

// The changes, oldest first. Stable releases are those seen in distribution
// changelogs; a distribution that backports on its own is told by its image.
var (
	moduleBTF     = change{in: v(5, 11, 0)}
	emptyDatasec  = change{in: v(5, 12, 0)}
	floatKind     = change{in: v(5, 13, 0)}
	declTagKind   = change{in: v(5, 16, 0)}
	typeTagKind   = change{in: v(5, 17, 0)}
	funcResolve   = change{in: v(5, 17, 0)} // posted for 5.17; seen: not in 5.10, in 6.1
	kfuncSets     = change{in: v(5, 18, 0)}
	tagOrder      = change{in: v(5, 19, 0)}
	dtorSets      = change{in: v(5, 19, 0)}
	logSpace      = change{in: v(5, 19, 0)}
	enum64Kind    = change{in: v(6, 0, 0)}
	longNames     = change{in: v(6, 1, 0)}
	warnOnce      = change{in: v(6, 3, 0)}
	dots          = change{in: v(6, 4, 0), stable: []version{v(5, 10, 186), v(5, 15, 119), v(6, 1, 36), v(6, 3, 10)}}
	kfuncProtos   = change{in: v(6, 4, 0)}
	kfuncWarns    = change{in: v(6, 5, 0), stable: []version{v(6, 1, 39), v(6, 4, 4)}}
	kfuncFlags    = change{in: v(6, 9, 0)}
	dtorWarns     = change{in: v(6, 9, 0)}
	distilled     = change{in: v(6, 11, 0)}
	printSections = change{in: v(6, 9, 0)} // posted for 6.9; read: not in 6.8, in 6.11
	firstPrint    = change{in: v(6, 12, 0), stable: []version{v(6, 10, 13), v(6, 11, 2)}}
	embeddedFix   = change{in: v(6, 12, 0)}
	tagKflag      = change{in: v(6, 15, 0)}
	layout        = change{in: v(7, 1, 0)}
	wideInfo      = change{in: v(7, 2, 0)}
)

// ForVersion returns what an upstream kernel of a version does, stable releases
// included. CONFIG_MODULE_ALLOW_BTF_MISMATCH is taken as off: no version tells.
func ForVersion(major, minor, patch int) Profile {
	at := v(major, minor, patch)
	p := Profile{
		Name:            fmt.Sprintf("%d.%d.%d", major, minor, patch),
		Assumed:         at > newest,
		ModuleBTF:       moduleBTF.has(at),
		WarnOnce:        warnOnce.has(at),
		LogSpace:        logSpace.has(at),
		KindMax:         kindMax(at),
		HeaderSize:      btf.HeaderLen,
		KsymNameLen:     128,
		Dots:            dots.has(at),
		EmptyDatasec:    emptyDatasec.has(at),
		EnumKflag:       enum64Kind.has(at),
		TagKflag:        tagKflag.has(at),
		FuncResolve:     funcResolve.has(at),
		Distilled:       distilled.has(at),
		EmbeddedBug:     distilled.has(at) && !embeddedFix.has(at),
		KfuncAPI:        kfuncSets.has(at),
		KfuncFlags:      kfuncFlags.has(at),
		KfuncProtoCheck: kfuncProtos.has(at),
		KfuncDuplicate:  wideInfo.has(at),
		DtorAPI:         dtorSets.has(at),
	}
	if layout.has(at) {
		p.HeaderSize = btf.HeaderLenLayout
	}
	if longNames.has(at) {
		p.KsymNameLen = 512
	}
	switch {
	case wideInfo.has(at):
		p.Masks, p.InfoMask = btf.Masks7_2, 0
	case floatKind.has(at):
		p.Masks, p.InfoMask = btf.Masks5_13, 0x9f00ffff
	default:
		p.Masks, p.InfoMask = btf.Masks5_11, 0x8f00ffff
	}
	switch {
	case wideInfo.has(at):
		p.Chain = ChainLength
	case tagOrder.has(at):
		p.Chain = ChainOrder
	}
	switch {
	case firstPrint.has(at):
		p.Section = SectionPrint
	case printSections.has(at):
		p.Section = SectionTail
	}
	if p.KfuncAPI && !kfuncWarns.has(at) {
		p.KfuncMissing = ENOENT
	}
	if p.DtorAPI && !dtorWarns.has(at) {
		p.DtorMissing = ENOENT
	}
	for f := range p.evidence {
		p.evidence[f] = fmt.Sprintf("version %d.%d.%d", major, minor, patch)
	}
	p.evidence[FieldAllowMismatch] = "assumed off"
	return p
}

func kindMax(at version) btf.Kind {
	switch {
	case enum64Kind.has(at):
		return btf.Enum64
	case typeTagKind.has(at):
		return btf.TypeTag
	case declTagKind.has(at):
		return btf.DeclTag
	case floatKind.has(at):
		return btf.Float
	}
	return btf.Datasec
}
