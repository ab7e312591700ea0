package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sync/semaphore"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// inFlight is how many bytes of members may wait for or be in the hands of
// the workers.
const inFlight = 96 << 20

// Options of Load.
type Options struct {
	Jobs int // workers, at least 1
	// Progress is told of every member read; nil for none.
	Progress func(Step)
	// Only, if not nil, says by its path which modules of packages and trees are
	// read at all.
	Only func(path string) bool
	// Rewrite, if not nil, stands between the file of a module and its facts:
	// what it gives is parsed in place of stored. Workers call it at once for
	// several modules.
	Rewrite func(s Source, stored []byte) ([]byte, error)
	// Images, if not nil, spares images that it knows, and learns the others.
	Images *Images
	// Installed: the inputs are of a machine, where others than the kernel's
	// packages put modules below updates/ and extra/ (DKMS, administrators).
	Installed bool
	// OnLink, if not nil, is told of further names of modules: hard links, and
	// symlinks to a file of the same input.
	OnLink func(name, of Source, hard bool)
}

// Step is a sign of life.
type Step struct {
	Input   string // being read
	Number  int    // of it, from 1
	Inputs  int    // that are read in all
	Modules int    // seen so far in all inputs
	Bytes   int64  // of payload looked at so far
	// Done of Whole bytes of the inputs' files are read, about; Whole is 0 where that
	// is not known.
	Done, Whole int64
}

// meter tells how far the reading of an input is.
type meter struct {
	start, unpacked int64 // of Step.Bytes
	before, size    int64 // of Step.Done
}

func (m *meter) done(bytes int64) int64 {
	if m.unpacked == 0 {
		return m.before
	}
	part := float64(min(bytes-m.start, m.unpacked)) / float64(m.unpacked)
	return m.before + int64(part*float64(m.size))
}

// Ignored is an input without kernel content, or with none that counts.
type Ignored struct {
	File string
	Why  string
}

// Loaded is what a list of inputs holds.
type Loaded struct {
	Releases []*Release // sorted by name and architecture
	Ignored  []Ignored  // sorted by file
}

// item is one member that matters.
type item struct {
	place
	pkg    *Package
	source Source
	size   int64
	module *kmod.Facts
	image  *kimage.Facts
	text   []byte
	doc    *manifest.Manifest
	err    error
	// anomaly is what is to be told of a name that is not looked at; the item is
	// nothing else then.
	anomaly *Anomaly
	// read: its file was found in a second pass. dropped: it does not count.
	// linked: the name is a link.
	read, dropped, linked bool
}

// collector reads inputs one after the other and hands members to workers.
// Items are in stream order whatever the workers do.
type collector struct {
	o       Options
	sem     *semaphore.Weighted
	work    chan func(*worker)
	wg      sync.WaitGroup
	items   []*item
	aliases []alias
	pkgs    []*Package
	ignored []Ignored
	step    Step
	meter   meter
}

// worker owns what is reused from member to member.
type worker struct {
	dec  codec.Decoder
	held *holder
}

// Load reads inputs (packages, trees, files, lists, manifests) and puts
// releases together. An input that cannot be opened or parsed at all is an
// error; a member that cannot is kept in Release.Unread.
func Load(ctx context.Context, inputs []pack.Input, o Options) (*Loaded, error) {
	o.Jobs = max(o.Jobs, 1)
	c := &collector{o: o, sem: semaphore.NewWeighted(inFlight), work: make(chan func(*worker))}
	var held holder
	for range o.Jobs {
		c.wg.Add(1)
		go func() {
			defer c.wg.Done()
			w := worker{held: &held}
			for f := range c.work {
				f(&w)
			}
		}()
	}
	err := c.readAll(ctx, inputs)
	close(c.work)
	c.wg.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	held.settle(c.items)
	return c.assemble()
}

