//go:build e2e

package modfile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/repair/modfile"
)

// builds are real releases: how many modules they have, in how many of them
// stripping zeroes words of plain lists, and which ones distilling does. Those
// of trixie were laid out by its binutils, whose objcopy they are compared
// with.
var builds = []build{
	{realtest.PairAOld, "", 4023, false, 1, []string{"nf_conntrack"}, 0},
	{realtest.PairANew, "", 4023, false, 1, []string{"nf_conntrack"}, 0},
	{realtest.PairBOld, "", 4230, true, 1, []string{"nf_conntrack"}, 0},
	{realtest.PairBNew, "", 4230, true, 1, []string{"nf_conntrack"}, 0},
}

type build struct {
	spec, image string
	modules     int
	trixie      bool
	lists       int
	lost        []string
	empty       int // modules that name no type of their base: not distilled
}

type member struct {
	name    string // "nf_conntrack"
	content []byte // without compression and signature
}

// kernelImage reads the image out of one package or another.
func kernelImage(t *testing.T, specs ...string) (image []byte) {
	t.Helper()
	for _, spec := range specs {
		if spec == "" {
			continue
		}
		realtest.Walk(t, realtest.Deb(t, spec), func(p string, r io.Reader) (err error) {
			if strings.HasPrefix(path.Base(p), "vmlinuz") {
				image, err = io.ReadAll(r)
			}
			return err
		})
	}
	return image
}

// forEach hands every module of a package to as many workers as there are
// cores.
func forEach(t *testing.T, spec string, work func(worker int, m member)) {
	t.Helper()
	jobs := make(chan member, 8)
	var wg sync.WaitGroup
	for w := range runtime.NumCPU() {
		wg.Go(func() {
			var dec codec.Decoder
			for m := range jobs {
				if f := codec.Detect(m.content); f != codec.None {
					plain, err := dec.Decode(nil, f, m.content, limits.Cap(int64(len(m.content)), limits.MaxPacked))
					if err != nil {
						t.Errorf("%s: %v", m.name, err)
						continue
					}
					m.content = plain
				}
				content, _, err := modsig.Split(m.content)
				if err != nil {
					t.Errorf("%s: %v", m.name, err)
					continue
				}
				m.content = content
				work(w, m)
			}
		})
	}
	realtest.Walk(t, realtest.Deb(t, spec), func(p string, r io.Reader) error {
		name, _, ok := strings.Cut(path.Base(p), ".ko")
		if !ok {
			return nil
		}
		data, err := io.ReadAll(r)
		if err == nil {
			jobs <- member{name, data}
		}
		return err
	})
	close(jobs)
	wg.Wait()
}

// tally collects what workers found.
type tally struct {
	sync.Mutex
	n, bad int
	zeroed []string
	empty  []string // name no type of their base
	took   time.Duration
	bytes  int64
}

func (y *tally) fail(t *testing.T, format string, args ...any) {
	y.Lock()
	defer y.Unlock()
	if y.bad++; y.bad < 10 {
		t.Errorf(format, args...)
	}
}

// peer runs objcopy in a folder of one worker, maybe that of the chroot of
// `make tools`, which is root.
type peer struct{ root, dir string }

// sample is one of how many modules is compared in the ways that need another
// run of objcopy.
const sample = 16

func newPeers(t *testing.T, trixie bool) []peer {
	t.Helper()
	peers := make([]peer, runtime.NumCPU())
	root := ""
	if trixie {
		tools := exec.Command(filepath.Join(realtest.Root(), "testdata/real/tools.sh"), realtest.Cache())
		tools.Stderr = os.Stderr
		out, err := tools.Output()
		if err != nil {
			t.Fatalf("tools.sh (make tools): %v", err)
		}
		root = strings.TrimSpace(string(out))
	}
	for i := range peers {
		tmp := t.TempDir()
		if root != "" {
			var err error
			if tmp, err = os.MkdirTemp(filepath.Join(root, "tmp"), "modfile"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(tmp) })
		}
		peers[i] = peer{root, strings.TrimPrefix(tmp, root)}
	}
	return peers
}

