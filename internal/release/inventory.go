package release

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
)

// Inventory lists what the inputs hold, with the top modules by size of BTF
// of each release (top < 0: all).
func (l *Loaded) Inventory(top int) *model.Inspection {
	out := &model.Inspection{Schema: model.InspectionSchema, Ignored: []model.IgnoredInput{}, Releases: []model.ReleaseInventory{}}
	for _, i := range l.Ignored {
		out.Ignored = append(out.Ignored, model.IgnoredInput{File: i.File, Why: i.Why})
	}
	for _, r := range l.Releases {
		out.Releases = append(out.Releases, r.inventory(top))
	}
	return out
}

func (r *Release) inventory(top int) model.ReleaseInventory {
	inv := model.ReleaseInventory{
		Name: r.Name, Arch: r.Arch, Scope: string(r.scope()), BuiltIn: -1,
		Packages: []model.PackageRef{}, Images: []model.ImageInventory{}, Config: []model.Setting{}, Unread: []string{},
	}
	for _, p := range r.Packages {
		inv.Packages = append(inv.Packages, model.PackageRef{File: p.File, Kind: p.Kind, Name: p.Name, Version: p.Version, Arch: p.Arch, Gives: r.gives(p)})
	}
	for _, im := range r.Images {
		inv.Images = append(inv.Images, imageInventory(im))
	}
	for _, o := range r.Options {
		inv.Config = append(inv.Config, model.Setting{Name: o.Name, Value: o.Value})
	}
	if r.Builtin != nil {
		inv.BuiltIn = bytes.Count(r.Builtin.Data, []byte("\n"))
	}
	if r.Symvers != nil {
		inv.Symbols.Source = r.SymversSource
		for _, s := range r.Symvers.Symbols() {
			inv.Symbols.Total++
			if s.HasCRC {
				inv.Symbols.WithCRC++
			}
		}
	}
	inv.Modules, inv.Health = r.moduleInventory(top), r.Health(nil)
	for _, err := range r.Unread {
		inv.Unread = append(inv.Unread, err.Error())
	}
	return inv
}

func imageInventory(im *Image) model.ImageInventory {
	f := im.Facts
	out := model.ImageInventory{
		Source: im.Source.String(), Origin: im.Origin.String(), Format: f.Format, Release: f.Release, Banner: f.Banner,
		BigEndian: f.BigEndian, Exports: len(f.Exports), Kinds: []model.Count{}, Abilities: []model.AbilityLine{}, Certs: []model.CertificateRef{},
	}
	for _, e := range ability.Table() {
		a := e.Of(&f.Abilities)
		out.Abilities = append(out.Abilities, model.AbilityLine{Name: e.Name, Is: a.Is.String(), Value: a.Value, Evidence: a.Evidence})
	}
	for _, der := range f.Certs {
		if c, err := modsig.ParseCertificate(der); err == nil {
			out.Certs = append(out.Certs, model.CertificateRef{Subject: c.Subject, Algorithm: c.Algorithm, Bits: c.Bits, KeyID: hex.EncodeToString(c.SKID), Serial: hex.EncodeToString(c.Serial)})
		}
	}
	if f.BTF == nil {
		return out
	}
	out.BaseBytes = int64(len(f.BTF))
	out.Base.Where = f.BTFWhere
	raw, err := btf.Parse(f.BTF)
	if err != nil {
		out.Base.Where += ": " + err.Error()
		return out
	}
	sum, _ := btf.Checksum(f.BTF) // it has been parsed
	out.Base.SHA256, out.Base.Types, out.Base.StringBytes = hex.EncodeToString(sum[:]), raw.NumTypes(), raw.StrLen()
	var kinds [btf.MaxKind + 1]int
	for t := range raw.Types {
		kinds[t.Kind]++
	}
	for k, n := range kinds {
		if n > 0 {
			out.Kinds = append(out.Kinds, model.Count{Word: btf.Kind(k).String(), Count: n})
		}
	}
	return out
}

func (r *Release) moduleInventory(top int) model.ModuleInventory {
	inv := model.ModuleInventory{Count: len(r.Modules), Added: len(r.Added), IDs: []model.IDsInventory{}, Largest: []model.ModuleSize{}}
	kinds, signers, vermagic, bare := model.Counter{}, model.Counter{}, model.Counter{}, model.Counter{}
	list := r.Modules
	if len(list) == 0 {
		list = r.Added // a kmod package: all of it was built elsewhere
		inv.Count = len(list)
	}
	for _, m := range list {
		f := m.Facts
		inv.Bytes += f.Size
		inv.StoredBytes += m.FileSize
		inv.BTFBytes += int64(f.BTF.Len())
		inv.BaseBytes += int64(f.BTFBase.Len())
		inv.Duplicates += len(m.Copies)
		if f.Modinfo.Intree {
			inv.InTree++
		}
		kinds.Add(string(recordBTF(f).Kind))
		if why, _ := f.WhyNoBTF(); why != "" && r.wantsBTF() {
			bare.Add(why)
		}
		vermagic.Add(f.Modinfo.Vermagic)
		signers.Add(signerWord(f.Sig))
		inv.Largest = append(inv.Largest, model.ModuleSize{Path: m.Path, Bytes: f.Size, BTFBytes: int64(f.BTF.Len())})
		if f.IDs != nil {
			lists := 0
			for _, w := range f.IDs.Words {
				if w.Set < 0 {
					lists++
				}
			}
			inv.IDs = append(inv.IDs, model.IDsInventory{Path: m.Path, Sets: len(f.IDs.Sets), Words: len(f.IDs.Words), Lists: lists})
		}
	}
	slices.SortStableFunc(inv.Largest, func(a, b model.ModuleSize) int { return cmp.Compare(b.BTFBytes, a.BTFBytes) })
	if top >= 0 {
		inv.Largest = inv.Largest[:min(top, len(inv.Largest))]
	}
	inv.Kinds, inv.Signatures, inv.Vermagic, inv.WithoutBTF = kinds.Sorted(), signers.Sorted(), vermagic.Sorted(), bare.Sorted()
	return inv
}

// wantsBTF is false where the config says that modules have none.
func (r *Release) wantsBTF() bool {
	v, ok := r.Options.Value("CONFIG_DEBUG_INFO_BTF_MODULES")
	return v == "y" || !ok
}

func signerWord(s *modsig.Signature) string {
	if s == nil {
		return "unsigned"
	}
	who := s.Issuer
	if who == "" {
		who = "key"
	}
	return s.Algorithm + " " + s.Hash + " by " + who + " " + s.KeyID
}
