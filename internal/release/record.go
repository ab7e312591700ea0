package release

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// addDoc takes a release from its manifest.
func (r *Release) addDoc(it *item) {
	if r.Doc != nil {
		r.Unread = append(r.Unread, it.source.In(where.New(where.Inconclusive, "a second manifest of the same release")))
		return
	}
	r.Doc = it.doc
	r.Symvers = tableOf(it.doc.Exports)
}

// Record returns the manifest of a release: what a later check needs of it.
func (r *Release) Record(tool string) (*manifest.Manifest, error) {
	if r.Doc != nil {
		return r.Doc, nil
	}
	m := &manifest.Manifest{Tool: tool, Release: r.Name, Arch: r.Arch, Scope: r.scope()}
	for _, p := range r.Packages {
		m.Packages = append(m.Packages, manifest.Package{Name: p.Name, Version: p.Version, Arch: p.Arch, Kind: p.Kind, Gives: r.gives(p)})
	}
	if im := r.mainImage(); im != nil {
		recordImage(m, im)
	}
	if err := r.recordBase(m); err != nil {
		return nil, err
	}
	m.Config = r.Options
	if r.Builtin != nil {
		paths, err := manifest.BuiltInPaths(r.Builtin.Data)
		if err != nil {
			return nil, r.Builtin.Source.In(err)
		}
		m.BuiltIn = paths
	}
	if r.Symvers != nil {
		m.Exports = recordExports(r.Symvers, r.SymversSource)
	}
	for _, mod := range r.Modules {
		m.Modules = append(m.Modules, recordModule(mod))
	}
	m.Kfuncs = recordKfuncs(r.Kfuncs())
	return m, nil
}

// ToManifest keeps the manifest and the images of a release, and of the facts
// of its modules, 100 MB, the third that the reverse encounter needs (Packed).
func (r *Release) ToManifest(jobs int) error {
	m, err := r.Record("")
	if err != nil {
		return err
	}
	if r.Doc == nil {
		r.Packed = packAll(r.Modules, jobs)
	}
	r.Doc, r.Modules, r.Added = m, nil, nil
	return nil
}

// DropModules is ToManifest without the modules: a kernel that others are judged on.
func (r *Release) DropModules() error {
	m, err := r.Record("")
	if err != nil {
		return err
	}
	r.Doc, r.Modules, r.Added = m, nil, nil
	return nil
}

// scope: a release from headers alone answers base and symbols, no more.
func (r *Release) scope() manifest.Scope {
	if len(r.Modules) == 0 && r.BootImage() == nil {
		return manifest.BaseSymvers
	}
	return manifest.Full
}

// BootImage is the image that machines boot, nil when there is none.
func (r *Release) BootImage() *Image {
	for _, im := range r.Images {
		if im.Origin == Shipped && !im.Facts.BTFOnly {
			return im
		}
	}
	return nil
}

// mainImage is the boot image, else whatever vmlinux there is.
func (r *Release) mainImage() *Image {
	if im := r.BootImage(); im != nil || len(r.Images) == 0 {
		return im
	}
	return r.Images[0]
}

// gives says in words what of the release a package holds.
func (r *Release) gives(p *Package) []string {
	var g []string
	add := func(word, file string) {
		if file == p.File && !slices.Contains(g, word) {
			g = append(g, word)
		}
	}
	for _, im := range r.Images {
		add("image", im.Source.Package)
	}
	for _, m := range r.Modules {
		add("modules", m.Source.Package)
	}
	for _, c := range r.Configs {
		add("config", c.Source.Package)
	}
	if r.Builtin != nil {
		add("builtin", r.Builtin.Source.Package)
	}
	if strings.HasPrefix(r.SymversSource, p.File+": ") {
		add("symvers", p.File)
	}
	slices.Sort(g)
	return g
}

func recordImage(m *manifest.Manifest, im *Image) {
	f := im.Facts
	m.Image = &manifest.Image{Format: f.Format, Banner: f.Banner, BTFOnly: f.BTFOnly, StructModule: f.StructModule}
	for _, e := range ability.Table() {
		a := e.Of(&f.Abilities)
		m.Abilities = append(m.Abilities, manifest.Ability{Name: e.Name, Is: a.Is, Value: a.Value, Evidence: a.Evidence})
	}
	for _, der := range f.Certs {
		c, err := modsig.ParseCertificate(der)
		if err != nil {
			continue // FindCertificates has parsed every one it gives
		}
		m.Certs = append(m.Certs, manifest.Cert{DER: der, SHA256: sha256.Sum256(der), Subject: c.Subject, KeyID: hex.EncodeToString(c.SKID), Serial: hex.EncodeToString(c.Serial)})
	}
}

