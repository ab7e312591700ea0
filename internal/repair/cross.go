package repair

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// batchSize is how many modules a program is given at once.
const batchSize = 64

// cross shows rewritten modules to readelf and modinfo, where they are
// installed: other eyes than ours. The modules lie in memory files; modinfo
// wants names that end in .ko, so a folder holds links to the descriptors.
type cross struct {
	ctx      context.Context
	programs []*crossProgram
	links    string
	remove   func() // the folder of links

	mu    sync.Mutex
	batch []crossFile
}

type crossProgram struct {
	name string
	args []string
	path string // "" when it is not installed
	seen int
}

type crossFile struct {
	name string
	file *os.File
}

func newCross(ctx context.Context) (*cross, error) {
	c := &cross{ctx: ctx, programs: []*crossProgram{{name: "readelf", args: []string{"-hSW"}}, {name: "modinfo"}}}
	for _, p := range c.programs {
		for _, name := range []string{p.name, "/usr/sbin/" + p.name, "/sbin/" + p.name} {
			if path, err := exec.LookPath(name); err == nil {
				p.path = path
				break
			}
		}
	}
	var err error
	if c.links, c.remove, err = fsx.TempFolder(); err != nil {
		return nil, err
	}
	for i := range batchSize {
		if err := os.Symlink(fmt.Sprintf("/proc/self/fd/%d", 3+i), c.link(i)); err != nil {
			c.close()
			return nil, where.New(where.IO, "temporary folder: %w", err)
		}
	}
	return c, nil
}

func (c *cross) link(i int) string { return filepath.Join(c.links, fmt.Sprintf("%d.ko", i)) }

// module takes one rewritten module. The programs are asked a batch at a time.
func (c *cross) module(it *item, data []byte) error {
	fd, err := unix.MemfdCreate("module.ko", unix.MFD_CLOEXEC)
	if err != nil {
		return where.New(where.IO, "memory file: %w", err)
	}
	f := os.NewFile(uintptr(fd), "module.ko")
	if _, err := f.Write(data); err != nil {
		f.Close()
		return where.New(where.IO, "memory file: %w", err)
	}
	c.mu.Lock()
	c.batch = append(c.batch, crossFile{it.source.String(), f})
	var full []crossFile
	if len(c.batch) == batchSize {
		full, c.batch = c.batch, nil
	}
	c.mu.Unlock()
	return c.ask(full)
}

// ask shows a batch to every program. A program that refuses is asked about
// each alone, so that the module can be named.
func (c *cross) ask(batch []crossFile) error {
	defer func() {
		for _, f := range batch {
			f.file.Close()
		}
	}()
	if len(batch) == 0 {
		return nil
	}
	for _, p := range c.programs {
		if p.path == "" {
			continue
		}
		if _, err := c.run(p, batch); err == nil {
			c.count(p, len(batch))
			continue
		}
		for i := range batch {
			if said, err := c.run(p, batch[i:i+1]); err != nil {
				if c.ctx.Err() != nil {
					return c.ctx.Err()
				}
				return where.In(batch[i].name, where.New(where.Internal, "verification of the rewritten module failed: %s: %v: %s", p.name, err, said))
			}
		}
		c.count(p, len(batch))
	}
	return nil
}

func (c *cross) count(p *crossProgram, n int) {
	c.mu.Lock()
	p.seen += n
	c.mu.Unlock()
}

func (c *cross) run(p *crossProgram, batch []crossFile) ([]byte, error) {
	cmd := exec.CommandContext(c.ctx, p.path, p.args...)
	for i, f := range batch {
		cmd.Args = append(cmd.Args, c.link(i))
		cmd.ExtraFiles = append(cmd.ExtraFiles, f.file)
	}
	cmd.Env = []string{"LC_ALL=C"}
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	return firstLine(said.Bytes()), err
}

func firstLine(b []byte) []byte {
	b, _, _ = bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return b
}

// finish asks about what is left and gives what was checked by whom.
func (c *cross) finish() ([]model.RepairCheck, error) {
	if err := c.ask(c.batch); err != nil {
		return nil, err
	}
	c.batch = nil
	var out []model.RepairCheck
	for _, p := range c.programs {
		k := model.RepairCheck{By: p.name, Result: "ok"}
		if p.path == "" {
			k.Result = "not cross-checked: not installed"
		}
		out = append(out, k)
	}
	return out, nil
}

// close gives up what was not asked about.
func (c *cross) close() {
	c.remove()
	for _, f := range c.batch {
		f.file.Close()
	}
	c.batch = nil
}
