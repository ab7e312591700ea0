package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// InspectText writes what is in the inputs, for people.
func InspectText(w io.Writer, in *model.Inspection) error {
	t := &text{w: bufio.NewWriter(w)}
	t.ignored(in.Ignored)
	for i := range in.Releases {
		if i > 0 {
			t.f("\n")
		}
		t.inventory(&in.Releases[i])
	}
	return t.w.Flush()
}

func (t *text) inventory(r *model.ReleaseInventory) {
	t.f("release %s (%s), %s\n", r.Name, string(r.Arch), r.Scope)
	for _, p := range r.Packages {
		name := strings.TrimSpace(p.Name + " " + p.Version + " " + p.Arch)
		if name == "" {
			name = p.File
		}
		t.f("  %s: %s\n    gives %s\n", p.Kind, name, strings.Join(p.Gives, ", "))
	}
	for i := range r.Images {
		t.image(&r.Images[i])
	}
	t.facts(r)
	t.modules(&r.Modules)
	for _, u := range r.Unread {
		t.f("unreadable: %s\n", u)
	}
}

func (t *text) image(im *model.ImageInventory) {
	t.f("image %s (%s): %s\n", im.Source, im.Origin, strings.Join(im.Format, " > "))
	if im.Release != "" {
		t.f("  uname -r: %s\n", im.Release)
	}
	if im.Base.SHA256 == "" {
		t.f("  base: none %s\n", im.Base.Where)
	} else {
		t.f("  base: sha256 %s\n    %s, %d types, %d string bytes, %s\n", im.Base.SHA256, Bytes(im.BaseBytes), int(im.Base.Types), int(im.Base.StringBytes), im.Base.Where)
		t.f("    kinds: %s\n", words(im.Kinds))
	}
	for _, a := range im.Abilities {
		is := a.Is
		if a.Value != 0 {
			is += fmt.Sprintf(" (%d)", a.Value)
		}
		t.f("  %-18s %-10s %s\n", a.Name, is, a.Evidence)
	}
	for _, c := range im.Certs {
		t.f("  certificate: %s, %s %d, key id %s, serial %s\n", c.Subject, c.Algorithm, c.Bits, c.KeyID, c.Serial)
	}
}

func (t *text) facts(r *model.ReleaseInventory) {
	for _, s := range r.Config {
		t.f("  %s=%s\n", s.Name, s.Value)
	}
	if r.Symbols.Source != "" {
		t.f("exported symbols: %d, %d with CRC (%s)\n", r.Symbols.Total, r.Symbols.WithCRC, r.Symbols.Source)
	}
	if r.BuiltIn >= 0 {
		t.f("built-in modules: %d\n", r.BuiltIn)
	}
}

func (t *text) modules(m *model.ModuleInventory) {
	if m.Count == 0 {
		t.f("modules: none\n")
		return
	}
	t.f("modules: %d (%d in-tree), %s stored, %s uncompressed\n", m.Count, m.InTree, Bytes(m.StoredBytes), Bytes(m.Bytes))
	t.f("  BTF: %d bytes, %s of the modules; %s\n", int(m.BTFBytes), share(m.BTFBytes, m.Bytes), words(m.Kinds))
	for _, w := range m.WithoutBTF {
		t.f("  without BTF: %d, %s\n", w.Count, w.Word)
	}
	if m.BaseBytes > 0 {
		t.f("  .BTF.base: %d bytes\n", int(m.BaseBytes))
	}
	if m.Added > 0 {
		t.f("  built elsewhere (updates/, extra/, weak-updates/): %d\n", m.Added)
	}
	if m.Duplicates > 0 {
		t.f("  further copies of the same modules: %d\n", m.Duplicates)
	}
	for _, s := range m.Signatures {
		t.f("  signature: %d %s\n", s.Count, s.Word)
	}
	for _, v := range m.Vermagic {
		t.f("  vermagic: %d %q\n", v.Count, v.Word)
	}
	t.tables(m)
}

func (t *text) tables(m *model.ModuleInventory) {
	tw := tabwriter.NewWriter(t.w, 0, 8, 2, ' ', 0)
	if len(m.IDs) > 0 {
		fmt.Fprintf(tw, "  .BTF_ids\tsets\twords\tof them in lists\n")
		for _, x := range m.IDs {
			fmt.Fprintf(tw, "  %s\t%d\t%d\t%d\n", where.Clean(x.Path), x.Sets, x.Words, x.Lists)
		}
	}
	if len(m.Largest) > 0 {
		fmt.Fprintf(tw, "  largest BTF\tbytes\tof the module\n")
		for _, x := range m.Largest {
			fmt.Fprintf(tw, "  %s\t%d\t%s\n", where.Clean(x.Path), x.BTFBytes, share(x.BTFBytes, x.Bytes))
		}
	}
	tw.Flush()
}

// share is a part in percent with one digit, by integer arithmetic so that
// every machine prints the same.
func share(part, whole int64) string {
	if whole == 0 {
		return "0.0 %"
	}
	tenths := (part*1000 + whole/2) / whole
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}