func (c *collector) readAll(ctx context.Context, inputs []pack.Input) error {
	c.step.Inputs = len(inputs)
	sizes := make([]int64, len(inputs))
	for i := range inputs {
		info, err := os.Stat(inputs[i].Path)
		if err != nil || !info.Mode().IsRegular() {
			c.step.Whole = 0
			break
		}
		sizes[i] = info.Size()
		c.step.Whole += sizes[i]
	}
	for i, in := range inputs {
		c.step.Number = i + 1
		c.meter = meter{start: c.step.Bytes, before: c.meter.before + c.meter.size, size: sizes[i]}
		if err := c.read(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) read(ctx context.Context, in pack.Input) error {
	p, err := in.Open(ctx, pack.Options{Jobs: c.o.Jobs})
	if err != nil {
		return err
	}
	defer p.Close()
	pkg := &Package{File: in.Path, Kind: string(p.Kind), Name: p.Name, Version: p.Version, Arch: p.Arch, Source: p.Source, SourceVersion: p.SourceVersion}
	if p.Kind == pack.Tree {
		pkg.prefix = treePrefix(in.Path)
	}
	c.step.Input = in.Path
	c.meter.unpacked = p.Unpacked()
	before := len(c.items)
	var links []link
	err = p.Walk(ctx, func(e *pack.Entry, r io.Reader) error {
		full := pkg.prefix + e.Path
		if e.Type == pack.Symlink || e.Type == pack.Hardlink {
			links = append(links, link{place: classify(full), pkg: pkg, source: Source{pkg.File, e.Path}, path: full, target: e.Link, hard: e.Type == pack.Hardlink})
			return nil
		}
		return c.entry(ctx, pkg, p.Kind, e, r)
	})
	if err == nil {
		err = c.follow(ctx, p, pkg, links, before)
	}
	if err != nil {
		return err
	}
	if len(c.items) == before {
		if p.Kind == pack.File && in.From == "" {
			return where.In(in.Path, where.New(where.Unsupported, "no package, image, module or other file of a kernel").
				WithHint("kpkg-btf reads .deb, .udeb, .rpm, .pkg.tar.*, .apk, .ipk, .tar and compressed ones, folders, .changes, .buildinfo, @lists, vmlinux, vmlinuz, .ko, config, Module.symvers and its own manifests"))
		}
		c.ignored = append(c.ignored, Ignored{File: in.Path, Why: "no kernel content"})
		return nil
	}
	c.pkgs = append(c.pkgs, pkg)
	return nil
}

// entry takes one member of a package.
func (c *collector) entry(ctx context.Context, pkg *Package, kind pack.Kind, e *pack.Entry, r io.Reader) error {
	c.step.Bytes += e.Size
	c.step.Done = c.meter.done(c.step.Bytes)
	pl := classify(pkg.prefix + e.Path)
	it := &item{place: pl, pkg: pkg, source: Source{pkg.File, e.Path}, size: e.Size}
	switch {
	case e.Type == pack.Regular:
	case pl.role != roleModule || e.Type == pack.Directory:
		return nil
	case e.Type == pack.Ghost:
		it.anomaly = &Anomaly{Kind: NotPacked, Subject: it.source.String()}
		c.items = append(c.items, it)
		return nil
	default:
		it.err = it.source.In(where.New(where.Inconclusive, "called like a module, but a device, FIFO or socket").
			WithHint("no kernel can load it: leave it out, or give the module"))
		c.items = append(c.items, it)
		return nil
	}
	if pl.role == roleNone && kind != pack.File {
		return nil
	}
	if pl.role == roleModule && kind != pack.File && c.o.Only != nil && !c.o.Only(e.Path) {
		return nil
	}
	if kind == pack.File {
		it.source.Path = ""
	}
	return c.submit(ctx, it, r, func(head []byte) {
		if kind == pack.File || !pl.certain && pl.role != roleModule {
			sniff(&it.place, cmp.Or(it.source.Path, it.source.Package), head, kind == pack.File)
		}
	})
}

// submit reads a member and hands it to a worker. look, if not nil, may settle by
// its content what it is.
func (c *collector) submit(ctx context.Context, it *item, r io.Reader, look func(data []byte)) error {
	weight := min(max(it.size, 1), inFlight)
	if err := c.sem.Acquire(ctx, weight); err != nil {
		return err
	}
	data, err := readContent(r, it.size)
	if err != nil {
		c.sem.Release(weight)
		if it.role != roleModule || !errors.Is(err, fs.ErrPermission) {
			return err
		}
		it.err = it.source.In(where.New(where.Inconclusive, "it may not be read: %w", err).
			WithHint("a kernel would load it: read it as one who may"))
		c.add(it)
		return nil
	}
	if look != nil {
		look(data.data)
	}
	if it.role == roleNone {
		data.free()
		c.sem.Release(weight)
		return nil
	}
	c.add(it)
	if it.role == roleModule {
		c.step.Modules++
	}
	if c.o.Progress != nil {
		c.o.Progress(c.step)
	}
	job := func(w *worker) {
		defer c.sem.Release(weight)
		defer data.free()
		it.parse(ctx, w, data.data, &c.o)
	}
	select {
	case c.work <- job:
		return nil
	case <-ctx.Done():
		data.free()
		c.sem.Release(weight)
		return ctx.Err()
	}
}

// add lists an item, unless it is listed already: a name that is a link is
// before its file was found.
func (c *collector) add(it *item) {
	if !it.read {
		c.items = append(c.items, it)
	}
}

// parse turns a member's bytes into facts; what goes wrong stays with the item.
func (it *item) parse(ctx context.Context, w *worker, data []byte, o *Options) {
	defer func() {
		if r := recover(); r != nil {
			it.err = where.New(where.Internal, "panic: %v", r).
				WithHint("please report this with the file: it is a fault of kpkg-btf, not of your package")
		}
		if it.err != nil {
			it.err = it.source.In(it.err)
		}
	}()
	switch it.role {
	case roleModule:
		if o.Rewrite != nil {
			if data, it.err = o.Rewrite(it.source, data); it.err != nil {
				return
			}
		}
		it.module, it.err = kmod.ParseFile(data, &w.dec, kmod.Options{Pack: w.held.pack})
	case roleImage:
		it.image, it.err = o.Images.parse(ctx, data, kimage.Options{Decoder: &w.dec})
	case roleManifest:
		it.doc, it.err = manifest.Read(data)
	default:
		it.text, it.err = decodeText(&w.dec, data)
	}
}

// In puts the source before the path of an error.
func (s Source) In(err error) error {
	if s.Path != "" {
		err = where.In(s.Path, err)
	}
	return where.In(s.Package, err)
}

// decodeText copies a text file out of its buffer, decompressed when it is a
// symvers.xz or the like.
func decodeText(dec *codec.Decoder, data []byte) ([]byte, error) {
	f := codec.Detect(data)
	if f == codec.None {
		if len(data) > limits.MaxText {
			return nil, where.New(where.Limit, "a text file of %d bytes", len(data))
		}
		return append([]byte(nil), data...), nil
	}
	out, err := dec.Decode(nil, f, data, limits.Cap(int64(len(data)), limits.MaxText))
	if err != nil {
		return nil, where.In(fmt.Sprint(f), err)
	}
	return out, nil
}
