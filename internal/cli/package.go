package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/toolversion"
	"kpkg-btf/internal/where"
)

// packageFlags are the flags of package.
type packageFlags struct {
	kind       string
	version    string
	maintainer string
	out        outputFlags
}

func (a *app) companion() *cobra.Command {
	var f packageFlags
	cmd := &cobra.Command{
		Use:   "package SET...",
		Short: "Build the companion package: a kernel's manifest and base, and what it provides",
		Long: `Builds a small .deb or .rpm for each release in the inputs, with manifest and
base below /usr/lib/linux/RELEASE/ and nothing else. It provides what modules
can depend on: in deb kernel-btf-<16 hex digits of the base checksum>, in rpm
kernel-btf(RELEASE) = <checksum>. Files carry the time of SOURCE_DATE_EPOCH.`,
		Example: "  kpkg-btf package linux-image-6.1.0-56-amd64_*.deb -o out/\n  kpkg-btf package --type rpm kernel-core-*.rpm kernel-modules-*.rpm",
		Args:    someArgs("input"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runPackage(cmd.Context(), args, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.kind, "type", "deb", "deb or rpm")
	fl.StringVar(&f.version, "package-version", "", "its version (default: that of the package with the image)")
	fl.StringVar(&f.maintainer, "maintainer", "", "its maintainer, \"Name <address>\" (default: DEBFULLNAME and DEBEMAIL)")
	f.out.register(cmd, "file, or an existing folder (default: the working directory)")
	return cmd
}

func (a *app) runPackage(ctx context.Context, args []string, f packageFlags) error {
	if err := oneOf("--type", f.kind, companion.Kinds...); err != nil {
		return err
	}
	mtime, err := a.sourceDate()
	if err != nil {
		return err
	}
	info, err := os.Stat(f.out.file)
	folder := f.out.file == "" || err == nil && info.IsDir()
	if err := f.out.probe(args, folder); err != nil {
		return err
	}
	l, err := a.load(ctx, args)
	if err != nil {
		return err
	}
	if len(l.Releases) == 0 {
		return where.New(where.Inconclusive, "no kernel release in the inputs: %s", whyIgnored(l))
	}
	if len(l.Releases) > 1 && !folder {
		return usagef("the inputs hold %d releases: give -o an existing folder", len(l.Releases))
	}
	if err := a.unread(l); err != nil {
		return err
	}
	if f.maintainer == "" {
		f.maintainer = maintainer(a.env.Getenv)
	}
	for _, r := range l.Releases {
		if err := a.writePackage(ctx, r, f, folder, mtime); err != nil || a.exit != 0 {
			return err
		}
	}
	return nil
}

// writePackage has the package of one release built by the program for that.
func (a *app) writePackage(ctx context.Context, r *release.Release, f packageFlags, folder bool, mtime time.Time) error {
	m, err := r.Record(toolName())
	if err != nil {
		return err
	}
	base, err := r.WholeBase()
	if err != nil {
		return err
	}
	if (m.Base == nil) != (base == nil) {
		return where.In(r.Name, where.New(where.Inconclusive, "the manifest names a base, and it is not there").
			WithHint("give the kernel's packages, or keep <sha256>.btf.zst beside the manifest"))
	}
	dir, remove, err := fsx.TempFolder()
	if err != nil {
		return err
	}
	defer remove()
	q := companion.Request{
		Tool: toolversion.Version, Kind: f.kind, Version: f.version, Maintainer: f.maintainer, MTime: mtime,
		Manifest: filepath.Join(dir, "manifest.json"), Output: f.out.file, Folder: folder, Force: f.out.force,
	}
	for _, id := range f.out.inputs {
		q.Inputs = append(q.Inputs, companion.File{Dev: id.Dev, Ino: id.Ino})
	}
	if err := fsx.WriteFile(q.Manifest, 0o600, func(w io.Writer) error { return manifest.Write(w, m) }, nil, fsx.Options{}); err != nil {
		return err
	}
	if base != nil {
		q.Base = filepath.Join(dir, "base.btf")
		if err := fsx.WriteFile(q.Base, 0o600, func(w io.Writer) error { _, err := w.Write(base); return err }, nil, fsx.Options{}); err != nil {
			return err
		}
	}
	path, err := companion.Run(ctx, q, a.env.Stderr)
	var failed *companion.ExitError
	if errors.As(err, &failed) {
		a.exit = failed.Code // it has said why
		return nil
	}
	if err != nil {
		return where.In(r.Name, err)
	}
	_, err = io.WriteString(a.env.Stdout, where.Clean(path)+"\n")
	return err
}

// sourceDate is the time that outputs carry: SOURCE_DATE_EPOCH, else the
// beginning of 1980, which every archive format can hold. Never the clock's.
func (a *app) sourceDate() (time.Time, error) {
	t, set, err := a.sourceEpoch()
	if err == nil && !set {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t, err
}

// sourceEpoch is SOURCE_DATE_EPOCH, and whether it is set.
func (a *app) sourceEpoch() (t time.Time, set bool, err error) {
	text := a.env.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return t, false, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 253402300799 { // the year 9999
		return t, false, usagef("SOURCE_DATE_EPOCH %q is not a number of seconds since 1970", text)
	}
	return time.Unix(n, 0).UTC(), true, nil
}

// maintainer is the builder as Debian's tools know them.
func maintainer(getenv func(string) string) string {
	name, email := getenv("DEBFULLNAME"), getenv("DEBEMAIL")
	if name == "" || email == "" {
		return "kpkg-btf <root@localhost>"
	}
	return name + " <" + email + ">"
}
