//go:build linux && amd64

package main

import (
	"bytes"
	"fmt"
	"syscall"
	"unsafe"

	"kpkg-btf/internal/vmtest/wire"
)

const (
	sysBPF  = 321
	btfLoad = 18 // BPF_BTF_LOAD
	logStat = 1  // BPF_LOG_LEVEL1
)

// verifierLog is how much the verifier may write: with every type that it has
// seen, 1 MiB of BTF says less. A log that is full would change the errno.
const verifierLog = 16<<20 - 4096

// words is how much of the log's end goes to the host.
const words = 4 << 10

// loadAttr is the part of union bpf_attr that BPF_BTF_LOAD has had from the
// beginning.
type loadAttr struct {
	btf, log                uint64
	size, logSize, logLevel uint32
	_                       uint32
}

// loadBTF returns a blob to the kernel as user space does.
func (j *job) loadBTF(blob []byte, a *wire.Answer) {
	if j.log == nil {
		j.log = make([]byte, verifierLog)
	}
	j.log[0] = 0
	attr := loadAttr{
		btf: address(blob), size: uint32(len(blob)),
		log: address(j.log), logSize: uint32(len(j.log)), logLevel: logStat,
	}
	fd, _, errno := syscall.Syscall(sysBPF, btfLoad, uintptr(unsafe.Pointer(&attr)), unsafe.Offsetof(attr.logLevel)+4)
	a.Init = int(errno)
	if errno == 0 {
		if err := syscall.Close(int(fd)); err != nil {
			a.Problem = fmt.Sprintf("close of loaded BTF: %v", err)
		}
		return
	}
	said, _, _ := bytes.Cut(j.log, []byte{0})
	a.Words = said[max(0, len(said)-words):]
}

// address is where the bytes are: the job's blobs and the log never move, the
// one is mapped, the other big enough to have a span of the heap to itself.
func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
