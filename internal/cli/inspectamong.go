package cli

import (
	"context"
	"io"
	"os"
	"runtime/debug"

	"kpkg-btf/internal/among"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// inspectAmong says on which of several recorded bases modules were encoded.
// One base is in memory at a time.
func (a *app) inspectAmong(ctx context.Context, args []string, place, format string, out outputFlags) error {
	l, err := a.load(ctx, args)
	if err != nil {
		return err
	}
	var asked []*among.Asked
	for _, r := range l.Releases {
		for _, m := range append(append([]*release.Module{}, r.Modules...), r.Added...) {
			asked = append(asked, among.Ask(m))
		}
	}
	if len(asked) == 0 {
		return where.New(where.Usage, "no module among the inputs").WithHint("give the .ko whose base is looked for")
	}
	files, err := among.Files(place)
	if err != nil {
		return err
	}
	doc := &model.Origins{Schema: model.OriginsSchema, Ignored: []model.IgnoredInput{}, Modules: []model.ModuleOrigin{}}
	bases := map[[32]byte]bool{}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := a.candidates(ctx, file)
		if err != nil {
			doc.Ignored = append(doc.Ignored, model.IgnoredInput{File: file, Why: err.Error()})
			continue
		}
		for _, c := range found {
			if c.Kernel.Sum == nil {
				doc.Ignored = append(doc.Ignored, model.IgnoredInput{File: file, Why: "no base in it"})
				continue
			}
			bases[*c.Kernel.Sum] = true
			for _, m := range asked {
				m.Weigh(c)
			}
		}
		debug.FreeOSMemory() // what this one needed is garbage before the next is read
	}
	doc.Bases = len(bases)
	for _, m := range asked {
		origin := m.Origin()
		if origin.Found != 1 {
			a.exit = model.ExitInconclusive
		}
		doc.Modules = append(doc.Modules, origin)
	}
	return a.output(out, func(w io.Writer) error {
		if format == "json" {
			return report.JSON(w, toolName(), doc)
		}
		return report.OriginsText(w, doc, a.screenOptions(out.file != ""))
	})
}

// candidates reads what one file records of kernels.
func (a *app) candidates(ctx context.Context, file string) ([]*among.Candidate, error) {
	releases, err := a.basesIn(ctx, file)
	if err != nil {
		return nil, err
	}
	var out []*among.Candidate
	for _, r := range releases {
		c := &among.Candidate{File: file}
		if c.Kernel, err = kernel.Of(r); err != nil {
			return nil, err
		}
		m, err := r.Record("")
		if err != nil {
			return nil, err
		}
		c.Modules = m.Modules
		out = append(out, c)
	}
	return out, nil
}

func (a *app) basesIn(ctx context.Context, file string) ([]*release.Release, error) {
	if among.IsArchive(file) {
		return among.Archive(file)
	}
	if _, err := os.Stat(file); err != nil {
		return nil, where.In(file, err)
	}
	if r, err := release.RawBase(file); err != nil || r != nil {
		return []*release.Release{r}, err
	}
	l, err := a.load(ctx, []string{file})
	if err != nil {
		return nil, err
	}
	return l.Releases, nil
}
