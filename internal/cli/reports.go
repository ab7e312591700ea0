package cli

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report"
)

// reportFlags say how and where a decision is shown: one format on standard
// output (or in the file of -o), and any number of files beside it, so that
// one run feeds a whole CI.
type reportFlags struct {
	format  string
	reports []string
	out     outputFlags
	files   []reportFile
	run     report.Run // what printed commands go on from
}

type reportFile struct {
	format string
	out    outputFlags
}

func (f *reportFlags) register(cmd *cobra.Command) {
	f.out.register(cmd, "write the report to a file")
	cmd.Flags().StringVar(&f.format, "format", "text", strings.Join(report.Formats(), ", "))
	cmd.Flags().StringArrayVar(&f.reports, "report", nil, "FORMAT=FILE: write the report to a file too, in another format (repeats)")
}

// probe checks words and finds out, before the work, whether every file can
// be written.
func (f *reportFlags) probe(inputs []string) error {
	if err := oneOf("--format", f.format, report.Formats()...); err != nil {
		return err
	}
	if err := f.out.probe(inputs, false); err != nil {
		return err
	}
	taken := map[string]bool{f.out.file: true}
	for _, word := range f.reports {
		format, file, ok := strings.Cut(word, "=")
		if !ok || file == "" {
			return usagef("--report %q is not FORMAT=FILE", word)
		}
		if err := oneOf("--report", format, report.Formats()...); err != nil {
			return err
		}
		if taken[file] {
			return usagef("two reports would be written to %s", file)
		}
		taken[file] = true
		out := outputFlags{file: file, force: f.out.force}
		if err := out.probe(inputs, false); err != nil {
			return err
		}
		f.files = append(f.files, reportFile{format, out})
	}
	return nil
}

// decided writes a decision everywhere it was asked for and settles the exit
// code; formats never change it.
func (a *app) decided(rep *model.Report, f *reportFlags) error {
	a.exit = rep.ExitCode
	run := f.run
	if run.Stored == "" {
		run.Stored = f.stored()
	}
	write := func(format string, out outputFlags) error {
		opts := a.screenOptions(out.file != "")
		opts.Run, opts.Source = run, sourceFile()
		return a.output(out, func(w io.Writer) error { return report.Render(w, rep, format, opts) })
	}
	for _, file := range f.files {
		if err := write(file.format, file.out); err != nil {
			return err
		}
	}
	return write(f.format, f.out)
}

// stored is the file that holds the decision as a document, "" where none does.
func (f *reportFlags) stored() string {
	if f.format == "json" {
		return f.out.file
	}
	for _, file := range f.files {
		if file.format == "json" {
			return file.out.file
		}
	}
	return ""
}

// concluded puts what the surroundings of the run have to do with its decision:
// the variables that it was told by, and what --fail-on lets pass. What is
// inconclusive, wrong in itself or failed never does.
func (a *app) concluded(rep *model.Report, failOn string) {
	rep.Variables = a.used
	if slices.Contains(report.PassedBy(failOn), rep.ExitCode) {
		rep.FailOn, rep.ExitCode = failOn, model.ExitDone
	}
}
