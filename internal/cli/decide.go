package cli

import (
	"context"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/decision"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

func (a *app) decide() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "decide MANIFEST|DECISION...",
		Short: "One decision for many architectures and flavours, from what separate machines recorded",
		Long: `Puts together decisions (check --format json) and manifests (record). A
distribution has one ABI name for all architectures and flavours: any release
that needs a bump bumps all that share its name.

The set must hold every release of --expect, or without it those of the older
side (--against, and what the decisions were made against): one that is missing
makes the answer inconclusive. One that is not in the older side was judged on its
own image alone, and one that is no longer expected is reported. A manifest is
judged by what it tells, with its base and references (record --refs) beside it
also by what its modules mean on the older base; what else needs the modules' BTF
stays open, so decisions are to be preferred.`,
		Example: "  kpkg-btf decide amd64.json arm64.json cloud-amd64.json --expect amd64,arm64,cloud-amd64",
		Args:    someArgs("manifest or decision"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runDecide(cmd.Context(), args, f) },
	}
	f.register(cmd)
	return cmd
}

func (a *app) runDecide(ctx context.Context, args []string, f checkFlags) error {
	run, err := a.prepareCheck(args, &f)
	if err != nil {
		return err
	}
	if run.olds, err = a.loadOlds(ctx, f.against); err != nil {
		return err
	}
	sources, manifests, err := a.sortInputs(args)
	if err != nil {
		return err
	}
	if len(manifests) > 0 {
		rep, err := a.judgeManifests(ctx, manifests, f.refs, run)
		if err != nil {
			return err
		}
		sources = append(sources, decision.Source{Name: manifests[0], Report: rep})
	} else if err := refer(f.refs, run.olds); err != nil {
		return err
	}
	rep := decision.Merge(sources)
	baseline, err := judge.Refs(run.olds)
	if err != nil {
		return err
	}
	decision.Against(rep, baseline)
	decision.Settle(rep, run.members)
	a.concluded(rep, f.failOn)
	return a.decided(rep, &f.show)
}

// sortInputs reads the decisions among the inputs and leaves the rest, in order.
func (a *app) sortInputs(args []string) (sources []decision.Source, rest []string, err error) {
	files := args
	if at := slices.Index(args, "-"); at >= 0 {
		rep, _, err := a.readDecision("-")
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, decision.Source{Name: "standard input", Report: rep})
		files = slices.Delete(slices.Clone(args), at, at+1)
	}
	inputs, err := pack.Expand(files)
	if err != nil {
		return nil, nil, err
	}
	for _, in := range inputs {
		path := in.Path
		is, err := isDecision(path)
		if err != nil {
			return nil, nil, err
		}
		if !is {
			rest = append(rest, path)
			continue
		}
		rep, _, err := a.readDecision(path)
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, decision.Source{Name: path, Report: rep})
	}
	return sources, rest, nil
}

func isDecision(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, where.In(path, err)
	}
	defer f.Close()
	head := make([]byte, 256)
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	if info, serr := f.Stat(); serr == nil && info.IsDir() {
		return false, nil
	}
	return decision.Is(head[:n]), where.In(path, err)
}

func (a *app) judgeManifests(ctx context.Context, paths, refs []string, run *checkRun) (*model.Report, error) {
	news, err := a.load(ctx, paths)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(news.Releases, func(r *release.Release) bool { return r.Doc == nil }); i >= 0 || len(news.Releases) == 0 {
		return nil, where.In(paths[0], where.New(where.Usage, "neither a manifest nor a decision")).(*where.Error).WithHint("packages and trees are judged by check")
	}
	if err := refer(refs, append(run.olds, news)); err != nil {
		return nil, err
	}
	return judge.Check(ctx, news, run.olds, run.options)
}
