package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// pinFlags are the flags of pin.
type pinFlags struct {
	on, format   string
	refs         string
	slack, bytes int
	out          outputFlags
	// Of a build from 7.0 on: the section .BTF_ids as a file, the vmlinux whose
	// symbols say what is in it, and where it goes.
	ids, symbols, idsOut string
}

const pinHelp = `Gives the types and strings of a new kernel's base (BTF) the ids and offsets
that they have in an older one. A module's BTF continues its kernel's ids, so
after a rebuild it is refused by, or wrong on, the kernel before; between pinned
releases the modules of either fit the other. It is done while the kernel is
built, before vmlinux is linked: "kpkg-btf hooks print pin-pahole" (to 6.19) and
"pin-resolve-btfids" (from 7.0) are wrappers for make.

NEW is a file of BTF, or an object or vmlinux before its final link, whose
section .BTF is rewritten; OLD any set with a base: a manifest with its base, a
package, a file of BTF. Without --on a series begins: --slack types, and bytes
of strings, are reserved for what later releases add. One percent of the base
lasts for about a year of stable releases. With both, NEW is pinned on OLD, and
where OLD has no room left the next series begins with that slack.

What modules use of OLD (record --refs) is held before all else. Those of OLD
are found beside its manifest, or named with --refs.

A base whose types are sorted by name (from 7.0) stays sorted. There the ids of
.BTF_ids are resolved before: --ids names that section as a file, --symbols the
vmlinux that it is of, --ids-output what it becomes.

Exit codes:
  0  done: everything that modules are known to use has its id
  1  an input cannot be read
  3  done, but some ids could not be held: which, and whose
  4  no room: the counts of OLD are out of reach, so the ABI name must change`

