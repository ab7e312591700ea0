//go:build linux && amd64

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"kpkg-btf/internal/vmtest/wire"
)

const (
	sysInitModule   = 175
	sysDeleteModule = 176
	prSetName       = 15
)

// ask puts one case to the kernel and leaves the log to the caller.
func (j *job) ask(i int) wire.Answer {
	c := &j.man.Cases[i]
	a := wire.Answer{I: i, Delete: -1}
	prName(i)
	if len(c.Args) > 0 {
		start := time.Now()
		program(c, &a)
		a.Nanos = time.Since(start).Nanoseconds()
		return a
	}
	if c.User {
		start := time.Now()
		j.loadBTF(j.span(c.BTF), &a)
		a.Nanos = time.Since(start).Nanoseconds()
		return a
	}
	ko := j.span(c.Module)
	if c.Module.Len < 0 {
		j.ko = j.blank.Fill(j.ko, j.span(c.BTF), j.span(c.Base))
		ko = j.ko
	}
	start := time.Now()
	errno := initModule(ko, c.Params)
	a.Init = int(errno)
	if errno == 0 {
		look(c, &a)
		if !c.Keep {
			a.Delete = int(deleteModule(c.Name))
		}
	}
	a.Nanos = time.Since(start).Nanoseconds()
	return a
}

// look reads what sysfs has of the module's BTF.
func look(c *wire.Case, a *wire.Answer) {
	path := "/sys/kernel/btf/" + c.Name
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		a.File = true
		if !c.Digest && !c.Bytes {
			return
		}
		var b []byte
		if b, err = os.ReadFile(path); err == nil {
			a.Digest = digest(b)
			if c.Bytes {
				a.Bytes = b
			}
		}
	}
	if err != nil {
		a.Problem = err.Error()
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func initModule(ko []byte, params string) syscall.Errno {
	p, err := syscall.BytePtrFromString(params)
	if err != nil {
		return syscall.EINVAL
	}
	// An empty module is a question too; it must not be an index out of range.
	_, _, errno := syscall.Syscall(sysInitModule, uintptr(unsafe.Pointer(unsafe.SliceData(ko))), uintptr(len(ko)), uintptr(unsafe.Pointer(p)))
	return errno
}

func deleteModule(name string) syscall.Errno {
	p, err := syscall.BytePtrFromString(name)
	if err != nil {
		return syscall.EINVAL
	}
	_, _, errno := syscall.Syscall(sysDeleteModule, uintptr(unsafe.Pointer(p)), syscall.O_NONBLOCK, 0)
	return errno
}

// prName names the thread after the case, so that an oops says which one.
func prName(i int) {
	name := append([]byte("case"), strconv.Itoa(i)...)
	name = append(name, 0)
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(&name[0])), 0)
}
