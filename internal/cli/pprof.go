package cli

import (
	"io"
	"runtime/pprof"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// startProfile begins a CPU profile of the run, where --pprof asked for one.
func (a *app) startProfile() error {
	if a.pprof == "" {
		return nil
	}
	if err := pprof.StartCPUProfile(&a.samples); err != nil {
		return where.New(where.Internal, "--pprof: %w", err)
	}
	return nil
}

// endProfile leaves the profile (pprof's format, for `go tool pprof`) in the file
// that --pprof named, of a run that did not fail.
func (a *app) endProfile(err error) error {
	pprof.StopCPUProfile()
	if err != nil || a.samples.Len() == 0 {
		return err
	}
	return fsx.WriteFile(a.pprof, 0o600, func(w io.Writer) error {
		_, err := w.Write(a.samples.Bytes())
		return err
	}, nil, fsx.Options{Force: true})
}
