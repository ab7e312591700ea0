// Package repair carries a decision out: it plans what becomes of every
// module, rehearses all of it in memory and judges the result, and only then
// publishes files that are read back and are, module by module, the ones that
// were judged. A file it publishes is right or not there at all.
//
// The work on one module is package modfile's, signatures are package
// signing's, packages are rewritten by package repack; here is the order of
// things and what must hold between them.
package repair

import (
	"context"
	"sync"
	"time"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/where"
	"kpkg-btf/policy"
)

// Action is what is done to a module.
type Action string

const (
	Keep    Action = "keep"
	Strip   Action = "strip"
	Distill Action = "distill"
	Stamp   Action = "stamp"
	Rebase  Action = "rebase"
)

// Options of Run.
type Options struct {
	Inputs []pack.Input // what is repaired
	// Base names further inputs (images, manifests, raw BTF) that hold build
	// bases and are not repaired.
	Base []string
	// On are kernels that may load the modules, which were built elsewhere: the
	// result is judged on them, and their bases serve as those of Base. Without
	// any it is judged as a kernel's own.
	On []*release.Loaded
	// Decision says what to do, or else Action, with all modules.
	Decision *model.Report
	Action   Action
	// Source names who decided, for the report, DecisionSHA256 the document's
	// very bytes.
	Source         string
	DecisionSHA256 string
	// BaseIsThisBuild: the bases given are of the very build that the modules were
	// encoded in. Stamping may rest on that word alone.
	BaseIsThisBuild bool
	// Neutralize empties .BTF in place of removing it.
	Neutralize bool

	Rules           signing.Rules
	AllowForeignKey bool
	// Export, if not nil, gets the digests that a signing service is to sign;
	// nothing is published then.
	Export func([]signing.Request) error

	// InPlace repairs trees and single files where they are; packages go to
	// Out, a file or an existing folder.
	InPlace bool
	Out     string
	Force   bool
	DryRun  bool
	// Latest is the latest time a file may carry (SOURCE_DATE_EPOCH); zero for none.
	Latest time.Time

	// Policy judges the result, and says of which modules lists of ids may be
	// zeroed.
	Policy *policy.Policy
	Jobs   int
	FS     fsx.FS // nil for the real one
	// Progress is told what is being done ("reading", "rehearsing", "writing") and how
	// far it is; nil for none.
	Progress func(phase string, s release.Step)
}

// Run does it all and gives the account of it. With an error nothing of the
// package or file it is about was published; of a tree, whose files are
// replaced one by one, every file is the old one or the new one, and running
// again finishes.
func Run(ctx context.Context, o Options) (*model.Repair, error) {
	o.Jobs = max(o.Jobs, 1)
	j := &job{o: o, out: &model.Repair{
		Schema: model.RepairSchema, DryRun: o.DryRun, Source: o.Source, DecisionSHA256: o.DecisionSHA256,
		Actions: []model.Count{}, Outputs: []model.RepairOutput{}, Checks: []model.RepairCheck{}, Notes: []string{}, Modules: []model.RepairModule{},
	}}
	if err := o.Rules.Validate(); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{j.plan, j.place, j.rehearse, j.publish} {
		if err := step(ctx); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	j.account()
	return j.out, nil
}

// job is one Run.
type job struct {
	o     Options
	out   *model.Repair
	items map[release.Source]*item
	order []*item // by input and path
	links map[release.Source]link
	// before is the judgement of the inputs as they came.
	before *model.Report
	places []*placed
	images release.Images
	tried  sync.Map // codec.Format -> true
	// onto is the base that modules are rebased onto, rebasers those made for
	// the bases they are on, by checksum.
	onto     *buildBase
	rebasers sync.Map // hex digest -> func() (*rebase.Rebaser, error)
}

func usage(format string, args ...any) *where.Error { return where.New(where.Usage, format, args...) }
