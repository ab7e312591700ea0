//go:build linux && amd64

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"syscall"

	"kpkg-btf/internal/vmtest/wire"
)

// kernelLog reads /dev/kmsg (Documentation/ABI/testing/dev-kmsg): one record
// a read, "prio,seq,time,flags[,...];text\n" and then continuation lines.
type kernelLog struct {
	fd   int
	next int64 // sequence number that should come next, -1 at the start
	buf  [16 << 10]byte
}

func openLog() (*kernelLog, error) {
	fd, err := syscall.Open("/dev/kmsg", syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/kmsg: %w", err)
	}
	return &kernelLog{fd: fd, next: -1}, nil
}

// drain returns the kernel's records since the last call and how many were
// overwritten before they could be read.
func (k *kernelLog) drain() (lines []wire.Line, lost int) {
	for {
		n, err := syscall.Read(k.fd, k.buf[:])
		switch {
		case err == syscall.EPIPE || err == syscall.EINTR:
			continue // EPIPE: overtaken; the gap shows in the numbers
		case err != nil || n <= 0:
			return lines, lost
		}
		line, seq, ok := parse(k.buf[:n])
		if !ok {
			lost++
			continue
		}
		if k.next >= 0 && seq > k.next {
			lost += int(seq - k.next)
		}
		k.next = seq + 1
		if line.Level < 8 { // facility 0: the kernel itself
			lines = append(lines, line)
		}
	}
}

func parse(rec []byte) (line wire.Line, seq int64, ok bool) {
	head, body, found := bytes.Cut(rec, []byte{';'})
	if !found {
		return line, 0, false
	}
	prio, rest, _ := bytes.Cut(head, []byte{','})
	num, _, _ := bytes.Cut(rest, []byte{','})
	level, err1 := strconv.Atoi(string(prio))
	seq, err2 := strconv.ParseInt(string(num), 10, 64)
	msg, _, _ := bytes.Cut(body, []byte{'\n'})
	return wire.Line{Level: level, Text: string(msg)}, seq, err1 == nil && err2 == nil
}
