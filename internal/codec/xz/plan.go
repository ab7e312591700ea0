package xz

import (
	"bytes"
	"io"

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
	tasks []task
	large int64 // the largest output of a block
}

const (
	// parallelMemory bounds the output held by all workers together.
	parallelMemory = limits.DefaultMemory / 2
	// chunkOut and chunkIn: an LZMA2 chunk of at least chunkIn bytes gives at
	// most chunkOut.
	chunkOut = 2 << 20
	chunkIn  = 6
)

func newPlan(ra io.ReaderAt, size int64) plan {
	var p plan
	for end := size; end > 0; {
		start, tasks := streamBefore(ra, end)
		if start < 0 || len(p.tasks)+len(tasks) > maxBlocks {
			return plan{}
		}
		p.tasks = append(p.tasks, tasks...) // in reverse
		end = start
	}
	for i, j := 0, len(p.tasks)-1; i < j; i, j = i+1, j-1 {
		p.tasks[i], p.tasks[j] = p.tasks[j], p.tasks[i]
	}
	for _, t := range p.tasks {
		p.large = max(p.large, t.want.size)
	}
	return p
}

// streamBefore finds the stream that ends, padding included, at end: its
// start, and its blocks in reverse. The start is -1 if there is none.
func streamBefore(ra io.ReaderAt, end int64) (int64, []task) {
	var f [footerSize]byte
	var size int64
	var id byte
	for {
		if end&3 != 0 || end < headerSize+footerSize || !readAt(ra, f[:], end-footerSize) {
			return -1, nil
		}
		if bytes.Equal(f[8:], []byte{0, 0, 0, 0}) { // no footer ends so
			end -= 4
			continue
		}
		var err error
		if size, id, err = parseFooter(f[:], end-footerSize); err != nil {
			return -1, nil
		}
		break
	}
	at := end - footerSize - size
	if at < headerSize {
		return -1, nil
	}
	records, packed := readIndex(ra, at, size)
	start := at - packed - headerSize
	var h [headerSize]byte
	if packed < 0 || start < 0 || !readAt(ra, h[:], start) {
		return -1, nil
	}
	if got, err := parseHeader(h[:], start); err != nil || got != id {
		return -1, nil
	}
	tasks := make([]task, 0, len(records))
	for i := len(records) - 1; i >= 0; i-- {
		r := records[i]
		n := (r.unpadded + 3) &^ 3
		at -= n
		tasks = append(tasks, task{at: at, packed: n, want: r, id: id})
	}
	return start, tasks
}

// readIndex reads the index of size bytes at at. It also gives the bytes that
// its blocks take, or -1 if the index is not sound or claims what no block of
// that size can give.
func readIndex(ra io.ReaderAt, at, size int64) ([]record, int64) {
	var in input
	in.fromReader(io.NewSectionReader(ra, at, size), 0)
	if b, err := in.crcTake(1); err != nil || b[0] != 0 {
		return nil, -1
	}
	count, err := in.vli()
	if err != nil || count > maxBlocks || int64(count) > size/2 {
		return nil, -1
	}
	records := make([]record, count)
	var total int64
	for i := range records {
		unpadded, err1 := in.vli()
		out, err2 := in.vli()
		r := record{int64(unpadded), int64(out)}
		if err1 != nil || err2 != nil || r.unpadded <= 0 || r.unpadded > at || r.size > (r.unpadded/chunkIn+1)*chunkOut {
			return nil, -1
		}
		records[i] = r
		if total += (r.unpadded + 3) &^ 3; total > at {
			return nil, -1
		}
	}
	if in.indexEnd(0) != nil || in.off() != size {
		return nil, -1
	}
	return records, total
}

func readAt(ra io.ReaderAt, b []byte, off int64) bool {
	n, _ := ra.ReadAt(b, off)
	return n == len(b)
}

// buffers is how many blocks may be held at once.
func (p plan) buffers(jobs int) int {
	return int(min(int64(jobs)+2, parallelMemory/max(p.large, 1)))
}

func (p plan) parallel(jobs int) bool { return len(p.tasks) > 1 && p.buffers(jobs) > 2 }
