package xz

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"kpkg-btf/internal/limits"
)

// task is one block of a file as its index places it.
type task struct {
	at     int64 // offset of the block header
	packed int64 // bytes up to the next block
	want   record
	id     byte // check id of the stream
}

// plan is the list of all blocks of a file. It is made from the footers back
// to the front. A file that is not sound all through gives an empty plan: it is
// decoded in sequence then, and the error found in stream order.
type plan struct {
	tasks  []task
	large  int64 // the largest output of a block, in bytes
	memory int64 // bounds the output held by all workers together, in bytes
}

const (
	// parallelMemory bounds plan.memory.
	parallelMemory = limits.DefaultMemory / 2
	// chunkOut and chunkIn: an LZMA2 chunk of at least chunkIn bytes gives at
	// most chunkOut.
	chunkOut   = 2 << 20
	chunkIn    = 6
	maxIndex   = 16 << 20 // bytes of an index that are read back to front
	maxPadding = 64 << 10 // likewise, of padding
)

func newPlan(ra io.ReaderAt, size int64) plan {
	p := plan{memory: limits.Cap(size, parallelMemory)}
	for end := size; end > 0; {
		start, tasks := streamBefore(ra, end)
		if tasks == nil || len(p.tasks)+len(tasks) > maxBlocks {
			return plan{}
		}
		p.tasks = append(p.tasks, tasks...) // in reverse
		end = start
	}
	slices.Reverse(p.tasks)
	for _, t := range p.tasks {
		p.large = max(p.large, t.want.size)
	}
	return p
}

// streamBefore finds the stream that ends, padding included, at end: its
// start, and its blocks in reverse; nil if there is none.
func streamBefore(ra io.ReaderAt, end int64) (int64, []task) {
	f, stop := make([]byte, footerSize), end-maxPadding
	for ; ; end -= 4 {
		if end&3 != 0 || end < max(headerSize+footerSize, stop) || !readAt(ra, f, end-footerSize) {
			return 0, nil
		}
		if string(f[8:]) != "\x00\x00\x00\x00" { // no footer ends so
			break
		}
	}
	size, id := (int64(binary.LittleEndian.Uint32(f[4:]))+1)*4, f[9]
	at := end - footerSize - size
	if at < headerSize || size < 8 || size > maxIndex {
		return 0, nil
	}
	t := make([]byte, size+footerSize)
	if !readAt(ra, t, at) {
		return 0, nil
	}
	records := parseIndex(t[1:size-4], at)
	if !bytes.Equal(t, tail(nil, records, id)) {
		return 0, nil
	}
	tasks := make([]task, 0, len(records))
	for _, r := range slices.Backward(records) {
		n := (r.unpadded + 3) &^ 3
		at -= n
		tasks = append(tasks, task{at: at, packed: n, want: r, id: id})
	}
	h := make([]byte, headerSize)
	if at -= headerSize; at < 0 || !readAt(ra, h, at) || !bytes.Equal(h, header(id)) {
		return 0, nil
	}
	return at, tasks
}

// parseIndex reads the records of an index whose blocks lie before at; it stops
// where they cannot, or claim what no block of that size can give.
func parseIndex(b []byte, at int64) []record {
	p := fields{b: b}
	n := p.vli()
	if n > int64(len(b)/2) {
		return nil
	}
	records := make([]record, 0, n)
	for ; n > 0; n-- {
		r := record{p.vli(), p.vli()}
		if p.bad || r.unpadded <= 0 || r.unpadded > at || r.size > (r.unpadded/chunkIn+1)*chunkOut {
			return nil
		}
		at -= (r.unpadded + 3) &^ 3
		records = append(records, r)
	}
	return records
}

func readAt(ra io.ReaderAt, b []byte, off int64) bool {
	n, _ := ra.ReadAt(b, off)
	return n == len(b)
}

// buffers is how many blocks may be held at once.
func (p plan) buffers(jobs int) int {
	return int(min(int64(jobs)+2, p.memory/max(p.large, 1)))
}

func (p plan) parallel(jobs int) bool { return len(p.tasks) > 1 && p.buffers(jobs) > 2 }