func (a *app) pin() *cobra.Command {
	var f pinFlags
	cmd := &cobra.Command{
		Use:   "pin NEW [--on OLD] [--slack N]",
		Short: "Hold the type ids and string offsets of an older base in a new one",
		Long:  pinHelp,
		Example: "  kpkg-btf pin vmlinux.btf --slack 4096 -o pinned.btf\n" +
			"  kpkg-btf pin vmlinux --on debian/abi/6.1.0-55-amd64.json -o vmlinux.pinned",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("pin takes one NEW base; %d given", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runPin(cmd.Context(), args[0], f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.on, "on", "", "the older base: its ids and string offsets are held")
	fl.IntVar(&f.slack, "slack", 0, "types to reserve in the first release of a series")
	fl.IntVar(&f.bytes, "slack-bytes", -1, "bytes of strings to reserve (default: 32 a type)")
	fl.StringVar(&f.refs, "refs", "", "what modules use of OLD (record --refs)")
	fl.StringVar(&f.format, "format", "text", "text or json")
	fl.StringVar(&f.ids, "ids", "", "the section .BTF_ids that was resolved on NEW, as a file")
	fl.StringVar(&f.symbols, "symbols", "", "the vmlinux whose symbols say what --ids holds")
	fl.StringVar(&f.idsOut, "ids-output", "", "write --ids with the ids of the pinned base")
	f.out.register(cmd, "write the pinned base: BTF, or NEW's file with its section .BTF rewritten")
	return cmd
}

func (a *app) runPin(ctx context.Context, arg string, f pinFlags) error {
	if err := oneOf("--format", f.format, "text", "json"); err != nil {
		return err
	}
	switch {
	case f.on == "" && f.slack == 0:
		return usagef("pin needs --on OLD, or --slack N to begin a series, or both")
	case f.on == "" && f.refs != "":
		return usagef("--refs are what modules use of OLD: give --on too")
	case (f.ids == "") != (f.symbols == "") || (f.ids == "") != (f.idsOut == ""):
		return usagef("--ids, --symbols and --ids-output belong together")
	case f.slack < 0 || f.bytes < -1:
		return usagef("--slack %d, --slack-bytes %d", f.slack, f.bytes)
	}
	if f.bytes < 0 {
		f.bytes = 32 * f.slack
	}
	if err := f.out.probe([]string{arg, f.on, f.refs, f.ids, f.symbols}, false); err != nil {
		return err
	}
	new, err := a.openNew(ctx, arg)
	if err != nil {
		return err
	}
	defer new.close()
	doc := &model.Pin{Schema: model.PinSchema, New: arg, Old: f.on, Lost: []model.PinLost{}, Touched: []model.PinModule{}}
	res, err := a.pinned(ctx, new.base, &f, doc)
	if err != nil {
		return err
	}
	if res != nil && f.ids != "" {
		if err := a.pinIDs(res, new.base, &f); err != nil {
			return err
		}
	}
	if res != nil && f.out.file != "" {
		if err := a.output(f.out, func(w io.Writer) error { return new.write(w, res.Data) }); err != nil {
			return err
		}
	}
	a.exit = doc.ExitCode
	if f.format == "json" {
		return report.JSON(a.env.Stdout, toolName(), doc)
	}
	return report.PinText(a.env.Stdout, doc, a.screenOptions(false))
}

// pinned pins, and tells what came of it; the result is nil where there is no
// room and no series is to begin.
func (a *app) pinned(ctx context.Context, new *btf.Raw, f *pinFlags, doc *model.Pin) (*pin.Result, error) {
	slack := pin.Slack{Types: f.slack, Strings: f.bytes}
	if f.on == "" {
		res, err := pin.Start(new, slack, nil, nil)
		if err != nil {
			return nil, where.In(doc.New, err)
		}
		doc.Outcome = "started"
		tellPin(doc, &res.Report)
		return res, nil
	}
	old, uses, err := a.openOld(ctx, f)
	if err != nil {
		return nil, err
	}
	doc.References = uses != nil
	res, err := pin.On(new, old, uses)
	var room *pin.RoomError
	switch {
	case err == nil && res.Report.Held():
		doc.Outcome = "pinned"
	case err == nil:
		doc.Outcome, doc.ExitCode = "some lost", model.ExitRepair
	case errors.As(err, &room):
		doc.Outcome, doc.ExitCode, doc.NoRoom = "no room", model.ExitBump, room.Error()
		if f.slack == 0 {
			return nil, nil
		}
		if res, err = pin.Start(new, slack, old, uses); err != nil {
			return nil, where.In(doc.New, err)
		}
	default:
		return nil, where.In(doc.New, err)
	}
	tellPin(doc, &res.Report)
	return res, nil
}

func tellPin(doc *model.Pin, r *pin.Report) {
	doc.Sorted, doc.Types, doc.Strings = r.Sorted, r.Types, r.Strings
	doc.Kept, doc.Changed, doc.Fresh, doc.Vanished, doc.Moved = r.Kept, r.Changed, r.New, r.Vanished, r.Moved
	doc.FilledTypes, doc.FilledStrings = r.Filled.Types, r.Filled.Strings
	doc.SlackTypes, doc.SlackStrings, doc.SlackNamed = r.Slack.Types, r.Slack.Strings, r.NamedSlack
	for _, l := range r.Lost {
		doc.Lost = append(doc.Lost, model.PinLost{ID: uint32(l.ID), To: uint32(l.To), Label: l.Label, Modules: l.Modules})
	}
	for _, m := range r.Touched {
		one := model.PinModule{Module: m.Module, IDs: []uint32{}, Names: []uint32{}}
		for _, id := range m.IDs {
			one.IDs = append(one.IDs, uint32(id))
		}
		for _, off := range m.Names {
			one.Names = append(one.Names, uint32(off))
		}
		doc.Touched = append(doc.Touched, one)
	}
}

// newBase is the base to be pinned, and how it is written.
type newBase struct {
	base  *btf.Raw
	write func(w io.Writer, data []byte) error
	close func()
}

// openNew reads NEW: an ELF file, which is mapped because a vmlinux with debug
// information is larger than all that is needed of it, or any set with a base.
func (a *app) openNew(ctx context.Context, arg string) (*newBase, error) {
	data, free, err := mapELF(arg)
	if err != nil {
		return nil, where.In(arg, err)
	}
	if data == nil {
		blob, _, err := a.openBase(ctx, arg)
		if err != nil {
			return nil, err
		}
		raw, err := btf.Parse(blob)
		return &newBase{base: raw, write: writeAll, close: func() {}}, where.In(arg, err)
	}
	n := &newBase{close: free}
	file, err := elfx.Parse(data)
	if err == nil {
		n.write = func(w io.Writer, data []byte) error { return file.Splice(w, ".BTF", data) }
		n.base, err = sectionBTF(file)
	}
	if err != nil {
		free()
		return nil, where.In(arg, err)
	}
	return n, nil
}

func writeAll(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

// sectionBTF is the base in the section .BTF, copied: what was mapped may end
// before it does.
func sectionBTF(f *elfx.File) (*btf.Raw, error) {
	s := f.Section(".BTF")
	if s == nil {
		return nil, where.New(where.Malformed, "no section .BTF").WithHint("pahole -J adds it")
	}
	blob, err := f.Data(s)
	if err != nil {
		return nil, err
	}
	raw, err := btf.Parse(bytes.Clone(blob))
	return raw, where.In(".BTF", err)
}

func elfBase(data []byte) (*btf.Raw, error) {
	file, err := elfx.Parse(data)
	if err != nil {
		return nil, err
	}
	return sectionBTF(file)
}

// mapELF maps a file that begins as ELF does; nil for any other.
func mapELF(path string) (data []byte, free func(), err error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil, nil // whoever reads it next says what is wrong
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, where.New(where.IO, "%w", err)
	}
	defer f.Close()
	var head [4]byte
	if _, err := io.ReadFull(f, head[:]); err != nil || !elfx.Is(head[:]) {
		return nil, nil, nil
	}
	data, err = unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, where.New(where.IO, "%w", err)
	}
	return data, func() { _ = unix.Munmap(data) }, nil
}

// openBase reads any set with one base.
func (a *app) openBase(ctx context.Context, arg string) ([]byte, *release.Release, error) {
	l, err := a.loadBase(ctx, arg)
	if err != nil {
		return nil, nil, err
	}
	var found []byte
	var of *release.Release
	for _, r := range l.Releases {
		blob, err := r.WholeBase()
		switch {
		case err != nil:
			return nil, nil, where.In(arg, err)
		case blob == nil:
		case found != nil:
			return nil, nil, where.In(arg, where.New(where.Usage, "two releases with a base, %s and %s: which?", of.Name, r.Name))
		default:
			found, of = blob, r
		}
	}
	if found == nil {
		why := "no base in it"
		if len(l.Releases) == 0 {
			why = "no kernel release in it: " + whyIgnored(l)
		}
		return nil, nil, where.In(arg, where.New(where.Malformed, "%s", why).WithHint("a manifest needs its base beside it: DIGEST.btf.zst"))
	}
	return found, of, nil
}

// pinIDs writes .BTF_ids with the ids of the pinned base.
func (a *app) pinIDs(res *pin.Result, new *btf.Raw, f *pinFlags) error {
	data, err := os.ReadFile(f.ids)
	if err != nil {
		return where.In(f.ids, where.New(where.IO, "%w", err))
	}
	image, free, err := mapELF(f.symbols)
	if err != nil {
		return where.In(f.symbols, err)
	}
	if image == nil {
		return where.In(f.symbols, where.New(where.Malformed, "not an ELF file"))
	}
	defer free()
	w, order, err := idWords(image)
	if err != nil {
		return where.In(f.symbols, err)
	}
	if (order == binary.ByteOrder(binary.BigEndian)) != new.BigEndian() {
		return where.In(f.symbols, where.New(where.Usage, "of another byte order than the base"))
	}
	out, err := res.Rewrite(data, order, w)
	if err != nil {
		return where.In(f.ids, err)
	}
	to := f.out
	to.file = f.idsOut
	return a.output(to, func(w io.Writer) error { return writeAll(w, out) })
}

// idWords reads from the symbols of vmlinux what lies where in its section
// .BTF_ids (include/linux/btf_ids.h: __BTF_ID__KIND__NAME__N is one word,
// __BTF_ID__set__NAME and __BTF_ID__set8__NAME begin a set).
func idWords(image []byte) (w pin.Words, order binary.ByteOrder, err error) {
	file, err := elfx.Parse(image)
	if err != nil {
		return w, nil, err
	}
	sec := file.Section(".BTF_ids")
	if sec == nil {
		return w, file.Order(), nil
	}
	tab, err := file.Symtab()
	if err != nil {
		return w, nil, err
	}
	for _, s := range tab.All() {
		if s.Section != sec.Index {
			continue
		}
		name, err := tab.Name(&s)
		if err != nil {
			return w, nil, err
		}
		rest, ok := bytes.CutPrefix(name, []byte("__BTF_ID__"))
		if !ok {
			continue
		}
		kind, _, _ := bytes.Cut(rest, []byte("__"))
		off := int(s.Value - sec.Addr)
		switch string(kind) {
		case "set":
			w.Sets = append(w.Sets, off)
		case "set8":
			w.Set8 = append(w.Set8, off)
		case "func", "struct", "union", "typedef":
			w.IDs = append(w.IDs, off)
		}
	}
	return w, file.Order(), nil
}

// openOld reads OLD and what modules use of it; nil where nobody knows.
func (a *app) openOld(ctx context.Context, f *pinFlags) (*btf.Raw, []pin.Use, error) {
	if data, free, err := mapELF(f.on); data != nil || err != nil {
		if err != nil {
			return nil, nil, where.In(f.on, err)
		}
		defer free()
		raw, err := elfBase(data)
		return raw, nil, where.In(f.on, err)
	}
	blob, r, err := a.openBase(ctx, f.on)
	if err != nil {
		return nil, nil, err
	}
	raw, err := btf.Parse(blob)
	if err != nil {
		return nil, nil, where.In(f.on, err)
	}
	refs, err := a.oldRefs(ctx, r, f)
	if err != nil || refs == nil {
		return raw, nil, err
	}
	uses := []pin.Use{}
	for i := range refs.Modules {
		uses = append(uses, pin.Use{Module: refs.Modules[i].Path, Refs: &refs.Modules[i].Refs})
	}
	return raw, uses, nil
}

func (a *app) oldRefs(ctx context.Context, r *release.Release, f *pinFlags) (*manifest.Refs, error) {
	if f.refs != "" {
		if err := refer([]string{f.refs}, []*release.Loaded{{Releases: []*release.Release{r}}}); err != nil {
			return nil, err
		}
	}
	if len(r.Modules) == 0 {
		return r.WholeRefs()
	}
	m, err := r.Record(toolName())
	if err != nil {
		return nil, err
	}
	return encounter.References(ctx, r, m, a.jobs)
}
