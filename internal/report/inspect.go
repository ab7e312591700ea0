package report

import (
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// InspectText writes what is in the inputs, sizes first. Verbose adds images
// with their abilities and the evidence, configuration, id sets, signatures.
func InspectText(w io.Writer, in *model.Inspection, o Options) error {
	s := screen.New(w, o.Width, o.Colour)
	for i := range in.Releases {
		if i > 0 {
			s.Blank()
		}
		inventory(s, &in.Releases[i], o)
	}
	if len(in.Releases) == 0 {
		s.Text(0, "Nothing of a kernel is among the inputs.")
	}
	for k, g := range in.Ignored {
		if k == maxLines && !o.Verbose {
			s.Text(0, plural(len(in.Ignored)-k, "one more input is ignored (-v)", "%d more inputs are ignored (-v)"))
			break
		}
		s.Entry(0, "ignored", 9, screen.Plain, g.File+": "+g.Why)
	}
	if o.Run.Command != "" && !o.Verbose && len(in.Releases) > 0 {
		steps(s, "More", []step{{o.Run.again("-v"), "everything"}})
	}
	return s.Flush()
}

// sizesOf is the first line of a release: what BTF costs.
func sizesOf(r *model.ReleaseInventory) string {
	m := &r.Modules
	text := strings.TrimSpace(r.Name + " " + string(r.Arch))
	if m.Count > 0 {
		text = fmt.Sprintf("BTF of %s: %s of %s (%s)", model.Plural(m.Count, "module", "modules"), Bytes(m.BTFBytes), Bytes(m.Bytes), share(m.BTFBytes, m.Bytes))
		if m.BaseBytes > 0 {
			text += fmt.Sprintf(" and %s of .BTF.base", Bytes(m.BaseBytes))
		}
	}
	for i := range r.Images {
		if im := &r.Images[i]; im.Base.SHA256 != "" {
			return text + fmt.Sprintf("; base %s, %d types", Bytes(im.BaseBytes), im.Base.Types)
		}
	}
	return text + "; no base"
}

// column is the width of the labels of inspect.
const inspectColumn = 11

func inventory(s *screen.Screen, r *model.ReleaseInventory, o Options) {
	s.Headline("", screen.Plain, sizesOf(r), "")
	line := func(label, text string) {
		if text != "" {
			s.Entry(2, label, inspectColumn, screen.Strong, text)
		}
	}
	line("release", fmt.Sprintf("%s, scope %s", strings.TrimSpace(r.Name+" "+string(r.Arch)), r.Scope))
	for i, p := range r.Packages {
		if i == maxLines && !o.Verbose {
			line("", plural(len(r.Packages)-i, "and one more package (-v)", "and %d more packages (-v)"))
			break
		}
		name := strings.TrimSpace(p.Name + " " + p.Version + " " + p.Arch)
		if name == "" {
			name = p.File
		}
		line(p.Kind, name+": "+strings.Join(p.Gives, ", "))
	}
	bars(s, r.Modules.Largest)
	for i := range r.Images {
		line("kernel", behaviour(&r.Images[i]))
	}
	moduleLines(line, &r.Modules)
	if r.Symbols.Source != "" {
		line("symbols", fmt.Sprintf("exported: %d, with CRC: %d (%s)", r.Symbols.Total, r.Symbols.WithCRC, r.Symbols.Source))
	}
	if r.BuiltIn >= 0 {
		line("built in", fmt.Sprintf("modules in the image: %d", r.BuiltIn))
	}
	for _, x := range healthOf(r.Health, o.Verbose) {
		line("health", x.what+": "+x.found)
	}
	for _, u := range r.Unread {
		line("unreadable", u)
	}
	if !o.Verbose {
		return
	}
	for i := range r.Images {
		imageWhole(s, &r.Images[i])
	}
	for _, x := range r.Config {
		s.Text(2, x.Name+"="+x.Value)
	}
	idSets(s, r.Modules.IDs)
}

// bars are the largest modules by their BTF.
func bars(s *screen.Screen, list []model.ModuleSize) {
	if len(list) == 0 {
		return
	}
	t := screen.Table{Head: []string{"largest BTF", "size", "of the module", ""}, Right: []bool{false, true, true}}
	for _, x := range list {
		t.Rows = append(t.Rows, []string{x.Path[strings.LastIndexByte(x.Path, '/')+1:], Bytes(x.BTFBytes), share(x.BTFBytes, x.Bytes), screen.Bar(x.BTFBytes, list[0].BTFBytes, 20)})
	}
	s.Table(2, t)
}

// behaviour says in one line what a kernel does with BTF that does not fit.
func behaviour(im *model.ImageInventory) string {
	is := map[string]string{}
	for _, a := range im.Abilities {
		is[a.Name] = a.Is
	}
	name := im.Source[strings.LastIndexByte(im.Source, '/')+1:]
	switch is["module-btf"] {
	case "no":
		return name + ": does not read the BTF of modules"
	case "yes":
	default:
		return name + ": whether it reads the BTF of modules is not known"
	}
	text := name + ": reads the BTF of modules"
	switch is["allow-mismatch"] {
	case "yes":
		text += "; loads a module without BTF where it does not fit"
	case "no":
		text += "; refuses a module whose BTF does not fit"
	default:
		text += "; whether it refuses a module whose BTF does not fit is in its config"
	}
	if is["distilled-base"] == "yes" {
		text += "; relocates .BTF.base"
	}
	return text
}

func moduleLines(line func(label, text string), m *model.ModuleInventory) {
	if m.Count == 0 {
		line("modules", "none")
		return
	}
	line("modules", fmt.Sprintf("%d, in-tree: %d; stored in %s; BTF: %s", m.Count, m.InTree, Bytes(m.StoredBytes), words(m.Kinds)))
	if m.BaseBytes > 0 {
		line("", fmt.Sprintf(".BTF.base: %d bytes", m.BaseBytes))
	}
	for _, w := range m.WithoutBTF {
		line("", fmt.Sprintf("without BTF: %d, %s", w.Count, w.Word))
	}
	if m.Added > 0 {
		line("", fmt.Sprintf("external (updates/, extra/, weak-updates/): %d", m.Added))
	}
	if m.Duplicates > 0 {
		line("", fmt.Sprintf("further copies of the same modules: %d", m.Duplicates))
	}
	for _, x := range m.Signatures {
		line("signature", fmt.Sprintf("%d %s", x.Count, x.Word))
	}
	for _, x := range m.Vermagic {
		line("vermagic", fmt.Sprintf("%d %q", x.Count, x.Word))
	}
}

// imageWhole is everything that is known of an image.
func imageWhole(s *screen.Screen, im *model.ImageInventory) {
	s.Blank()
	s.Text(0, fmt.Sprintf("image %s (%s): %s", im.Source, im.Origin, strings.Join(im.Format, " > ")))
	line := func(label, text string) { s.Entry(2, label, inspectColumn, screen.Strong, text) }
	if im.Release != "" {
		line("uname -r", im.Release)
	}
	if im.Base.SHA256 == "" {
		line("base", "none "+im.Base.Where)
	} else {
		line("base", "sha256 "+im.Base.SHA256)
		line("", fmt.Sprintf("%s, %d types, %d string bytes, %s", Bytes(im.BaseBytes), im.Base.Types, im.Base.StringBytes, im.Base.Where))
		line("kinds", words(im.Kinds))
	}
	for _, a := range im.Abilities {
		is := a.Is
		if a.Value != 0 {
			is += fmt.Sprintf(" (%d)", a.Value)
		}
		s.Entry(2, a.Name, 22, screen.Plain, fmt.Sprintf("%-10s %s", is, a.Evidence))
	}
	for _, c := range im.Certs {
		line("certificate", fmt.Sprintf("%s, %s %d, key id %s, serial %s", c.Subject, c.Algorithm, c.Bits, c.KeyID, c.Serial))
	}
}

func idSets(s *screen.Screen, list []model.IDsInventory) {
	if len(list) == 0 {
		return
	}
	t := screen.Table{Head: []string{".BTF_ids", "sets", "words", "in lists"}, Right: []bool{false, true, true, true}}
	for _, x := range list {
		t.Rows = append(t.Rows, []string{x.Path, fmt.Sprint(x.Sets), fmt.Sprint(x.Words), fmt.Sprint(x.Lists)})
	}
	s.Table(2, t)
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