// file writes a file and gives its path as objcopy sees it.
func (p peer) file(name string, data []byte) string {
	if err := os.WriteFile(filepath.Join(p.root, p.dir, name), data, 0o600); err != nil {
		panic(err)
	}
	return filepath.Join(p.dir, name)
}

func (p peer) objcopy(t *testing.T, data []byte, args ...string) []byte {
	args = append(slices.Clone(args), p.file("in", data), filepath.Join(p.dir, "out"))
	cmd := exec.Command("objcopy", args...)
	if p.root != "" {
		cmd = exec.Command("chroot", append([]string{p.root, "objcopy"}, args...)...)
	}
	if msg, err := cmd.CombinedOutput(); err != nil || len(msg) > 0 {
		t.Errorf("objcopy %v: %v: %s", args, err, msg)
	}
	b, err := os.ReadFile(filepath.Join(p.root, p.dir, "out"))
	if err != nil {
		t.Error(err)
	}
	return b
}

// archive runs objcopy once on many modules, as members of one archive, and
// gives what it made of each.
func (p peer) archive(t *testing.T, list []member, args ...string) [][]byte {
	in := []byte("!<arch>\n")
	for i, m := range list {
		in = fmt.Appendf(in, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", fmt.Sprintf("%d/", i), 0, 0, 0, 0o644, len(m.content))
		in = append(in, m.content...)
		if len(in)%2 != 0 {
			in = append(in, '\n')
		}
	}
	rest, ok := bytes.CutPrefix(p.objcopy(t, in, args...), []byte("!<arch>\n"))
	out := make([][]byte, len(list))
	for ok && len(rest) >= 60 {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || len(rest)-60 < size {
			break
		}
		if i, err := strconv.Atoi(strings.TrimRight(string(rest[:16]), "/ ")); err == nil {
			out[i] = rest[60 : 60+size]
		}
		rest = rest[min(len(rest), 60+size+size%2):]
	}
	return out
}

// batch collects modules of one worker for archive.
type batch struct {
	peer
	list  []member
	bytes int
}

// TestStripPairs: every module of pair A, and of a build by other binutils, is
// what objcopy makes of it, byte for byte; then the words of plain lists are
// zeroed, in the modules counted above and nowhere else, and the stamp is added.
func TestStripPairs(t *testing.T) {
	for _, b := range builds {
		if b.spec == realtest.PairBOld {
			continue // the same compiler and binutils as PairBNew
		}
		t.Run(path.Base(b.spec), func(t *testing.T) {
			var y tally
			batches := make([]batch, runtime.NumCPU())
			for i, p := range newPeers(t, b.trixie) {
				batches[i].peer = p
			}
			forEach(t, b.spec, func(w int, m member) {
				batch := &batches[w]
				batch.list = append(batch.list, m)
				if batch.bytes += len(m.content); batch.bytes > 64<<20 {
					y.strip(t, batch)
				}
			})
			for i := range batches {
				y.strip(t, &batches[i])
			}
			slices.Sort(y.zeroed)
			t.Logf("%d of %d modules as objcopy makes them, %d MB in %v; words zeroed in %v", y.n-y.bad, y.n, y.bytes/1e6, y.took, y.zeroed)
			if y.bad != 0 || y.n != b.modules || len(y.zeroed) != b.lists || !slices.Contains(y.zeroed, "nf_conntrack") {
				t.Errorf("%d modules, %d bad, zeroed in %d, want %d", y.n, y.bad, len(y.zeroed), b.lists)
			}
		})
	}
}

// strip strips a batch in both ways and empties it.
func (y *tally) strip(t *testing.T, b *batch) {
	if len(b.list) == 0 {
		return
	}
	mark := stamp.Stamp{Base: &testBase, Left: stamp.Stripped}
	args := []string{"-R", ".BTF", "-R", ".BTF.base"}
	removed := b.archive(t, b.list, args...)
	stamped := append(args, "--add-section", stamp.Section+"="+b.file("stamp", mark.Bytes()))
	for i, m := range b.list {
		begun := time.Now()
		r, err := modfile.Strip(m.content, modfile.StripOptions{KeepIDs: true, NoMark: true})
		took := time.Since(begun)
		if err != nil || !bytes.Equal(r.Data, removed[i]) {
			y.fail(t, "%s: %v; not the %d bytes that objcopy writes", m.name, err, len(removed[i]))
		}
		y.stripped(t, b.peer, m, stamped)
		y.Lock()
		y.n++
		y.took += took
		y.bytes += int64(len(m.content))
		y.Unlock()
	}
	b.list, b.bytes = nil, 0
}

// stripped checks the whole of stripping, against what objcopy makes with the
// arguments, which knows nothing of ids; that is another run of it, for the
// sample and where words are zeroed.
func (y *tally) stripped(t *testing.T, p peer, m member, args []string) {
	r, err := modfile.Strip(m.content, modfile.StripOptions{Base: &testBase})
	if err != nil {
		y.fail(t, "%s: %v", m.name, err)
		return
	}
	names := []string{".BTF", stamp.Section}
	if len(r.Words) > 0 {
		names = []string{".BTF_ids", ".BTF", stamp.Section}
		f, err := kmod.Parse(r.Data, kmod.Options{})
		if err != nil {
			y.fail(t, "%s: %v", m.name, err)
			return
		}
		args = append(slices.Clone(args), "--update-section", ".BTF_ids="+p.file("ids", f.IDs.Data))
		y.Lock()
		y.zeroed = append(y.zeroed, m.name)
		y.Unlock()
		if strings.Contains(r.Lost[0], "write") {
			t.Logf("%s: %q", m.name, r.Lost)
		}
	}
	if !slices.EqualFunc(r.Sections, names, func(c modfile.SectionChange, n string) bool { return c.Name == n }) {
		y.fail(t, "%s: %+v", m.name, r.Sections)
	}
	if len(r.Words) == 0 && crc32.ChecksumIEEE([]byte(m.name))%sample != 0 {
		return
	}
	if want := p.objcopy(t, m.content, args...); !bytes.Equal(r.Data, want) {
		y.fail(t, "%s: stripped: %d bytes, objcopy writes %d", m.name, len(r.Data), len(want))
	}
}

// TestDistillPairs: every module of both builds of both pairs is distilled to
// what objcopy makes of it with the two sections, which are those of package
// distill (its own tests compare them with libbpf's), and all ids in .BTF_ids
// have a name behind them in the new BTF, or are 0 and named. Of those of
// trixie some are shown to its bpftool.
func TestDistillPairs(t *testing.T) {
	all := builds
	all = append(all, build{spec: realtest.Modules73, image: realtest.Image73, modules: 4225, trixie: true,
		lost: []string{"nf_conntrack"}, empty: 3}) // with trace ids, which the kernel relocates
	for _, b := range all {
		t.Run(path.Base(b.spec), func(t *testing.T) {
			image := kernelImage(t, b.spec, b.image)
			facts, err := kimage.Parse(context.Background(), image, kimage.Options{})
			if err != nil {
				t.Fatal(err)
			}
			base, err := btf.Parse(facts.BTF)
			if err != nil {
				t.Fatal(err)
			}
			var y tally
			peers := newPeers(t, b.trixie)
			workers := make([]modfile.Distiller, len(peers))
			var read atomic.Int32
			forEach(t, b.spec, func(w int, m member) {
				begun := time.Now()
				r, err := workers[w].Distill(m.content, modfile.DistillOptions{Base: base})
				took := time.Since(begun)
				if errors.Is(err, distill.ErrEmpty) {
					y.Lock()
					y.empty = append(y.empty, m.name)
					y.Unlock()
					return
				}
				if err != nil {
					y.fail(t, "%s: %v", m.name, err)
					return
				}
				y.distilled(t, peers[w], m, r, base)
				if b.trixie && shown[m.name] {
					if err := byBpftool(t, peers[w], m, r, facts); err != nil {
						y.fail(t, "%s: %v", m.name, err)
						return
					}
					read.Add(1)
				}
				y.Lock()
				defer y.Unlock()
				y.n++
				y.took += took
			})
			slices.Sort(y.zeroed)
			t.Logf("%d of %d modules distilled in %v; words zeroed in %v; %v name no type of their base", y.n-y.bad, y.n, y.took, y.zeroed, y.empty)
			if n := int(read.Load()); b.trixie && n != len(shown) {
				t.Errorf("bpftool read %d modules, not %d", n, len(shown))
			}
			if y.bad != 0 || y.n+len(y.empty) != b.modules || len(y.empty) != b.empty || !slices.Equal(y.zeroed, b.lost) {
				t.Errorf("%d modules, %d bad, zeroed in %v, want %v", y.n, y.bad, y.zeroed, b.lost)
			}
		})
	}
}

func (y *tally) distilled(t *testing.T, p peer, m member, r *modfile.Result, base *btf.Raw) {
	before, err := kmod.Parse(m.content, kmod.Options{})
	if err != nil {
		y.fail(t, "%s: %v", m.name, err)
		return
	}
	f, err := kmod.Parse(r.Data, kmod.Options{})
	if err != nil {
		y.fail(t, "%s: %v", m.name, err)
		return
	}
	split, err := btf.ParseSplit(before.BTF.Bytes(), base)
	if err != nil {
		y.fail(t, "%s: %v", m.name, err)
		return
	}
	want, err := new(distill.Distiller).Distill(split)
	if err != nil || !bytes.Equal(want.Split, f.BTF.Bytes()) || !bytes.Equal(want.Base, f.BTFBase.Bytes()) {
		y.fail(t, "%s: not what distill gives: %v", m.name, err)
		return
	}
	if f.IDs != nil {
		y.ids(t, m, r, f)
	} else if crc32.ChecksumIEEE([]byte(m.name))%sample != 0 {
		return
	}
	args := []string{"--update-section", ".BTF=" + p.file("split", f.BTF.Bytes()), "--add-section", ".BTF.base=" + p.file("base", f.BTFBase.Bytes())}
	if f.IDs != nil {
		args = append(args, "--update-section", ".BTF_ids="+p.file("ids", f.IDs.Data))
	}
	if !bytes.Equal(p.objcopy(t, m.content, args...), r.Data) {
		y.fail(t, "%s: objcopy writes something else", m.name)
	}
}

// ids checks that each id of a distilled module is that of its name.
func (y *tally) ids(t *testing.T, m member, r *modfile.Result, f *kmod.Facts) {
	base, err := btf.Parse(f.BTFBase.Bytes())
	if err != nil {
		y.fail(t, "%s: %v", m.name, err)
		return
	}
	split, err := btf.ParseSplit(f.BTF.Bytes(), base)
	if err != nil {
		y.fail(t, "%s: %v", m.name, err)
		return
	}
	for _, s := range f.IDs.Sets {
		if !slices.IsSorted(s.IDs) || uint32(len(s.IDs)) != s.Count {
			y.fail(t, "%s: set %s: %v", m.name, s.Name, s.IDs)
		}
		var names, symbols []string
		for _, id := range s.IDs {
			rec, _ := split.Record(btf.ID(id))
			names = append(names, split.Name(rec.Name))
		}
		for _, w := range f.IDs.Words {
			if w.Set >= 0 && f.IDs.Sets[w.Set].Off == s.Off {
				symbols = append(symbols, w.Name)
			}
		}
		slices.Sort(names)
		slices.Sort(symbols)
		if !slices.Equal(names, symbols) {
			y.fail(t, "%s: set %s names %v, symbols say %v", m.name, s.Name, names, symbols)
		}
	}
	if len(r.Words) > 0 {
		y.Lock()
		y.zeroed = append(y.zeroed, m.name)
		y.Unlock()
		t.Logf("%s: %d ids rewritten, %q", m.name, r.IDs, r.Lost)
	}
}
