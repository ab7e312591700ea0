package cli

import (
	"bytes"
	"io"
	"runtime/pprof"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// profile runs a command and leaves a CPU profile of it (pprof's format, for
// `go tool pprof`) in the file that --pprof named, when the run has begun one.
func (a *app) profile(run func() error) error {
	var samples bytes.Buffer
	a.startProfile = func() error {
		if err := pprof.StartCPUProfile(&samples); err != nil {
			return where.New(where.Internal, "--pprof: %w", err)
		}
		return nil
	}
	err := run()
	pprof.StopCPUProfile()
	if err != nil || samples.Len() == 0 {
		return err
	}
	return fsx.WriteFile(a.pprof, 0o600, func(w io.Writer) error {
		_, err := w.Write(samples.Bytes())
		return err
	}, nil, fsx.Options{Force: true})
}