// Base returns the bytes of the release's base and where they were found: the
// boot image's, else that of the headers' or debug vmlinux. nil without one.
func (r *Release) Base() ([]byte, *Image) {
	for _, im := range r.Images {
		if im.Facts.BTF != nil {
			return im.Facts.BTF, im
		}
	}
	return nil, nil
}

func (r *Release) recordBase(m *manifest.Manifest) error {
	b, im := r.Base()
	if b == nil {
		return nil
	}
	raw, err := btf.Parse(b)
	if err != nil {
		return im.Source.In(where.In("base BTF", err))
	}
	cut := raw.Bytes()
	m.Base = &manifest.Base{
		SHA256: sha256.Sum256(cut), Size: int64(len(cut)), Types: int64(raw.NumTypes()), StrLen: int64(raw.StrLen()),
		HdrLen: int64(raw.Header().Len), BigEndian: raw.BigEndian(), Where: im.Facts.BTFWhere,
	}
	return nil
}

func recordExports(t *symvers.Table, source string) *manifest.Exports {
	x := &manifest.Exports{Source: "tables"}
	if strings.Contains(source, "symvers") {
		x.Source = "Module.symvers"
	}
	for _, s := range t.Symbols() {
		e := manifest.Symbol{Name: s.Name, Owner: s.Owner, Namespace: s.Namespace}
		switch s.Export {
		case symvers.ExportAny:
			e.Export = manifest.ExportAny
		case symvers.ExportGPL:
			e.Export = manifest.ExportGPL
		default:
			e.Export = manifest.ExportUnknown
		}
		if s.HasCRC {
			e.CRC = s.CRC
		}
		x.Symbols = append(x.Symbols, e)
	}
	return x
}

// tableOf is the symbol table that a manifest keeps; nil without one.
func tableOf(x *manifest.Exports) *symvers.Table {
	if x == nil {
		return nil
	}
	list := make([]symvers.Symbol, 0, len(x.Symbols))
	for _, e := range x.Symbols {
		s := symvers.Symbol{Name: e.Name, Owner: e.Owner, Namespace: e.Namespace, CRC: e.CRC, HasCRC: e.CRC != 0}
		switch e.Export {
		case manifest.ExportAny:
			s.Export = symvers.ExportAny
		case manifest.ExportGPL:
			s.Export = symvers.ExportGPL
		}
		list = append(list, s)
	}
	return symvers.NewTable(list)
}

// registering are the imports through which a module hands BTF ids to the
// kernel, with the versions that have them (docs/kernel-rules.md, "Abilities").
var registering = []string{
	"register_kfunc_btf_id_set",   // 5.16, 5.17
	"register_btf_kfunc_id_set",   // 5.18+
	"register_btf_id_dtor_kfuncs", // 5.19+
	"__register_bpf_struct_ops",   // 6.9+
	"btf_type_by_id",              // reads plain id lists (nf_conntrack)
}

func recordModule(mod *Module) manifest.Module {
	f := mod.Facts
	m := manifest.Module{
		Path: mod.Path, Name: mod.Name(), SHA256: f.Digest, Size: f.Size,
		BTF:      recordBTF(f),
		Vermagic: f.Modinfo.Vermagic, Intree: f.Modinfo.Intree, Srcversion: f.Modinfo.Srcversion,
		Depends: f.Modinfo.Depends, Stamp: f.Stamp,
	}
	if f.Neutralized && f.Stamp == nil {
		m.Stamp = stamp.Stamp{Left: stamp.Stripped}.Bytes() // the mark in the words of a manifest
	}
	for _, i := range f.Imports {
		if slices.Contains(registering, i.Name) {
			m.Registers = append(m.Registers, i.Name)
		}
	}
	if f.IDs != nil {
		m.IDs = &manifest.IDs{SHA256: sha256.Sum256(f.IDs.Data), Sets: int64(len(f.IDs.Sets)), Words: int64(len(f.IDs.Words)), Located: f.IDs.Located}
	}
	if f.Sig != nil {
		m.Signer = &manifest.Signer{KeyID: f.Sig.KeyID, Hash: f.Sig.Hash, Algorithm: f.Sig.Algorithm}
	}
	return m
}

func recordBTF(f *kmod.Facts) manifest.BTF {
	if f.BTF.Len() == 0 {
		return manifest.BTF{Kind: manifest.BTFNone}
	}
	b := manifest.BTF{Kind: manifest.BTFSplit, SHA256: f.BTF.Sum(), Size: int64(f.BTF.Len())}
	if f.BTFBase.Len() > 0 {
		b.Kind, b.BaseSHA256, b.BaseSize = manifest.BTFDistilled, f.BTFBase.Sum(), int64(f.BTFBase.Len())
	}
	return b
}
