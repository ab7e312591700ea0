// Package limits holds the budgets under which input is read: nothing is
// allocated because an input claims a size.
package limits

import (
	"sync/atomic"

	"kpkg-btf/internal/where"
)

// Bounds of single objects. Each is several times the largest seen in a real
// distribution kernel.
const (
	MaxModule     = 1 << 30   // bytes of one module (largest seen: 20 MB; with debug info 200 MB)
	MaxPacked     = 192 << 20 // bytes of one module that is stored compressed, decompressed: each worker holds one
	MaxImage      = 2 << 30   // bytes of one kernel image as it lies in its package (a debug vmlinux 1.2 GB; it is mapped, not read)
	MaxUnpacked   = 256 << 20 // bytes that one container inside an image decompresses to in memory (66 MB)
	MaxPayload    = 64 << 30  // bytes of one package's payload, decompressed
	MaxText       = 64 << 20  // bytes of one text file: config, Module.symvers, control
	MaxBTF        = 1 << 30   // bytes of one BTF blob
	MaxDict       = 128 << 20 // bytes of a decoder's dictionary or window (kernel images use 128 MiB)
	MaxEntries    = 4 << 20   // files of one package
	MaxName       = 64 << 10  // bytes of one path
	MaxFindings   = 100       // changes that diff lists of one kind unless --limit says otherwise
	SmallWindow   = 32 << 20  // bytes of the window that an input below SmallInput may take
	SmallInput    = 1 << 20   // bytes
	ratioFloor    = 64 << 20
	memoryRatio   = 16 // of what is decompressed in memory; the most that a kernel's image or module reaches is 9
	ratioMax      = 1000
	DefaultMemory = 512 << 20
)

// Budget is an amount that is used up by reads or allocations. It is safe for
// concurrent use. The nil Budget allows everything.
type Budget struct {
	what string
	max  int64
	used atomic.Int64
}

// NewBudget allows max units of what ("bytes of data.tar").
func NewBudget(what string, max int64) *Budget { return &Budget{what: what, max: max} }

// Take uses n units, or fails with kind Limit and leaves the budget as it was.
func (b *Budget) Take(n int64) error {
	if b == nil {
		return nil
	}
	if n < 0 {
		return where.New(where.Malformed, "negative size of %s", b.what)
	}
	used := b.used.Add(n)
	if used > b.max || used < 0 {
		b.used.Add(-n)
		return where.New(where.Limit, "%s: %d more after %d exceeds the limit of %d", b.what, n, used-n, b.max)
	}
	return nil
}

// Give returns n units that are no longer used.
func (b *Budget) Give(n int64) {
	if b != nil {
		b.used.Add(-n)
	}
}

// Used is what has been taken and not given back.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// Left is what can still be taken.
func (b *Budget) Left() int64 {
	if b == nil {
		return 1<<63 - 1
	}
	return b.max - b.used.Load()
}

// Cap is how many bytes in bytes of input may decompress to in memory: 64 MiB
// and 16 times the input, and never more than max.
func Cap(in, max int64) int64 {
	if in > max/memoryRatio {
		return max
	}
	return min(max, ratioFloor+in*memoryRatio)
}

// Window is the largest window or dictionary, in bytes, that a decoder may take
// for in bytes of input.
func Window(in int64) int64 {
	if in < SmallInput {
		return SmallWindow
	}
	return MaxDict
}

// Ratio refuses output that is out of all proportion to its input. Kernel
// images are padded with zeros, so it counts only beyond 64 MiB and 1000:1.
func Ratio(in, out int64) error {
	if out > ratioFloor && out/ratioMax > in {
		return where.New(where.Limit, "%d bytes decompress to more than %d (over %d:1): a decompression bomb", in, out, ratioMax)
	}
	return nil
}
